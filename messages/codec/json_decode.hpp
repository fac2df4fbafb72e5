// JSON to Protobuf wire bytes, driven by schema types: one pass, no tree, unknown and duplicate
// fields found with their paths. The typed object is then what the generated parser makes of the
// bytes.
#pragma once

#include "messages/base/error.hpp"
#include "messages/schema/type.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Message;
}

namespace troupe::codec {

/// A field that the schema does not know, or that stands there twice.
struct field_problem {
  enum class kind : uint8_t { unknown, duplicate } what;
  std::string path;  ///< spec.template.spec.containers[0].imagee
  size_t offset = 0; ///< in the text
  std::string hint;  ///< a known field with a similar name, or empty

  /// `unknown field "spec.foo"`, as Kubernetes words it.
  std::string message() const;
};

/// What a document says besides its fields.
struct decoded {
  std::string api_version;
  std::string kind;
  std::vector<field_problem> problems;
};

/// How many problems are collected before the rest is passed over.
constexpr size_t field_problems_max = 64;

/// Appends the wire form of the JSON object `text` to `wire`. Fails with bad_request, naming the
/// path, if the text is malformed or a value has the wrong type.
result<decoded> json_to_wire(const schema::type& type, std::string_view text, std::string& wire);

/// Reads `text` into `message`, which need not be empty before but is replaced.
result<decoded> from_json(std::string_view text, google::protobuf::Message& message);

/// apiVersion and kind of a JSON document, whatever else it holds.
result<decoded> peek_type(std::string_view text);

} // namespace troupe::codec
