#include "actors/client/settings.hpp"

#include "messages/base/base64.hpp"
#include "messages/base/json.hpp"
#include "messages/codec/yaml.hpp"
#include "net/http/client.hpp"
#include "net/tls/files.hpp"

#include <cstdlib>
#include <filesystem>

namespace troupe::client {

namespace {

constexpr const char* own_kubeconfig = "/var/lib/troupe/admin.kubeconfig";
constexpr std::string_view links_extension = "troupe.dev/links";

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

/// The entry called `name` of a kubeconfig's list.
const json::value* named(const json::value& root, std::string_view list, std::string_view name) {
  auto all = json::find(root, list);
  if (!all || !all->is_array()) return nullptr;
  for (auto& each : all->get_array())
    if (json::string_at(each, {"name"}) == name) return &each;
  return nullptr;
}

/// `key`-data in base64, or the file that `key` names.
result<std::string> pem(const json::value& of, const std::string& key) {
  if (auto data = json::string_at(of, {key + "-data"}); !data.empty()) {
    auto bytes = base64::decode(data);
    if (!bytes) return bad(key + "-data is not base64");
    return std::string(*bytes);
  }
  auto file = json::string_at(of, {key});
  if (file.empty()) return std::string{};
  return tls::load_file(std::string(file));
}

result<server_place> address(std::string_view text) {
  auto colon = text.rfind(':');
  auto port = colon == text.npos ? 0 : atoi(std::string(text.substr(colon + 1)).c_str());
  if (port <= 0 || port > 65'535)
    return bad("\"" + std::string(text) + "\" is not HOST:PORT, as servers' links are given");
  return server_place{std::string(text.substr(0, colon)), static_cast<uint16_t>(port)};
}

result<std::vector<server_place>> links(const json::value& cluster, std::string_view url) {
  std::vector<server_place> out;
  if (auto extension = named(cluster, "extensions", links_extension))
    if (auto list = json::find(*extension, {"extension", "servers"}); list && list->is_array())
      for (auto& each : list->get_array()) {
        auto read = address(each.is_string() ? std::string_view(each.get_string()) : "");
        if (!read) return read.error();
        out.push_back(std::move(*read));
      }
  if (!out.empty()) return out;
  auto where = http::split_url(url);
  if (!where) return where.error();
  out.push_back({where->first, static_cast<uint16_t>(where->second + 1)});
  return out;
}

} // namespace

result<settings> read_kubeconfig(std::string_view text, std::string_view wanted) {
  auto documents = yaml::to_json(text);
  if (!documents) return with_context(documents.error(), "the kubeconfig cannot be read");
  if (documents->empty()) return bad("the kubeconfig is empty");
  auto root = json::parse(documents->front().json);
  if (!root) return root.error();
  settings out;
  out.context = wanted.empty() ? std::string(json::string_at(*root, {"current-context"}))
                               : std::string(wanted);
  auto context = named(*root, "contexts", out.context);
  if (!context)
    return bad(out.context.empty() ? "the kubeconfig has no current context"
                                   : "the kubeconfig has no context \"" + out.context + "\"");
  auto cluster_name = json::string_at(*context, {"context", "cluster"});
  auto user_name = json::string_at(*context, {"context", "user"});
  if (auto ns = json::string_at(*context, {"context", "namespace"}); !ns.empty()) out.ns = ns;
  auto cluster_entry = named(*root, "clusters", cluster_name);
  auto user_entry = named(*root, "users", user_name);
  auto cluster = cluster_entry ? json::find(*cluster_entry, "cluster") : nullptr;
  auto user = user_entry ? json::find(*user_entry, "user") : nullptr;
  if (!cluster) return bad("the kubeconfig has no cluster \"" + std::string(cluster_name) + "\"");
  if (!user) return bad("the kubeconfig has no user \"" + std::string(user_name) + "\"");
  out.url = json::string_at(*cluster, {"server"});
  auto ca = pem(*cluster, "certificate-authority");
  auto certificate = pem(*user, "client-certificate");
  auto key = pem(*user, "client-key");
  if (!ca) return ca.error();
  if (!certificate) return certificate.error();
  if (!key) return key.error();
  if (ca->empty()) return bad("the kubeconfig does not say which CA the cluster has");
  if (certificate->empty() || key->empty())
    return bad("user \"" + std::string(user_name) +
               "\" has no client certificate, by which links know who is there");
  out.who = {std::move(*certificate), std::move(*key), std::move(*ca)};
  auto servers = links(*cluster, out.url);
  if (!servers) return servers.error();
  out.servers = std::move(*servers);
  return out;
}

result<std::string> find_kubeconfig(const std::string& given) {
  if (!given.empty()) return given;
  std::error_code ignored;
  if (auto list = std::getenv("KUBECONFIG"); list && *list) {
    std::string_view rest = list;
    while (!rest.empty()) {
      auto one = std::string(rest.substr(0, rest.find(':')));
      rest.remove_prefix(std::min(one.size() + 1, rest.size()));
      if (!one.empty() && std::filesystem::exists(one, ignored)) return one;
    }
    return error{errc::not_found, "there is no file of KUBECONFIG=" + std::string(list)};
  }
  if (auto home = std::getenv("HOME"); home && *home) {
    auto usual = std::filesystem::path(home) / ".kube" / "config";
    if (std::filesystem::exists(usual, ignored)) return usual.string();
  }
  if (std::filesystem::exists(own_kubeconfig, ignored)) return std::string(own_kubeconfig);
  return error{errc::not_found,
               "there is no kubeconfig: name one with --kubeconfig or in KUBECONFIG, or start a "
               "cluster with `troupe up`"};
}

result<settings> find_settings(const std::string& kubeconfig, std::string_view context) {
  auto file = find_kubeconfig(kubeconfig);
  if (!file) return file.error();
  auto text = tls::load_file(*file);
  if (!text) return text.error();
  auto out = read_kubeconfig(*text, context);
  if (!out) return with_context(out.error(), *file);
  return out;
}

} // namespace troupe::client
