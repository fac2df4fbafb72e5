#include "storage/state_record.hpp"

#include "storage/binary.hpp"
#include "storage/crc32c.hpp"

namespace troupe::storage {

namespace {

constexpr uint32_t sealed_flag = 1; // permanent

error corrupt(std::string_view what) {
  return {errc::corrupt, "object record: " + std::string(what)};
}

} // namespace

result<void> encode_record(std::string& out, const entry& from, const sealer* seal) {
  auto value = from.value();
  std::string sealed;
  if (seal && seal->covers(from.key())) {
    auto done = seal->seal(from.key(), value);
    if (!done) return done.error();
    sealed = std::move(*done);
    value = sealed;
  }
  auto start = out.size();
  auto index = from.index().packed();
  out.reserve(start + 36 + from.key().size() + index.size() + value.size());
  put_number(out, uint32_t{0});
  put_number(out, sealed.empty() ? uint32_t{0} : sealed_flag);
  put_number(out, from.create_revision());
  put_number(out, from.mod_revision());
  put_number(out, static_cast<uint32_t>(from.key().size()));
  put_number(out, static_cast<uint32_t>(index.size()));
  put_number(out, static_cast<uint32_t>(value.size()));
  out += from.key();
  out += index;
  out += value;
  set_number(out, start, crc32c(std::string_view{out}.substr(start + 4)));
  return {};
}

result<entry_ptr> decode_record(std::string_view record, const sealer* seal) {
  binary_reader in{record};
  auto sum = in.number<uint32_t>();
  if (!in.ok() || sum != crc32c(in.rest())) return corrupt("the checksum is wrong");
  auto flags = in.number<uint32_t>();
  auto create_revision = in.number<uint64_t>();
  auto mod_revision = in.number<uint64_t>();
  auto key_bytes = in.number<uint32_t>();
  auto index_bytes = in.number<uint32_t>();
  auto value_bytes = in.number<uint32_t>();
  auto key = in.bytes(key_bytes);
  auto index = in.bytes(index_bytes);
  auto value = in.bytes(value_bytes);
  if (!in.done() || !check_key(key) || !index_view::well_formed(index)) return corrupt("malformed");
  if ((flags & sealed_flag) == 0)
    return entry_ptr{entry::make(key, index, value, create_revision, mod_revision)};
  if (!seal) return error{errc::internal, "a sealed object, and no key to open it"};
  auto opened = seal->open(key, value);
  if (!opened) return with_context(opened.error(), key);
  return entry_ptr{entry::make(key, index, *opened, create_revision, mod_revision)};
}

} // namespace troupe::storage
