#include "bin/admin.hpp"

#include "messages/base/base64.hpp"
#include "net/tls/files.hpp"

namespace troupe {

namespace {

result<std::string> field(const std::string& kubeconfig, const std::string& name) {
  auto at = kubeconfig.find(name + ": ");
  if (at == kubeconfig.npos) return error{errc::bad_request, "the kubeconfig has no " + name};
  at += name.size() + 2;
  return kubeconfig.substr(at, kubeconfig.find('\n', at) - at);
}

result<std::string> decoded(const std::string& kubeconfig, const std::string& name) {
  auto text = field(kubeconfig, name);
  if (!text) return text;
  auto bytes = base64::decode(*text);
  if (!bytes) return error{errc::bad_request, "the kubeconfig's " + name + " is no base64"};
  return std::string(*bytes);
}

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
  auto url = field(kubeconfig, "server");
  if (!url) return url.error();
  auto where = http::split_url(*url);
  if (!where) return where.error();
  auto ca = decoded(kubeconfig, "certificate-authority-data");
  auto certificate = decoded(kubeconfig, "client-certificate-data");
  auto key = decoded(kubeconfig, "client-key-data");
  if (!ca) return ca.error();
  if (!certificate) return certificate.error();
  if (!key) return key.error();
  return cluster_access{
      {.host = where->first, .port = where->second, .who = {*certificate, *key, *ca}}, *ca};
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

} // namespace troupe
