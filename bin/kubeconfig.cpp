#include "bin/kubeconfig.hpp"

#include "messages/base/json.hpp"
#include "messages/codec/yaml.hpp"
#include "net/tls/files.hpp"

#include <algorithm>
#include <cstdlib>

namespace troupe {

namespace {

constexpr const char* lists[] = {"clusters", "users", "contexts"};

result<json::object> read(const std::string& text) {
  auto documents = yaml::to_json(text);
  if (!documents) return documents.error();
  if (documents->empty()) return json::object{{"apiVersion", "v1"}, {"kind", "Config"}};
  auto tree = json::parse(documents->front().json);
  if (!tree) return tree.error();
  if (documents->size() > 1 || !tree->is_object())
    return error{errc::bad_request, "this is no kubeconfig"};
  return std::move(tree->get_object());
}

json::array& list_in(json::object& in, const char* name) {
  auto& v = in[name];
  if (!v.is_array()) v = json::array{};
  return v.get_array();
}

/// The authority of the cluster called `name`; empty if there is none.
std::string_view authority_of(json::object& in, std::string_view name) {
  for (auto& x : list_in(in, "clusters"))
    if (json::string_at(x, {"name"}) == name)
      return json::string_at(x, {"cluster", "certificate-authority-data"});
  return {};
}

void erase(json::array& from, std::string_view name) {
  auto end = std::remove_if(from.begin(), from.end(), [&](const json::value& x) {
    return json::string_at(x, {"name"}) == name;
  });
  from.erase(end, from.end());
}

result<std::string> write(json::object tree) {
  return yaml::from_json(json::write(json::value(std::move(tree))));
}

} // namespace

result<std::string> merge_kubeconfig(const std::string& whole, const std::string& more) {
  auto into = read(whole), from = read(more);
  if (!into) return into.error();
  if (!from) return from.error();
  for (auto name : lists) {
    auto& to = list_in(*into, name);
    for (auto& x : list_in(*from, name)) {
      erase(to, json::string_at(x, {"name"}));
      to.push_back(x);
    }
  }
  if (auto current = from->if_contains("current-context")) (*into)["current-context"] = *current;
  return write(std::move(*into));
}

result<std::string> without_cluster(const std::string& whole, const std::string& cluster,
                                    const std::string& user) {
  auto tree = read(whole);
  if (!tree) return tree.error();
  erase(list_in(*tree, "clusters"), cluster);
  erase(list_in(*tree, "users"), user);
  erase(list_in(*tree, "contexts"), cluster);
  if (auto current = tree->if_contains("current-context");
      current && current->is_string() && current->get_string() == cluster)
    (*tree)["current-context"] = "";
  return write(std::move(*tree));
}

result<std::string> without_own(const std::string& whole, const std::string& own) {
  auto all = read(whole), mine = read(own);
  if (!all) return all.error();
  if (!mine) return mine.error();
  auto rest = whole;
  for (auto& x : list_in(*mine, "contexts")) {
    auto cluster = json::string_at(x, {"context", "cluster"});
    auto authority = authority_of(*mine, cluster);
    if (authority.empty() || authority_of(*all, cluster) != authority) continue;
    auto left = without_cluster(rest, std::string(cluster),
                                std::string(json::string_at(x, {"context", "user"})));
    if (!left) return left.error();
    rest = std::move(*left);
  }
  return rest;
}

std::filesystem::path users_kubeconfig() {
  if (auto named = getenv("KUBECONFIG"); named && *named) {
    std::string paths(named);
    return paths.substr(0, paths.find(':'));
  }
  auto home = getenv("HOME");
  return std::filesystem::path(home && *home ? home : "/root") / ".kube" / "config";
}

result<void> merge_into(const std::filesystem::path& file, const std::string& more) {
  std::string whole;
  std::error_code failed;
  if (std::filesystem::exists(file, failed)) {
    auto old = tls::load_file(file);
    if (!old) return old.error();
    whole = std::move(*old);
  }
  auto merged = merge_kubeconfig(whole, more);
  if (!merged) return with_context(merged.error(), file.string());
  std::filesystem::create_directories(file.parent_path(), failed);
  return tls::save_private(file, *merged);
}

result<void>
rewrite_kubeconfig(const std::filesystem::path& file,
                   const std::function<result<std::string>(const std::string&)>& change) {
  auto old = tls::load_file(file);
  if (!old) return {};
  auto rest = change(*old);
  if (!rest) return with_context(rest.error(), file.string());
  return *rest == *old ? result<void>{} : tls::save_private(file, *rest);
}

} // namespace troupe
