// Protobuf wire bytes to JSON, driven by schema types: stored objects go out without ever becoming
// typed objects. The bytes must be canonical (fields in the order of their numbers), as ours are.
#pragma once

#include "messages/codec/wire.hpp"
#include "messages/schema/type.hpp"

#include <string>
#include <string_view>

namespace google::protobuf {
class Message;
}

namespace troupe::codec {

/// What stands in an object's JSON but not in its bytes.
struct head {
  std::string_view api_version;      ///< left out when empty
  std::string_view kind;             ///< left out when empty
  std::string_view resource_version; ///< put into metadata when not empty
};

/// Appends the JSON of the object `bytes` to `out`; false if the bytes are malformed.
bool wire_to_json(const schema::type& type, std::string_view bytes, const head& head,
                  std::string& out);

/// Appends the JSON of the one value at which `at` stands.
bool value_to_json(const schema::type& type, const wire::reader& at, std::string& out);

/// What is written for a property that always is, when nothing was set: an object's own members
/// may be more.
std::string_view empty_json(const schema::property& p);

/// Appends the JSON of a custom resource's object: k8s.base.Custom bytes. Its own apiVersion and
/// kind are written unless `head` names others.
bool custom_to_json(std::string_view bytes, const head& head, std::string& out);

/// The canonical bytes of `message`: fields by number, map entries by key.
std::string to_wire(const google::protobuf::Message& message);

/// The JSON of a typed object.
std::string to_json(const google::protobuf::Message& message, const head& head = {});

} // namespace troupe::codec
