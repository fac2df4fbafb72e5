#include "bin/pki.hpp"

#include "actors/link/hub.hpp"
#include "messages/base/base64.hpp"
#include "net/tls/files.hpp"
#include "net/tls/jws.hpp"
#include "net/tls/life.hpp"

namespace troupe {

namespace {

constexpr std::chrono::days authority_life{3650};
constexpr std::chrono::days leaf_life{365};

bool fresh(const tls::key_pair& pair, const tls::key_pair& authority, tls::wall_time now) {
  auto life = tls::read_life(pair.certificate_pem);
  return life && life->renewal() > now.time_since_epoch().count() &&
         life->begins <= now.time_since_epoch().count() && tls::verify_pair(pair) &&
         tls::verify_certificate(pair.certificate_pem, authority.certificate_pem, now, {});
}

result<tls::key_pair> leaf(const std::filesystem::path& stem, const tls::key_pair& authority,
                           tls::certificate_spec spec, tls::wall_time now) {
  if (auto old = tls::load_pair(stem); old && fresh(*old, authority, now)) {
    // A server that is reached under another name now needs another certificate.
    auto read = tls::read_certificate(old->certificate_pem);
    bool same_names = read && read->dns_names == spec.dns_names;
    for (auto& a : spec.ip_addresses)
      same_names = same_names && tls::names_address(old->certificate_pem, a);
    if (same_names) return old;
  }
  spec.not_before = now - tls::backdate;
  spec.not_after = now + leaf_life;
  auto made = tls::issue(authority, spec);
  if (!made) return made;
  if (auto saved = tls::save(*made, stem); !saved) return saved.error();
  return made;
}

} // namespace

result<pki> prepare_pki(const std::filesystem::path& folder, const std::vector<std::string>& names,
                        const std::vector<std::string>& addresses, uint64_t id,
                        tls::wall_time now) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed)
    return error{errc::internal, "cannot create " + folder.string() + ": " + failed.message()};
  pki out;
  auto authority = tls::load_pair(folder / "ca");
  if (!authority) {
    if (std::filesystem::exists(folder / "ca.crt"))
      return with_context(authority.error(), "cannot read the cluster's CA");
    authority = tls::make_authority("troupe-ca", now, authority_life);
    if (!authority) return authority.error();
    if (auto saved = tls::save(*authority, folder / "ca"); !saved) return saved.error();
  }
  if (auto good = tls::verify_pair(*authority); !good)
    return with_context(good.error(), "the cluster's CA in " + folder.string() +
                                          " is damaged (another server or a backup has it, too)");
  out.authority = std::move(*authority);
  tls::certificate_spec spec;
  spec.common_name = "troupe-server";
  spec.dns_names = names;
  spec.ip_addresses = addresses;
  spec.use = {.client = false, .server = true};
  auto server = leaf(folder / "server", out.authority, spec, now);
  if (!server) return server.error();
  out.server = std::move(*server);
  spec = {};
  spec.common_name = "troupe-admin";
  spec.organizations = {"system:masters"};
  spec.use = {.client = true, .server = false};
  auto admin = leaf(folder / "admin", out.authority, spec, now);
  if (!admin) return admin.error();
  out.admin = std::move(*admin);
  spec = {};
  spec.common_name = server_name(id);
  spec.organizations = {server_group};
  spec.dns_names = {server_host(id), any_server_host};
  spec.use = {.client = true, .server = true};
  auto link = leaf(folder / ("link-" + std::to_string(id)), out.authority, spec, now);
  if (!link) return link.error();
  out.link = std::move(*link);
  auto token_key = tls::load_private(folder / "service-account.key");
  if (!token_key) {
    token_key = tls::make_token_key();
    if (!token_key) return token_key.error();
    if (auto saved = tls::save_private(folder / "service-account.key", *token_key); !saved)
      return saved.error();
  }
  out.token_key_pem = std::move(*token_key);
  return out;
}

std::vector<std::string> own_names() {
  return {"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
          "kubernetes.default.svc.cluster.local"};
}

std::vector<std::string> own_addresses(const std::string& advertised) {
  std::vector<std::string> out{"127.0.0.1", "::1", "10.96.0.1"};
  if (!advertised.empty()) out.push_back(advertised);
  return out;
}

std::vector<std::filesystem::path> leaf_stems(const std::filesystem::path& folder, uint64_t id) {
  return {folder / "server", folder / "admin", folder / ("link-" + std::to_string(id))};
}

void forget_leaves(const std::filesystem::path& folder, uint64_t id) {
  std::error_code ignored;
  for (auto& stem : leaf_stems(folder, id))
    std::filesystem::remove(stem.string() + ".crt", ignored);
}

std::string write_kubeconfig(const pki& from, const std::string& url,
                             const std::vector<std::string>& links, const std::string& name) {
  auto user = name + "-admin";
  std::string places;
  for (auto& at : links) places += (places.empty() ? "\"" : ", \"") + at + "\"";
  return "apiVersion: v1\nkind: Config\ncurrent-context: " + name + "\nclusters:\n- name: " + name +
         "\n  cluster:\n    server: " + url +
         "\n    certificate-authority-data: " + base64::encode(from.authority.certificate_pem) +
         "\n    extensions:\n    - name: troupe.dev/links\n      extension: {servers: [" + places +
         "]}\nusers:\n- name: " + user +
         "\n  user:\n    client-certificate-data: " + base64::encode(from.admin.certificate_pem) +
         "\n    client-key-data: " + base64::encode(from.admin.key_pem) +
         "\ncontexts:\n- name: " + name + "\n  context:\n    cluster: " + name +
         "\n    user: " + user + "\n";
}

} // namespace troupe
