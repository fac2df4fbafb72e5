// Reading the closed segments of the log again, frame by frame, while the last one is written.
#include "storage/wal.hpp"

namespace troupe::storage {

namespace {

constexpr size_t piece_bytes = 1u << 20; // of the zeros at the end

/// Zeros up to the end: nothing was ever written there.
result<void> check_zeros(const file& in, uint64_t from, uint64_t end, const pacer& pace) {
  while (from < end) {
    auto bytes = in.read(from, std::min<uint64_t>(end - from, piece_bytes));
    if (!bytes) return bytes.error();
    if (bytes->empty() || bytes->find_first_not_of('\0') != bytes->npos)
      return error{errc::corrupt, "damage behind its last batch"};
    from += bytes->size();
    if (!pace(bytes->size())) return stopped_reading();
  }
  return {};
}

} // namespace

result<void> wal::check(const pacer& pace) const {
  std::vector<uint64_t> closed;
  {
    std::lock_guard lock{mutex_};
    for (auto& [number, _] : segments_)
      if (number < current_) closed.push_back(number);
  }
  std::optional<uint64_t> next_batch;
  for (auto number : closed) {
    auto sound = check_segment(number, next_batch, pace);
    if (sound) continue;
    std::lock_guard lock{mutex_};
    if (!segments_.contains(number)) continue; // a checkpoint has let it go meanwhile
    return with_context(sound.error(), segment_name(number));
  }
  return {};
}

result<void> wal::check_segment(uint64_t number, std::optional<uint64_t>& next_batch,
                                const pacer& pace) const {
  auto opened = in_.open(segment_name(number), false);
  if (!opened) return opened.error();
  auto& in = **opened;
  auto size = in.size();
  if (!size) return size.error();
  auto head = in.read(0, segment_header_bytes);
  if (!head) return head.error();
  if (auto id = decode_segment_header(*head, number); !id || *id != log_id_)
    return id ? error{errc::corrupt, "it belongs to another log"} : id.error();
  for (uint64_t offset = segment_header_bytes; offset + frame_header_bytes <= *size;) {
    auto begin = in.read(offset, frame_header_bytes);
    if (!begin) return begin.error();
    auto header = decode_frame_header_alone(*begin, offset);
    if (!header) return check_zeros(in, offset, *size, pace);
    if (next_batch && header->batch != *next_batch)
      return error{errc::corrupt, "a batch is missing at byte " + std::to_string(offset)};
    next_batch = header->batch + 1;
    auto frame = in.read(offset, frame_header_bytes + header->body_bytes);
    if (!frame) return frame.error();
    auto sound = visit_frame(*frame, 0, *header, [](auto&) { return result<void>{}; });
    if (!sound) return with_context(sound.error(), "at byte " + std::to_string(offset));
    offset += (frame->size() + 7) & ~uint64_t{7};
    if (!pace(frame->size())) return stopped_reading();
  }
  return {};
}

} // namespace troupe::storage
