#include "storage/wal.hpp"

#include "messages/base/log.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace troupe::storage {

namespace {

constexpr std::string_view name_prefix = "log-";
constexpr size_t zeroes_bytes = 1u << 20;
constexpr size_t zeroes_synced_bytes = 8u << 20; // a little at a time: others sync beside it

std::optional<uint64_t> number_of(std::string_view name) {
  if (!name.starts_with(name_prefix)) return {};
  auto digits = name.substr(name_prefix.size());
  uint64_t number = 0;
  auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (bad != std::errc{} || end != digits.data() + digits.size()) return {};
  return number;
}

error damaged(uint64_t number, size_t offset, std::string_view what) {
  return {errc::corrupt, segment_name(number) + " at byte " + std::to_string(offset) + ": " +
                             std::string(what) +
                             "; restore this member from a backup or from its peers"};
}

/// Whether a frame of batch `from` or later begins anywhere after `offset`.
bool frame_follows(std::string_view bytes, size_t offset, uint64_t from) {
  for (auto at = bytes.find("TRF1", offset + 1); at != bytes.npos; at = bytes.find("TRF1", at + 1))
    if (auto header = decode_frame_header(bytes, at); header && header->batch >= from) return true;
  return false;
}

/// Before anything is removed for what it seems to hold, it is read once more: a read may have come
/// from the wrong place.
result<void> read_again(const file& from, std::string_view bytes, uint64_t number) {
  auto again = from.read(0, bytes.size());
  if (!again) return again.error();
  if (*again != bytes) return damaged(number, 0, "two reads of it differ");
  return {};
}

result<std::vector<uint64_t>> segment_numbers(directory& in) {
  auto names = in.list();
  if (!names) return names.error();
  std::vector<uint64_t> numbers;
  for (auto& name : *names)
    if (auto number = number_of(name)) numbers.push_back(*number);
  std::ranges::sort(numbers);
  for (size_t i = 1; i < numbers.size(); ++i)
    if (numbers[i] != numbers[i - 1] + 1)
      return damaged(numbers[i - 1] + 1, 0, "the segment is missing");
  return numbers;
}

} // namespace

std::string segment_name(uint64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "log-%016llx", static_cast<unsigned long long>(number));
  return text;
}

wal::wal(directory& in, wal_settings settings, uint64_t log_id)
    : in_{in}, settings_{settings}, log_id_{log_id} {}

result<std::unique_ptr<wal>> wal::open(directory& in, wal_settings settings, uint64_t log_id,
                                       const visitor& visit) {
  auto numbers = segment_numbers(in);
  if (!numbers) return numbers.error();
  std::unique_ptr<wal> made{new wal{in, settings, log_id}};
  if (auto done = made->replay(*numbers, visit); !done) return done.error();
  if (made->segments_.empty()) {
    made->current_ = 1;
    if (auto done = made->allocate(1, settings.first_segment_bytes); !done) return done.error();
  }
  made->active_ = &made->segments_.at(made->current_);
  return made;
}

result<void> wal::replay(const std::vector<uint64_t>& numbers, const visitor& visit) {
  std::string tail; // the bytes of the segment that is current so far
  for (auto number : numbers) {
    auto opened = in_.open(segment_name(number), false);
    if (!opened) return opened.error();
    auto size = (*opened)->size();
    if (!size) return size.error();
    auto bytes = (*opened)->read(0, *size);
    if (!bytes) return bytes.error();
    auto id = decode_segment_header(
        std::string_view{*bytes}.substr(0, std::min(bytes->size(), segment_header_bytes)), number);
    auto used = bytes->find_first_not_of('\0', segment_header_bytes) != bytes->npos;
    if (!id && !used && number == numbers.back()) { // its allocation was interrupted
      if (auto sure = read_again(**opened, *bytes, number); !sure) return sure;
      if (auto done = in_.remove(segment_name(number)); !done) return done;
      break;
    }
    if (!id) return damaged(number, 0, id.error().message);
    if (segments_.empty())
      log_id_ = *id;
    else if (*id != log_id_)
      return damaged(number, 0, "belongs to another log");
    segments_[number] = {std::move(*opened), *size};
    if (!used && current_ != 0) continue; // allocated ahead, not reached yet
    if (current_ != 0 && tail.find_first_not_of('\0', offset_) != tail.npos)
      return damaged(current_, offset_, "damage before the end of the log");
    current_ = number;
    if (auto done = replay_segment(number, *bytes, visit); !done) return done;
    tail = std::move(*bytes);
  }
  if (current_ == 0) return {};
  if (auto sound = check_tail(current_, tail); !sound) return sound;
  return cut_tail(segments_[current_], tail);
}

/// Delivers the frames of one segment up to its end or its first damage, where it leaves offset_.
result<void> wal::replay_segment(uint64_t number, std::string_view bytes, const visitor& visit) {
  auto& segment = segments_[number];
  offset_ = segment_header_bytes;
  while (auto header = decode_frame_header(bytes, offset_)) {
    if (segments_.size() == 1 && offset_ == segment_header_bytes)
      next_batch_ = header->batch; // older segments were dropped
    if (header->batch != next_batch_) return damaged(number, offset_, "a batch is missing");
    bool delivered = false;
    auto deliver = [&](const log_record& record) {
      delivered = true;
      note(segment, record);
      return visit(record);
    };
    auto done = visit_frame(bytes, offset_, *header, deliver);
    if (!done && delivered) return done;
    if (!done) break;
    ++next_batch_;
    offset_ += (frame_header_bytes + header->body_bytes + 7) & ~size_t{7};
  }
  if (frame_follows(bytes, offset_, next_batch_ + 1))
    return damaged(number, offset_, "damage before the end of the log");
  return {};
}

/// The last batch may be torn: it was never acknowledged. Anything else is damage.
result<void> wal::check_tail(uint64_t number, std::string_view bytes) const {
  auto header = decode_frame_header(bytes, offset_);
  auto end = offset_ + frame_header_bytes + (header ? header->body_bytes : 0);
  if (offset_ + frame_header_bytes > bytes.size() || looks_torn(bytes, offset_, end)) return {};
  return damaged(number, offset_, "the last batch was written whole and is damaged");
}

/// Zeroes what is left of a torn batch, so that the next one is written onto clean ground.
result<void> wal::cut_tail(segment& of, std::string_view bytes) {
  auto last = bytes.find_last_not_of('\0');
  if (last == bytes.npos || last < offset_) return {};
  if (auto sure = read_again(*of.data, bytes, current_); !sure) return sure;
  log::info("storage", "cut the torn tail of the log",
            {{"segment", current_}, {"offset", offset_}, {"bytes", last + 1 - offset_}});
  if (auto done = of.data->write(offset_, std::string(last + 1 - offset_, '\0')); !done)
    return done;
  return of.data->sync();
}

/// Creates segment `number` and writes all of it, so that later syncs move data and no metadata.
result<void> wal::allocate(uint64_t number, uint64_t bytes) {
  auto name = segment_name(number);
  auto opened = in_.open(name, true);
  if (!opened) return opened.error();
  auto fill = [&]() -> result<void> {
    auto& data = **opened;
    const std::string zeroes(std::min<uint64_t>(bytes, zeroes_bytes), '\0');
    for (uint64_t at = 0; at < bytes; at += zeroes.size()) {
      if (auto done = data.write(at, std::string_view{zeroes}.substr(0, bytes - at)); !done)
        return done;
      if (at % zeroes_synced_bytes == 0)
        if (auto done = data.sync(); !done) return done;
    }
    if (auto done = data.write(0, encode_segment_header(number, log_id_)); !done) return done;
    if (auto done = data.sync(); !done) return done;
    return in_.sync();
  };
  if (auto done = fill(); !done) {
    (void)in_.remove(name); // a half-filled segment is of no use; opening would remove it as well
    return with_context(done.error(), "cannot allocate a log segment");
  }
  std::lock_guard lock{mutex_};
  segments_[number] = {std::move(*opened), bytes};
  return {};
}

result<void> wal::prepare_next() {
  std::lock_guard allocating{allocating_};
  uint64_t number, bytes;
  {
    std::lock_guard lock{mutex_};
    if (segments_.rbegin()->first > current_) return {};
    number = current_ + 1;
    bytes = std::min(settings_.segment_bytes, segments_.rbegin()->second.bytes * 2);
  }
  return allocate(number, bytes);
}

bool wal::wants_next() const {
  std::lock_guard lock{mutex_};
  auto& last = *segments_.rbegin();
  return last.first == current_ && offset_ > last.second.bytes / 2;
}

/// Goes on to the next segment, which has room for `wanted_bytes`.
result<void> wal::advance(uint64_t wanted_bytes) {
  std::lock_guard allocating{allocating_};
  std::unique_lock lock{mutex_};
  auto next = segments_.find(current_ + 1);
  if (next != segments_.end() && next->second.bytes < wanted_bytes) {
    segments_.erase(next); // allocated ahead, and too small for this giant
    if (auto done = in_.remove(segment_name(current_ + 1)); !done) return done;
    next = segments_.end();
  }
  if (next == segments_.end()) {
    auto bytes = std::min(settings_.segment_bytes, segments_.at(current_).bytes * 2);
    lock.unlock();
    if (auto done = allocate(current_ + 1, std::max(bytes, wanted_bytes)); !done) return done;
    lock.lock();
  }
  active_ = &segments_.at(++current_);
  offset_ = segment_header_bytes;
  return {};
}

result<void> wal::append(std::span<const log_record> batch) {
  auto bytes = frame_bytes(batch);
  auto carried = record_header_bytes + hard_state_bytes_.size() + 8;
  if (offset_ + bytes > active_->bytes)
    if (auto done = advance(segment_header_bytes + bytes + carried); !done) return done;
  std::vector<log_record> with_state;
  if (offset_ == segment_header_bytes && hard_state_) {
    with_state.push_back(*hard_state_);
    with_state.insert(with_state.end(), batch.begin(), batch.end());
    batch = with_state;
  }
  buffer_.clear();
  encode_frame(buffer_, batch, next_batch_, offset_);
  if (auto done = active_->data->write(offset_, buffer_); !done) return done;
  for (auto& record : batch) note(*active_, record);
  ++next_batch_;
  offset_ += buffer_.size();
  appended_bytes_ += buffer_.size();
  return {};
}

result<void> wal::sync() { return active_->data->sync(); }

result<void> wal::drop_through(uint64_t index) {
  std::vector<uint64_t> dropped;
  {
    std::lock_guard lock{mutex_};
    while (segments_.begin()->first < current_ && segments_.begin()->second.last_index <= index) {
      dropped.push_back(segments_.begin()->first);
      segments_.erase(segments_.begin());
    }
  }
  for (auto number : dropped)
    if (auto done = in_.remove(segment_name(number)); !done) return done;
  return {};
}

size_t wal::segments() const {
  std::lock_guard lock{mutex_};
  return segments_.size();
}

void wal::note(segment& in, const log_record& record) {
  if (is_entry(record.kind)) in.last_index = std::max(in.last_index, record.index);
  if (record.kind != record_kind::hard_state) return;
  if (record.payload.data() != hard_state_bytes_.data()) hard_state_bytes_ = record.payload;
  hard_state_ = record;
  hard_state_->payload = hard_state_bytes_;
}

} // namespace troupe::storage
