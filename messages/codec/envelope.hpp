// Kubernetes' protobuf envelope: four magic bytes, then the object's own bytes with its type beside
// them.
#pragma once

#include "messages/base/error.hpp"

#include <string>
#include <string_view>

namespace troupe::codec {

/// What an envelope holds: views into the text it was read from.
struct envelope {
  std::string_view api_version;
  std::string_view kind;
  std::string_view raw;
};

bool is_envelope(std::string_view bytes);
result<envelope> open_envelope(std::string_view bytes);
std::string seal_envelope(std::string_view api_version, std::string_view kind,
                          std::string_view raw);

/// `object` (any kind: its metadata is field 1) with nothing but its metadata: what is left is a
/// PartialObjectMetadata.
std::string metadata_alone(std::string_view object);

/// `object` with metadata.resourceVersion set.
std::string with_resource_version(std::string_view object, std::string_view resource_version);

} // namespace troupe::codec
