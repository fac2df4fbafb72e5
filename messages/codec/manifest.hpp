// Manifests: files of objects in any form that people write them in, and everything that is wrong
// with them, each fault with its place and, where one is likely, what was meant.
#pragma once

#include "messages/codec/yaml.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Message;
}
namespace troupe::schema {
struct kind;
}

namespace troupe::codec {

/// One object of a manifest.
struct manifest {
  yaml::document text; ///< as JSON, with positions; those of JSON texts are its own
  std::string api_version;
  std::string kind;
  std::string name;
  const schema::kind* type = nullptr; ///< null for what is not served under a name
  /// Null for kinds that are not built in: their objects stay what they are, JSON.
  std::shared_ptr<google::protobuf::Message> object;
};

/// One thing that is wrong.
struct finding {
  enum class level : uint8_t { error, warning } weight = level::error;
  json::position at{};
  std::string object; ///< "Deployment web"
  std::string field;  ///< spec.replicas
  std::string reason; ///< FieldValueInvalid, UnknownField, ...
  std::string message;
  std::string suggestion; ///< a whole sentence, or empty
};

/// What reading a text gave: objects as far as they could be read, and what is wrong so far.
struct manifests {
  std::vector<manifest> objects;
  std::vector<finding> findings;
};

/// Reads every object of `text`: JSON, YAML of several documents, or one in Kubernetes' protobuf.
/// Lists are taken apart. Unknown and duplicate fields are findings; what cannot be read is left
/// out.
manifests read_manifests(std::string_view text);

/// Fills in defaults and validates, as the server would before it looks at other objects.
std::vector<finding> validate_manifest(const manifest& m);

/// The place of `path` ("spec.containers[0].name", "data[key]") in a JSON text, or of the innermost
/// part of it that is there.
size_t offset_of(std::string_view json, std::string_view path);

} // namespace troupe::codec
