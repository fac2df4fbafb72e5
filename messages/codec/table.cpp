#include "messages/codec/table.hpp"

#include "messages/api/pod.pb.h"
#include "messages/base/json_path.hpp"
#include "messages/base/time.hpp"
#include "messages/codec/cells/view.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/wire.hpp"

namespace troupe::codec {

namespace {

std::string object_json(const schema::kind& kind, std::string_view stored, uint64_t revision) {
  std::string out;
  auto version = std::to_string(revision);
  auto api_version = kind.api_version();
  head h{api_version, kind.name, version};
  if (kind.custom())
    custom_to_json(stored, h, out);
  else
    wire_to_json(*kind.shape, stored, h, out);
  return out;
}

/// What a custom column shows of what its path found: the first of it, if it is of the column's
/// type.
json::value custom_cell(const schema::column& column, const std::vector<const json::value*>& found,
                        int64_t now) {
  if (found.empty()) return nullptr;
  auto& v = *found[0];
  if (column.type == "string") return v.is_string() ? v : json::value(json::write(v));
  if (column.type == "date") {
    auto text = v.if_string();
    if (!text) return nullptr;
    auto at = parse_time(*text);
    return at ? json::value(format_age(std::chrono::seconds(now - at->seconds)))
              : json::value("<invalid>");
  }
  if (column.type == "integer")
    return v.is_double()   ? json::value(static_cast<int64_t>(v.get_double()))
           : v.is_number() ? v
                           : json::value(nullptr);
  if (column.type == "number") return v.is_number() ? v : json::value(nullptr);
  if (column.type == "boolean") return v.is_bool() ? v : json::value(nullptr);
  return nullptr;
}

json::array custom_cells(const schema::kind& kind, std::string_view object, int64_t now) {
  json::array out;
  auto tree = json::parse(object);
  if (!tree) return out;
  out.push_back(json::value(json::string_at(*tree, {"metadata", "name"})));
  for (auto& c : kind.columns) out.push_back(custom_cell(c, json::find_path(*tree, c.path), now));
  return out;
}

/// What a row says of its object as a whole, for clients that show finished pods apart.
std::string_view row_conditions(const google::protobuf::Message& object) {
  if (object.GetDescriptor() != k8s::core::v1::Pod::descriptor()) return {};
  auto& phase = static_cast<const k8s::core::v1::Pod&>(object).status().phase();
  if (phase == "Succeeded")
    return R"([{"type":"Completed","status":"True","reason":"Succeeded",)"
           R"("message":"The pod has completed successfully."}])";
  if (phase == "Failed")
    return R"([{"type":"Completed","status":"True","reason":"Failed","message":"The pod failed."}])";
  return {};
}

void write_column(const schema::column& c, std::string& out) {
  json::object o{{"name", c.name},
                 {"type", c.type},
                 {"format", c.format},
                 {"description", c.description},
                 {"priority", c.priority}};
  json::write(out, o);
}

} // namespace

include include_of(std::string_view word) {
  if (word == "None") return include::none;
  if (word == "Object") return include::object;
  return include::metadata;
}

table::table(const schema::kind& kind, include rows_carry, std::string_view meta_version,
             int64_t now_seconds)
    : kind_{kind}, carry_{rows_carry}, version_{meta_version}, now_seconds_{now_seconds} {}

void table::add(std::string_view stored, uint64_t revision) {
  json::array cells;
  std::string object;
  std::string_view conditions;
  if (kind_.custom() || carry_ == include::object) object = object_json(kind_, stored, revision);
  if (kind_.custom()) {
    cells = custom_cells(kind_, object, now_seconds_);
  } else {
    std::unique_ptr<google::protobuf::Message> typed(kind_.prototype->New());
    typed->ParsePartialFromArray(stored.data(), static_cast<int>(stored.size()));
    cells = view_of(typed->GetDescriptor()).cells(*typed, now_seconds_);
    conditions = row_conditions(*typed);
  }
  if (!rows_.empty()) rows_ += ',';
  rows_ += "{\"cells\":";
  json::write(rows_, cells);
  if (!conditions.empty()) rows_.append(",\"conditions\":").append(conditions);
  if (carry_ == include::object) rows_.append(",\"object\":").append(object);
  if (carry_ == include::metadata) {
    rows_ += ",\"object\":";
    write_partial(stored, revision, version_, rows_);
  }
  rows_ += '}';
}

std::string table::finish(std::string_view resource_version, std::string_view continue_token,
                          std::string_view remaining, bool columns) {
  std::string out = "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/" + version_ +
                    "\",\"metadata\":{\"resourceVersion\":";
  json::write_string(out, resource_version);
  if (!continue_token.empty()) {
    out += ",\"continue\":";
    json::write_string(out, continue_token);
  }
  if (!remaining.empty()) out.append(",\"remainingItemCount\":").append(remaining);
  out += "},\"columnDefinitions\":[";
  if (columns) {
    bool first = true;
    auto put = [&](const schema::column& c) {
      if (!first) out += ',';
      first = false;
      write_column(c, out);
    };
    if (kind_.custom()) {
      put({"Name", "string", "name", {}, {}, 0});
      for (auto& c : kind_.columns) put(c);
    } else {
      for (auto& c : view_of(kind_.prototype->GetDescriptor()).columns) put(c);
    }
  }
  out.append("],\"rows\":[").append(rows_).append("]}");
  rows_.clear();
  return out;
}

void write_partial(std::string_view stored, uint64_t revision, std::string_view meta_version,
                   std::string& out, bool with_type) {
  static const schema::type& shape =
      schema::of(schema::find_message("v1", "PartialObjectMetadata"));
  std::string_view metadata;
  wire::reader in(stored);
  while (in.next())
    if (in.number == 1) metadata = in.data;
  std::string only;
  wire::put_bytes(only, 1, metadata);
  auto version = std::to_string(revision);
  auto api_version = "meta.k8s.io/" + std::string(meta_version);
  head h{with_type ? std::string_view(api_version) : std::string_view{},
         with_type ? std::string_view("PartialObjectMetadata") : std::string_view{}, version};
  wire_to_json(shape, only, h, out);
}

} // namespace troupe::codec
