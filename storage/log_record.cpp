#include "storage/log_record.hpp"

#include "storage/binary.hpp"
#include "storage/crc32c.hpp"

#include <algorithm>

namespace troupe::storage {

namespace {

// Permanent: the first bytes of every segment and of every frame.
constexpr std::string_view segment_magic = "TROUPELG";
constexpr uint32_t segment_version = 1;
constexpr uint32_t frame_magic = 0x31465254; // "TRF1"

size_t aligned(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

bool all_zero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

} // namespace

std::string encode_segment_header(uint64_t number, uint64_t log_id) {
  std::string out{segment_magic};
  put_number(out, segment_version);
  put_number(out, uint32_t{0});
  put_number(out, number);
  put_number(out, log_id);
  set_number(out, 12, crc32c(std::string_view{out}.substr(16)));
  out.resize(segment_header_bytes, '\0');
  return out;
}

result<uint64_t> decode_segment_header(std::string_view sector, uint64_t number) {
  binary_reader in{sector};
  if (in.bytes(segment_magic.size()) != segment_magic)
    return error{errc::corrupt, "not a log segment"};
  if (auto version = in.number<uint32_t>(); version != segment_version)
    return error{errc::corrupt, "log format " + std::to_string(version) +
                                    " is unknown here: it was written by a newer version"};
  auto sum = in.number<uint32_t>();
  auto summed = in.rest().substr(0, 16);
  auto found = in.number<uint64_t>();
  auto log_id = in.number<uint64_t>();
  if (!in.ok() || sum != crc32c(summed)) return error{errc::corrupt, "damaged segment header"};
  if (found != number) return error{errc::corrupt, "is really segment " + std::to_string(found)};
  return log_id;
}

size_t frame_bytes(std::span<const log_record> records) {
  auto bytes = frame_header_bytes;
  for (auto& x : records) bytes += record_header_bytes + x.payload.size();
  return aligned(bytes);
}

void encode_frame(std::string& out, std::span<const log_record> records, uint64_t batch,
                  uint64_t offset) {
  auto start = out.size();
  put_number(out, frame_magic);
  put_number(out, uint32_t{0});
  put_number(out, uint32_t{0});
  put_number(out, static_cast<uint32_t>(records.size()));
  put_number(out, batch);
  put_number(out, offset);
  for (auto& x : records) {
    auto at = out.size();
    put_number(out, uint32_t{0});
    put_number(out, static_cast<uint32_t>(x.payload.size()));
    put_number(out, x.index);
    put_number(out, x.term);
    put_number(out, static_cast<uint32_t>(x.kind));
    put_number(out, uint32_t{0});
    out += x.payload;
    set_number(out, at, crc32c(std::string_view{out}.substr(at + 4)));
  }
  auto body_bytes = out.size() - start - frame_header_bytes;
  set_number(out, start + 8, static_cast<uint32_t>(body_bytes));
  set_number(out, start + 4,
             crc32c(std::string_view{out}.substr(start + 8, frame_header_bytes - 8)));
  out.resize(start + aligned(out.size() - start), '\0');
}

std::optional<frame_header> decode_frame_header_alone(std::string_view bytes, uint64_t offset) {
  if (bytes.size() < frame_header_bytes) return {};
  bytes = bytes.substr(0, frame_header_bytes);
  binary_reader in{bytes};
  if (in.number<uint32_t>() != frame_magic) return {};
  if (in.number<uint32_t>() != crc32c(bytes.substr(8))) return {};
  frame_header out;
  out.body_bytes = in.number<uint32_t>();
  out.records = in.number<uint32_t>();
  out.batch = in.number<uint64_t>();
  auto written_for = in.number<uint64_t>();
  if (written_for != offset || out.body_bytes > frame_body_bytes_max) return {};
  return out;
}

std::optional<frame_header> decode_frame_header(std::string_view segment, size_t offset) {
  if (offset > segment.size()) return {};
  auto out = decode_frame_header_alone(segment.substr(offset), offset);
  if (out && segment.size() - offset - frame_header_bytes < out->body_bytes) return {};
  return out;
}

std::optional<log_record> detail::decode_record(std::string_view segment, size_t offset,
                                                size_t end) {
  if (offset > end || end - offset < record_header_bytes) return {};
  binary_reader in{segment.substr(offset, end - offset)};
  auto sum = in.number<uint32_t>();
  auto covered = in.rest();
  log_record out;
  auto payload_bytes = in.number<uint32_t>();
  out.index = in.number<uint64_t>();
  out.term = in.number<uint64_t>();
  out.kind = static_cast<record_kind>(in.number<uint32_t>());
  in.number<uint32_t>();
  out.payload = in.bytes(payload_bytes);
  if (!in.ok()) return {};
  if (sum != crc32c(covered.substr(0, record_header_bytes - 4 + payload_bytes))) return {};
  return out;
}

bool looks_torn(std::string_view segment, size_t from, size_t to) {
  to = std::min(to, segment.size());
  while (from < to) {
    auto sector_end = std::min(to, (from / sector_bytes + 1) * sector_bytes);
    if (all_zero(segment.substr(from, sector_end - from))) return true;
    from = sector_end;
  }
  return false;
}

} // namespace troupe::storage
