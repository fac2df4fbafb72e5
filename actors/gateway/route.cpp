#include "actors/gateway/route.hpp"

#include "messages/base/selector.hpp"

namespace troupe::gateway {

namespace {

std::string lower_method(http::method m) {
  auto name = std::string(http::to_string(m));
  for (auto& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return name;
}

std::string resource_verb(const std::string& method, const route& at, bool watching) {
  auto named = !at.name.empty();
  if (method == "post") return "create";
  if (method == "put") return "update";
  if (method == "patch") return "patch";
  if (method == "delete") return named ? "delete" : "deletecollection";
  if (method == "get") return watching ? "watch" : named ? "get" : "list";
  return method;
}

void note_selected(route& at, const http::query& query) {
  if (at.verb != "list" && at.verb != "watch") return;
  auto text = query.get("fieldSelector");
  if (text.empty()) return;
  auto read = parse_field_selector(text);
  if (!read) return; // whoever lists will say so
  for (auto& r : *read) {
    if (r.equal && r.path == "metadata.name") at.selected_name = r.value;
    if (r.equal && r.path == "spec.nodeName") at.selected_node = r.value;
  }
}

bool truthy(std::string_view text) {
  return !text.empty() && text != "0" && text != "false" && text != "False" && text != "f" &&
         text != "F";
}

} // namespace

result<route> read_route(const http::request& request, const http::query& query) {
  auto parts = request.segments();
  if (!parts) return parts.error();
  route at;
  at.path = request.path();
  auto method = lower_method(request.verb());
  at.verb = method;

  auto& p = *parts;
  size_t i = 0;
  if (p.size() >= 6 && p[0] == "troupe" && p[1] == "v1" && (p[3] == "api" || p[3] == "apis")) {
    at.insight = p[2];
    p.erase(p.begin(), p.begin() + 3);
  }
  if (p.size() >= 3 && p[0] == "api") {
    at.version = p[1];
    i = 2;
  } else if (p.size() >= 4 && p[0] == "apis") {
    at.group = p[1];
    at.version = p[2];
    i = 3;
  } else {
    return at;
  }
  bool watching = query.has("watch") && (query.get("watch").empty() || truthy(query.get("watch")));
  if (p[i] == "watch" && p.size() > i + 1) { // the old way to say ?watch=1
    watching = true;
    ++i;
  }
  at.resource = true;
  if (p[i] == "namespaces" && p.size() > i + 2 && p[i + 2] != "status" && p[i + 2] != "finalize") {
    at.ns = p[i + 1];
    i += 2;
  }
  at.plural = p[i++];
  if (i < p.size()) at.name = p[i++];
  if (i < p.size()) at.subresource = p[i++];
  for (; i < p.size(); ++i) at.rest.push_back(p[i]);
  if (at.plural == "namespaces" && at.group.empty()) at.ns = at.name;
  // A watch of one named object is a watch of the collection that selects it.
  at.verb = resource_verb(method, at, watching && at.subresource.empty());
  note_selected(at, query);
  return at;
}

} // namespace troupe::gateway
