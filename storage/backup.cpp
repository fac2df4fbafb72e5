#include "storage/backup.hpp"

#include "storage/binary.hpp"
#include "storage/crc32c.hpp"
#include "storage/state_record.hpp"

#include <fstream>

namespace troupe::storage {

namespace {

constexpr std::string_view backup_magic = "TROUPEBK"; // permanent
constexpr uint32_t backup_version = 1;                // permanent
constexpr size_t head_bytes = 16 + 5 * 8;
constexpr size_t piece_bytes = 256u << 10;
constexpr size_t record_bytes_max = value_bytes_max + (4u << 20);

error corrupt(std::string_view what) { return {errc::corrupt, "backup: " + std::string(what)}; }

std::string encode_head(const backup_summary& x) {
  std::string out{backup_magic};
  put_number(out, backup_version);
  put_number(out, uint32_t{0});
  for (auto number : {x.revision, x.objects, x.time_ms, x.position.index, x.position.term})
    put_number(out, number);
  set_number(out, 12, crc32c(std::string_view{out}.substr(16)));
  return out;
}

result<backup_summary> decode_head(std::string_view bytes) {
  binary_reader in{bytes};
  if (in.bytes(backup_magic.size()) != backup_magic) return corrupt("this is not one");
  if (auto version = in.number<uint32_t>(); version != backup_version)
    return corrupt("format " + std::to_string(version) + " is unknown here: a newer version's");
  auto sum = in.number<uint32_t>();
  if (!in.ok() || sum != crc32c(in.rest())) return corrupt("its head is damaged");
  backup_summary out;
  for (auto number :
       {&out.revision, &out.objects, &out.time_ms, &out.position.index, &out.position.term})
    *number = in.number<uint64_t>();
  if (!in.done()) return corrupt("its head is malformed");
  return out;
}

/// Reads exactly as asked and keeps the checksum of all it read.
class summing_reader {
public:
  explicit summing_reader(const byte_source& from) : from_{from} {}

  result<std::string> read(size_t size) {
    while (buffer_.size() < size) {
      auto more = from_(std::max(size - buffer_.size(), piece_bytes));
      if (!more) return more.error();
      if (more->empty()) return corrupt("it ends too early");
      buffer_ += *more;
    }
    auto out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    sum_ = crc32c(out, sum_);
    return out;
  }

  uint32_t sum() const { return sum_; }

private:
  const byte_source& from_;
  std::string buffer_;
  uint32_t sum_ = 0;
};

template<class Number> result<Number> read_number(summing_reader& in) {
  auto bytes = in.read(sizeof(Number));
  if (!bytes) return bytes.error();
  return binary_reader{*bytes}.number<Number>();
}

} // namespace

result<void> save_backup(const snapshot& from, log_position position, uint64_t time_ms,
                         const sealer* seal, const byte_sink& to) {
  auto piece = encode_head({from.revision(), from.count(""), time_ms, position});
  uint32_t sum = 0;
  auto flush = [&]() -> result<void> {
    sum = crc32c(piece, sum);
    auto done = to(piece);
    piece.clear();
    return done;
  };
  for (auto& object : from.list("")) {
    auto at = piece.size();
    put_number(piece, uint32_t{0});
    if (auto done = encode_record(piece, object, seal); !done) return done;
    set_number(piece, at, static_cast<uint32_t>(piece.size() - at - 4));
    if (piece.size() >= piece_bytes)
      if (auto done = flush(); !done) return done;
  }
  put_number(piece, uint32_t{0});
  if (auto done = flush(); !done) return done;
  put_number(piece, sum);
  return to(piece);
}

result<std::pair<state, backup_summary>> load_backup(const byte_source& from, const sealer* seal) {
  summing_reader in{from};
  auto head = in.read(head_bytes);
  if (!head) return head.error();
  auto summary = decode_head(*head);
  if (!summary) return summary.error();
  state contents;
  contents.revision = summary->revision;
  for (;;) {
    auto size = read_number<uint32_t>(in);
    if (!size) return size.error();
    if (*size == 0) break;
    if (*size > record_bytes_max) return corrupt("a record is too large");
    auto record = in.read(*size);
    if (!record) return record.error();
    auto object = decode_record(*record, seal);
    if (!object) return object.error();
    if (contents.objects.put(std::move(*object))) return corrupt("an object is there twice");
  }
  auto expected = in.sum();
  auto sum = read_number<uint32_t>(in);
  if (!sum) return sum.error();
  if (*sum != expected) return corrupt("its checksum is wrong");
  if (contents.objects.size() != summary->objects) return corrupt("objects are missing");
  return std::pair{std::move(contents), *summary};
}

} // namespace troupe::storage
