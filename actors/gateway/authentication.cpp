#include "actors/gateway/authentication.hpp"

#include "actors/gateway/service_account.hpp"

#include "net/streams/websocket.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace troupe::gateway {

namespace {

constexpr size_t token_bytes_max = 64 * 1024;
constexpr std::string_view all_authenticated = "system:authenticated";

error unauthorized(std::string why) { return {errc::unauthorized, std::move(why)}; }

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::vector<std::string> split_csv(std::string_view line) {
  std::vector<std::string> out(1);
  bool quoted = false;
  for (auto c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

user authenticated(user who) {
  if (!who.in(all_authenticated)) who.groups.emplace_back(all_authenticated);
  return who;
}

/// The bearer token of a request, from its header.
std::optional<std::string_view> bearer(const http::request& request) {
  auto header = request.header("Authorization");
  constexpr std::string_view scheme = "Bearer ";
  if (header.size() < scheme.size()) return {};
  for (size_t i = 0; i < scheme.size(); ++i)
    if ((header[i] | 32) != (scheme[i] | 32)) return {};
  header.remove_prefix(scheme.size());
  while (!header.empty() && header.front() == ' ') header.remove_prefix(1);
  return header;
}

} // namespace

result<std::vector<static_token>> read_token_file(std::string_view text) {
  std::vector<static_token> out;
  for (size_t number = 1; !text.empty(); ++number) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#') continue;
    auto parts = split_csv(line);
    if (parts.size() < 3 || parts[0].empty() || parts[1].empty())
      return error{errc::bad_request, "token file, line " + std::to_string(number) +
                                          ": write token,user,uid[,\"group1,group2\"]"};
    static_token t{parts[0], {parts[1], parts[2], {}, {}}};
    if (parts.size() > 3 && !parts[3].empty()) t.who.groups = split_csv(parts[3]);
    out.push_back(std::move(t));
  }
  return out;
}

result<user> authenticator::identify_token(std::string_view token,
                                           const std::vector<std::string>& audiences) const {
  if (token.empty() || token.size() > token_bytes_max)
    return unauthorized("the bearer token is empty or too long");
  const static_token* hit = nullptr;
  for (auto& t : tokens)
    if (same(t.token, token)) hit = &t;
  bool for_us = audiences.empty() ||
                std::find(audiences.begin(), audiences.end(), token_issuer) != audiences.end();
  if (hit && for_us) return authenticated(hit->who);
  if (check) {
    auto who = check(token, audiences);
    if (!who) return who.error();
    if (*who) return authenticated(**who);
  }
  return unauthorized("invalid bearer token");
}

result<user> authenticator::identify(const http::request& request) const {
  if (request.from && request.from->certificate) {
    auto& c = *request.from->certificate;
    if (!c.verified) return unauthorized("the client certificate does not hold: " + c.why_not);
    if (!c.client_auth) return unauthorized("the client certificate is not made for clients");
    if (c.common_name.empty()) return unauthorized("the client certificate has no common name");
    return authenticated(
        {c.common_name,
         {},
         c.organizations,
         {{"authentication.kubernetes.io/credential-id", {"X509SHA256=" + c.fingerprint_sha256}}}});
  }
  if (auto token = bearer(request)) return identify_token(*token);
  if (streams::wants_websocket(request)) { // browsers cannot set headers on them
    auto token = streams::bearer_token(request);
    if (!token) return unauthorized(token.error().message);
    if (*token) return identify_token(**token);
  }
  if (!request.header("Authorization").empty()) return unauthorized("only bearer tokens are taken");
  if (!anonymous) return unauthorized("anonymous requests are refused");
  return user{"system:anonymous", {}, {"system:unauthenticated"}, {}};
}

} // namespace troupe::gateway
