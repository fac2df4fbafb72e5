#include "bin/cluster/kubeconfig.hpp"

#include "messages/base/json.hpp"
#include "messages/codec/yaml.hpp"

#include <algorithm>

namespace troupe::clusters {

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

} // namespace troupe::clusters
