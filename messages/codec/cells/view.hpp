// How a kind looks in a table: its columns, and the cells of one object, in the same order.
#pragma once

#include "messages/api/meta.pb.h"
#include "messages/base/json.hpp"
#include "messages/base/time.hpp"
#include "messages/schema/kind.hpp"

#include <google/protobuf/message.h>

namespace troupe::codec {

struct view {
  std::vector<schema::column> columns;
  json::array (*cells)(const google::protobuf::Message& object, int64_t now_seconds);
};

/// The view of a built-in kind; kinds without one of their own show name and age.
const view& view_of(const google::protobuf::Descriptor* kind);

using views = std::unordered_map<const google::protobuf::Descriptor*, view>;
// One function a topic, each in the file of its name.
void add_pod_view(views& to);
void add_workload_views(views& to);
void add_network_views(views& to);
void add_storage_views(views& to);
void add_cluster_views(views& to);

/// Adds the view of `Object`: "Name" always comes first and is not listed. A column is written
/// "Ready", "Node:wide", "Restarts:integer" or "Attacher:name".
template<class Object, class Cells>
void add_view(views& to, std::initializer_list<std::string_view> columns, Cells) {
  view v;
  v.columns.push_back({"Name", "string", "name", {}, {}, 0});
  for (auto text : columns) {
    schema::column c;
    auto colon = text.find(':');
    c.name = text.substr(0, colon);
    for (auto rest = colon == text.npos ? std::string_view{} : text.substr(colon + 1);
         !rest.empty();) {
      auto end = std::min(rest.find(':'), rest.size());
      auto word = rest.substr(0, end);
      if (word == "wide")
        c.priority = 1;
      else if (word == "name")
        c.format = word;
      else
        c.type = word;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    v.columns.push_back(std::move(c));
  }
  v.cells = [](const google::protobuf::Message& m, int64_t now) {
    auto& object = static_cast<const Object&>(m);
    json::array out{std::string_view(object.metadata().name())};
    Cells{}(object, now, out);
    return out;
  };
  to.emplace(Object::descriptor(), std::move(v));
}

/// One cell, from whatever a view has at hand.
struct cell {
  cell(const std::string& text) : value(std::string_view(text)) {}
  cell(const char* text) : value(text) {}
  cell(int32_t number) : value(number) {}
  cell(int64_t number) : value(number) {}
  cell(bool flag) : value(flag) {}
  json::value value;
};
void add(json::array& out, std::initializer_list<cell> cells);

// Words that many cells share.

/// "5d" since `seconds`, "<unknown>" if that is not set.
std::string age(int64_t seconds, int64_t now_seconds);
template<class Object> std::string age_of(const Object& object, int64_t now_seconds) {
  return age(object.metadata().creation_timestamp().seconds(), now_seconds);
}
template<class Object> std::string created_at(const Object& object) {
  return object.metadata().has_creation_timestamp()
             ? format_time(object.metadata().creation_timestamp().seconds())
             : "<unknown>";
}
/// Joined by commas, or "<none>".
std::string joined(const std::vector<std::string>& words, const char* none = "<none>");
/// "a=b,c=d" in the order of keys.
std::string labels_text(const google::protobuf::Map<std::string, std::string>& labels,
                        const char* none = "<none>");
std::string selector_text(const k8s::meta::v1::LabelSelector& selector);

} // namespace troupe::codec
