#include "bin/admin.hpp"

#include "actors/client/settings.hpp"
#include "net/tls/files.hpp"

namespace troupe {

namespace {

errc code_of(int status) {
  switch (status) {
  case 401: return errc::unauthorized;
  case 404: return errc::not_found;
  case 409: return errc::conflict;
  case 429: return errc::too_many_requests;
  case 503: return errc::unavailable;
  default: return errc::forbidden;
  }
}

} // namespace

result<cluster_access> read_access(const std::string& kubeconfig) {
  auto read = client::read_kubeconfig(kubeconfig);
  if (!read) return read.error();
  auto where = http::split_url(read->url);
  if (!where) return where.error();
  return cluster_access{{.host = where->first, .port = where->second, .who = read->who},
                        read->who.trusted_ca_pem};
}

result<cluster_access> access(const std::filesystem::path& data) {
  auto text = tls::load_private(data / "admin.kubeconfig");
  if (!text)
    return with_context(text.error(), "no server has run from " + data.string() +
                                          ", or it is not for you to read");
  return read_access(*text);
}

result<json::value> call(const cluster_access& to, http::client_request what) {
  auto answer = http::ask(to.whom, what);
  if (!answer) return answer.error();
  auto read = json::parse(answer->body);
  if (answer->status < 300) return read;
  std::string said(read ? json::string_at(*read, {"message"}) : std::string_view{});
  return error{code_of(answer->status), said.empty() ? answer->body : said};
}

result<json::value> long_call(const std::filesystem::path& data, http::client_request what) {
  auto to = access(data);
  if (!to) return to.error();
  to->whom.patience = std::chrono::minutes{30};
  return call(*to, std::move(what));
}

} // namespace troupe
