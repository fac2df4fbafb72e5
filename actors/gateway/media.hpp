// Which form a body has and which form an answer is to take: Content-Type and Accept. Pure.
#pragma once

#include "messages/base/error.hpp"

#include <string>
#include <string_view>

namespace troupe::gateway {

enum class format : uint8_t { json, yaml, protobuf };

/// What the client gets instead of the object itself.
enum class shape : uint8_t { object, table, partial };

struct media {
  format as = format::json;
  shape what = shape::object;
  bool pretty = false;
  std::string table_version = "v1"; ///< of meta.k8s.io, for table and partial
};

/// Chooses from an Accept header. `custom`: the kind has no Protobuf form. `convertible`: tables
/// and partial objects may be asked for; `list` tells which of the two partial forms fits.
result<media> choose_media(std::string_view accept, bool custom, bool convertible,
                           bool list = false);

/// The form of a request's body; unsupported_media_type if it is none of ours.
result<format> body_format(std::string_view content_type);

std::string_view content_type(format f);

enum class patch_type : uint8_t { json, merge, strategic, apply };
result<patch_type> read_patch_type(std::string_view content_type);

} // namespace troupe::gateway
