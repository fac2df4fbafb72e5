// An API object in flight: any kind, built in or custom, as a Protobuf message with its metadata at
// hand; read from a request's body, written for the store, and shown in the form a client asked
// for.
#pragma once

#include "actors/gateway/media.hpp"
#include "messages/api/meta.pb.h"
#include "messages/codec/json_decode.hpp"
#include "messages/schema/kind.hpp"
#include "storage/entry.hpp"

#include <memory>

namespace troupe::gateway {

using object = std::unique_ptr<google::protobuf::Message>;

/// The metadata of any object; it exists afterwards.
k8s::meta::v1::ObjectMeta& meta(google::protobuf::Message& of);
const k8s::meta::v1::ObjectMeta& meta(const google::protobuf::Message& of);

/// An empty object of `kind`.
object make(const schema::kind& kind);
object copy(const google::protobuf::Message& of);
/// The object in the store, with its resourceVersion.
object load(const schema::kind& kind, const storage::entry& entry);

/// Reads an entry that is stored in its own shape into `object`, without its resourceVersion.
bool read_entry(const storage::entry& entry, google::protobuf::Message& object);

/// One list of an object as it is stored, tags included.
struct stored_list {
  uint32_t number; ///< of the field
  std::string records;
};
/// A built-in object in the store without that list, with its resourceVersion.
object load_without(const schema::kind& kind, const storage::entry& entry, uint32_t list);

/// A body, understood.
struct body {
  gateway::object object;
  std::vector<codec::field_problem> problems;
};

/// A textual body as JSON.
result<std::string> as_json(format form, std::string_view text);

/// Reads an object of `kind` from `text`. Fails with bad_request if it is malformed or says that it
/// is of another kind.
result<body> read_body(const schema::kind& kind, format form, std::string_view text);
/// The same for documents that are no served kind: options, bindings, scales.
result<codec::decoded> read_document(google::protobuf::Message& into, std::string_view api_version,
                                     std::string_view kind, format form, std::string_view text);

/// An object's JSON without its tree being built: what patches start from.
std::string json_of(const schema::kind& kind, const google::protobuf::Message& object);
result<body> from_json(const schema::kind& kind, std::string_view json);

/// The bytes that the store keeps: canonical, without resourceVersion.
std::string stored_form(const schema::kind& kind, const google::protobuf::Message& object);

/// Appends the JSON of stored bytes as clients see them.
void write_json(const schema::kind& kind, std::string_view stored, uint64_t revision,
                std::string& out, bool with_type = true);
/// The same in Protobuf, without an envelope.
std::string write_protobuf(const schema::kind& kind, std::string_view stored, uint64_t revision);

/// Where an object lives in the store.
std::string key_of(const schema::kind& kind, std::string_view ns, std::string_view name);
/// The keys of a kind, or of its objects in one namespace.
std::string prefix_of(const schema::kind& kind, std::string_view ns = {});
/// Namespace and name of a key.
struct key_parts {
  std::string_view ns, name;
};
key_parts split_key(std::string_view key);

} // namespace troupe::gateway
