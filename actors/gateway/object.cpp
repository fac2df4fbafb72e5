#include "actors/gateway/object.hpp"

#include "actors/gateway/versions.hpp"
#include "messages/api/custom.pb.h"
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/normalize.hpp"
#include "messages/codec/stored_parts.hpp"
#include "messages/codec/yaml.hpp"

#include <google/protobuf/message.h>

namespace troupe::gateway {

namespace {

using google::protobuf::Message;
using k8s::meta::v1::ObjectMeta;

constexpr int metadata_number = 1; // of every kind, custom ones included; permanent

bool custom(const Message& m) { return m.GetDescriptor() == k8s::base::Custom::descriptor(); }

error wrong_kind(const schema::kind& kind, std::string_view api_version, std::string_view name) {
  if (!api_version.empty() && api_version != kind.api_version())
    return {errc::bad_request, "the API version in the data (" + std::string(api_version) +
                                   ") does not match the expected API version (" +
                                   kind.api_version() + ")"};
  return {errc::bad_request, std::string(name) + " in version \"" + std::string(api_version) +
                                 "\" cannot be handled as a " + kind.name};
}

/// Splits a custom object's JSON: typed metadata here, everything else kept as it came.
result<body> read_custom(const schema::kind& kind, std::string_view text) {
  body out;
  auto tree = json::parse(text, [&](const std::string& path) {
    out.problems.push_back({codec::field_problem::kind::duplicate, path, 0, {}});
  });
  if (!tree) return tree.error();
  auto members = tree->if_object();
  if (!members) return error{errc::bad_request, "the body is not an object"};
  auto typed = std::make_unique<k8s::base::Custom>();
  auto api_version = json::string_at(*tree, {"apiVersion"});
  auto name = json::string_at(*tree, {"kind"});
  if (name.empty() || api_version.empty())
    return error{
        errc::bad_request,
        "Object 'Kind' is missing in the body: a custom object names its apiVersion and kind"};
  if (api_version != kind.api_version() || name != kind.name)
    return wrong_kind(kind, api_version, name);
  typed->set_api_version(std::string(api_version));
  typed->set_kind(std::string(name));
  if (auto metadata = members->if_contains("metadata"); metadata && !metadata->is_null()) {
    auto done = codec::from_json(json::write(*metadata), *typed->mutable_metadata());
    if (!done) return with_context(done.error(), "metadata");
    for (auto& p : done->problems) {
      p.path = "metadata." + p.path;
      out.problems.push_back(p);
    }
  }
  for (auto key : {"apiVersion", "kind", "metadata"}) members->erase(key);
  json::write(*typed->mutable_rest(), *members);
  out.object = std::move(typed);
  return out;
}

} // namespace

ObjectMeta& meta(Message& of) {
  auto field = of.GetDescriptor()->FindFieldByNumber(metadata_number);
  return static_cast<ObjectMeta&>(*of.GetReflection()->MutableMessage(&of, field));
}

const ObjectMeta& meta(const Message& of) {
  auto field = of.GetDescriptor()->FindFieldByNumber(metadata_number);
  return static_cast<const ObjectMeta&>(of.GetReflection()->GetMessage(of, field));
}

object make(const schema::kind& kind) {
  if (!kind.custom()) return object(kind.prototype->New());
  auto made = std::make_unique<k8s::base::Custom>();
  made->set_api_version(kind.api_version());
  made->set_kind(kind.name);
  return made;
}

object copy(const Message& of) {
  object out(of.New());
  out->CopyFrom(of);
  return out;
}

object load_without(const schema::kind& kind, const storage::entry& entry, uint32_t list) {
  auto out = make(kind);
  out->ParsePartialFromString(codec::without(entry.value(), list));
  meta(*out).set_resource_version(std::to_string(entry.mod_revision()));
  return out;
}

object load(const schema::kind& kind, const storage::entry& entry) {
  auto out = make(kind);
  auto parse = [&](std::string_view bytes) {
    out->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  };
  if (shown_otherwise(kind))
    parse(from_stored(kind, entry.value()));
  else
    parse(entry.value());
  if (kind.custom()) static_cast<k8s::base::Custom&>(*out).set_api_version(kind.api_version());
  meta(*out).set_resource_version(std::to_string(entry.mod_revision()));
  return out;
}

result<std::string> as_json(format form, std::string_view text) {
  if (form == format::json) return std::string(text);
  auto documents = yaml::to_json(text);
  if (!documents) return with_context(documents.error(), "the body is not valid YAML");
  if (documents->size() != 1) return error{errc::bad_request, "the body must be one YAML document"};
  return std::move(documents->front().json);
}

bool read_entry(const storage::entry& entry, Message& object) {
  return object.ParsePartialFromArray(entry.value().data(), static_cast<int>(entry.value().size()));
}

result<codec::decoded> read_document(Message& into, std::string_view api_version,
                                     std::string_view kind, format form, std::string_view text) {
  codec::decoded found;
  if (form == format::protobuf) {
    auto envelope = codec::open_envelope(text);
    if (!envelope) return envelope.error();
    std::string bytes;
    if (auto done = codec::normalize(schema::of(into.GetDescriptor()), envelope->raw, bytes); !done)
      return done.error();
    if (!into.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return error{errc::bad_request, "the protobuf body is malformed"};
    found.api_version = envelope->api_version;
    found.kind = envelope->kind;
  } else {
    auto json = as_json(form, text);
    if (!json) return json.error();
    text = *json;
    if (text.find_first_not_of(" \t\r\n") == text.npos)
      return error{errc::bad_request,
                   "the body is empty: an object of kind " + std::string(kind) + " is needed"};
    auto done =
        text == "null" ? result<codec::decoded>(codec::decoded{}) : codec::from_json(text, into);
    if (!done)
      return with_context(done.error(), std::string(kind) + " in version \"" +
                                            std::string(api_version) +
                                            "\" cannot be handled as a " + std::string(kind));
    found = std::move(*done);
  }
  if ((!found.kind.empty() && found.kind != kind) ||
      (!found.api_version.empty() && found.api_version != api_version && api_version != "*"))
    return error{errc::bad_request, "the object provided is " + found.api_version + " " +
                                        found.kind + ", but " +
                                        (api_version == "*" ? "" : std::string(api_version) + " ") +
                                        std::string(kind) + " is expected here"};
  return found;
}

result<body> read_body(const schema::kind& kind, format form, std::string_view text) {
  if (kind.custom()) {
    if (form == format::protobuf)
      return error{errc::unsupported_media_type, "custom objects are read as JSON or YAML only"};
    auto json = as_json(form, text);
    return json ? read_custom(kind, *json) : json.error();
  }
  body out{make(kind), {}};
  auto done = read_document(*out.object, kind.api_version(), kind.name, form, text);
  if (!done) return done.error();
  out.problems = std::move(done->problems);
  return out;
}

std::string json_of(const schema::kind& kind, const Message& object) {
  std::string out;
  auto wire = codec::to_wire(object);
  auto version = kind.api_version();
  codec::head head{version, kind.name, {}};
  if (custom(object))
    codec::custom_to_json(wire, head, out);
  else
    codec::wire_to_json(*kind.shape, wire, head, out);
  return out;
}

result<body> from_json(const schema::kind& kind, std::string_view json) {
  return read_body(kind, format::json, json);
}

std::string stored_form(const schema::kind& kind, const Message& object) {
  std::string bytes;
  if (meta(object).has_resource_version()) {
    auto bare = copy(object);
    meta(*bare).clear_resource_version();
    bytes = codec::to_wire(*bare);
  } else {
    bytes = codec::to_wire(object);
  }
  return converted(kind) ? to_stored(kind, bytes) : bytes;
}

namespace {

/// The JSON of an object in the shape in which it is served.
void write_own_json(const schema::kind& kind, std::string_view stored, uint64_t revision,
                    std::string& out, bool with_type) {
  auto version = revision ? std::to_string(revision) : std::string{}; // none before it is stored
  auto api_version = kind.api_version();
  codec::head head{with_type ? std::string_view(api_version) : std::string_view{},
                   with_type ? std::string_view(kind.name) : std::string_view{}, version};
  if (kind.custom()) {
    head.api_version = api_version; // items of custom lists name their kind, as Kubernetes' do
    head.kind = kind.name;
    codec::custom_to_json(stored, head, out);
  } else {
    codec::wire_to_json(*kind.shape, stored, head, out);
  }
}

} // namespace

void write_json(const schema::kind& kind, std::string_view stored, uint64_t revision,
                std::string& out, bool with_type) {
  if (shown_otherwise(kind)) {
    auto shown = from_stored(kind, stored);
    return write_own_json(kind, shown, revision, out, with_type);
  }
  write_own_json(kind, stored, revision, out, with_type);
}

std::string write_protobuf(const schema::kind& kind, std::string_view stored, uint64_t revision) {
  auto version = std::to_string(revision);
  if (shown_otherwise(kind))
    return codec::with_resource_version(from_stored(kind, stored), version);
  return codec::with_resource_version(stored, version);
}

std::string key_of(const schema::kind& kind, std::string_view ns, std::string_view name) {
  auto key = prefix_of(kind);
  if (kind.namespaced) key.append(ns);
  return key.append("/").append(name);
}

std::string prefix_of(const schema::kind& kind, std::string_view ns) {
  auto key = stored_resource(kind) + "/";
  if (!ns.empty()) key.append(ns).append("/");
  return key;
}

key_parts split_key(std::string_view key) {
  auto first = key.find('/');
  auto second = key.find('/', first + 1);
  return {key.substr(first + 1, second - first - 1), key.substr(second + 1)};
}

} // namespace troupe::gateway
