// What the write-ahead log is made of: records in frames in segments. A frame is what one sync made
// durable; docs/storage-format.md draws it byte by byte. Pure: bytes in, bytes out.
#pragma once

#include "messages/base/error.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe::storage {

/// Kinds of records. The numbers are permanent: they are in the logs on disk.
enum class record_kind : uint32_t {
  transaction = 1, ///< a Raft entry: a transaction of messages/cluster/store.proto
  no_op = 2,       ///< a Raft entry that changes nothing: the first of a leader's term
  membership = 3,  ///< a Raft entry: a membership of messages/cluster/raft.proto
  hard_state = 16, ///< not an entry: term, vote and commit index of this member
  base = 17,       ///< not an entry: the log begins after this index and term
};

constexpr bool is_entry(record_kind x) {
  return x >= record_kind::transaction && x <= record_kind::membership;
}

struct log_record {
  record_kind kind = record_kind::transaction;
  uint64_t index = 0;
  uint64_t term = 0;
  std::string_view payload; ///< borrowed
};

inline constexpr size_t sector_bytes = 512;
inline constexpr size_t segment_header_bytes = sector_bytes;
inline constexpr size_t frame_header_bytes = 32;
inline constexpr size_t record_header_bytes = 32;
inline constexpr size_t frame_body_bytes_max = 256u << 20;

/// The first sector of segment `number` of the log `log_id`.
std::string encode_segment_header(uint64_t number, uint64_t log_id);

/// The log id in a segment header; errc::corrupt when it is not the header of segment `number`.
result<uint64_t> decode_segment_header(std::string_view sector, uint64_t number);

/// Bytes of a frame that holds `records`.
size_t frame_bytes(std::span<const log_record> records);

/// Writes the frame of batch `batch` into `out`, for the position `offset` of its segment.
void encode_frame(std::string& out, std::span<const log_record> records, uint64_t batch,
                  uint64_t offset);

/// The header of a frame.
struct frame_header {
  uint32_t body_bytes = 0;
  uint32_t records = 0;
  uint64_t batch = 0;
};

/// The frame header at `offset` of `segment`, if its own checksum and position are right.
std::optional<frame_header> decode_frame_header(std::string_view segment, size_t offset);

/// The same from its first bytes alone: whether the segment is long enough is not checked.
std::optional<frame_header> decode_frame_header_alone(std::string_view bytes, uint64_t offset);

/// Checks each record of the frame at `offset`, whose header is `header`, and calls
/// `visit(record) -> result<void>`. errc::corrupt before any visit when a checksum is wrong.
template<class Visit>
result<void> visit_frame(std::string_view segment, size_t offset, const frame_header& header,
                         Visit visit);

/// Whether [from, to) of `segment` shows the trace of an interrupted write: a sector that still is
/// all zero, as it was allocated. A range without one was once written whole, so damage to it is
/// corruption and not a torn tail.
bool looks_torn(std::string_view segment, size_t from, size_t to);

namespace detail {
/// The record at `offset`, checked, and where the next begins; nothing when it is damaged.
std::optional<log_record> decode_record(std::string_view segment, size_t offset, size_t end);
} // namespace detail

template<class Visit>
result<void> visit_frame(std::string_view segment, size_t offset, const frame_header& header,
                         Visit visit) {
  auto begin = offset + frame_header_bytes;
  auto end = begin + header.body_bytes;
  auto each = [&](auto act) -> result<void> {
    auto at = begin;
    for (uint32_t i = 0; i < header.records; ++i) {
      auto record = detail::decode_record(segment, at, end);
      if (!record) return error{errc::corrupt, "a record's checksum is wrong"};
      if (auto done = act(*record); !done) return done;
      at += record_header_bytes + record->payload.size();
    }
    return {};
  };
  if (auto sound = each([](const log_record&) { return result<void>{}; }); !sound) return sound;
  return each(visit);
}

} // namespace troupe::storage
