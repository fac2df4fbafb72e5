#include "messages/codec/envelope.hpp"

#include "messages/codec/wire.hpp"

namespace troupe::codec {

namespace {

constexpr std::string_view magic{"k8s\0", 4};

// Field numbers of runtime.Unknown and runtime.TypeMeta; permanent.
enum : uint32_t { type_meta = 1, raw = 2, content_encoding = 3, content_type = 4 };
enum : uint32_t { api_version = 1, kind = 2 };
constexpr uint32_t metadata = 1;
constexpr uint32_t resource_version_field = 6;

error malformed(const char* why) {
  return {errc::bad_request, std::string("the protobuf body is malformed: ") + why};
}

} // namespace

bool is_envelope(std::string_view bytes) { return bytes.starts_with(magic); }

result<envelope> open_envelope(std::string_view bytes) {
  if (!is_envelope(bytes)) return malformed("it does not begin with the bytes 6b 38 73 00");
  envelope found;
  wire::reader in(bytes.substr(magic.size()));
  while (in.next()) {
    if (in.number == type_meta && in.what == wire::bytes) {
      wire::reader meta(in.data);
      while (meta.next()) {
        if (meta.number == api_version) found.api_version = meta.data;
        if (meta.number == kind) found.kind = meta.data;
      }
      if (meta.bad) return malformed("its type cannot be read");
    } else if (in.number == raw && in.what == wire::bytes) {
      found.raw = in.data;
    } else if (in.number == content_encoding && !in.data.empty()) {
      return malformed("its content is encoded");
    }
  }
  if (in.bad) return malformed("it ends in the middle of a field");
  return found;
}

std::string seal_envelope(std::string_view version, std::string_view name,
                          std::string_view object) {
  std::string out(magic);
  out.reserve(object.size() + version.size() + name.size() + 32);
  auto meta = wire::open(out, type_meta);
  wire::put_bytes(out, api_version, version);
  wire::put_bytes(out, kind, name);
  wire::close(out, meta);
  wire::put_bytes(out, raw, object);
  wire::put_bytes(out, content_encoding, {});
  wire::put_bytes(out, content_type, {});
  return out;
}

std::string metadata_alone(std::string_view object) {
  std::string out;
  wire::reader in(object);
  while (in.next())
    if (in.number == metadata) out += in.whole();
  return out;
}

std::string with_resource_version(std::string_view object, std::string_view resource_version) {
  std::string out;
  out.reserve(object.size() + 32);
  wire::reader in(object);
  bool done = false;
  auto put = [&](std::string_view old) {
    auto start = wire::open(out, metadata);
    wire::reader fields(old);
    bool written = false;
    auto write = [&] {
      if (!written) wire::put_bytes(out, resource_version_field, resource_version);
      written = true;
    };
    while (fields.next()) {
      if (fields.number >= resource_version_field) write();
      if (fields.number != resource_version_field) out += fields.whole();
    }
    write();
    wire::close(out, start);
    done = true;
  };
  while (in.next()) {
    if (!done && in.number == metadata) {
      put(in.data);
      continue;
    }
    if (!done) put({});
    out += in.whole();
  }
  if (!done) put({});
  return out;
}

} // namespace troupe::codec
