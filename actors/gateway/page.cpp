#include "actors/gateway/page.hpp"

#include "messages/base/base64.hpp"
#include "messages/base/json.hpp"

namespace troupe::gateway {

namespace {
constexpr std::string_view token_version = "meta.k8s.io/v1";
constexpr size_t token_bytes_max = 4096;
constexpr int64_t in_the_present = -1; // as clients know it from Kubernetes
} // namespace

std::string write_page_token(const page_token& token) {
  auto revision = token.revision ? static_cast<int64_t>(token.revision) : in_the_present;
  json::object out{{"v", token_version}, {"rv", revision}, {"start", token.after}};
  return base64::encode_url(json::write(out));
}

result<page_token> read_page_token(std::string_view text) {
  if (text.empty()) return page_token{};
  error bad{errc::bad_request,
            "invalid continue token: continue key is not valid: this server did not give it out"};
  if (text.size() > token_bytes_max) return bad;
  auto decoded = base64::decode_url(text);
  if (!decoded) return bad;
  auto tree = json::parse(*decoded);
  if (!tree || json::string_at(*tree, {"v"}) != token_version) return bad;
  auto revision = json::find(*tree, "rv");
  auto start = json::string_at(*tree, {"start"});
  if (!revision || !revision->is_int64() || start.empty()) return bad;
  if (revision->get_int64() <= 0 && revision->get_int64() != in_the_present) return bad;
  // A key behind its prefix: "NAMESPACE/NAME", or "/NAME" where there is no namespace. Names hold
  // neither dots in a row nor slashes nor NUL, so a forged token cannot leave its prefix.
  auto slash = start.find('/');
  bool plain = start.find("..") == start.npos && start.find('\0') == start.npos;
  if (!plain || (slash != start.npos && start.find('/', slash + 1) != start.npos)) return bad;
  return page_token{static_cast<uint64_t>(std::max<int64_t>(revision->get_int64(), 0)),
                    std::string(start)};
}

error version_to_come(std::string_view asked, uint64_t now) {
  error e{errc::timeout, "Timeout: Too large resource version: " + std::string(asked) +
                             ", current: " + std::to_string(now)};
  e.details.retry_after_seconds = 1;
  e.details.causes = {{"ResourceVersionTooLarge", "Too large resource version", ""}};
  return e;
}

} // namespace troupe::gateway
