#include "net/http/outbox.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace troupe::http {

namespace {

/// A run of at least this many bytes is worth a write of its own: a whole TLS record.
constexpr size_t lent_bytes_min = 16 * 1024;

/// The size line in front of a chunk.
std::string chunk_line(size_t bytes) {
  char text[18];
  auto* end = std::to_chars(text, text + 16, bytes, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return {text, end};
}

} // namespace

void outbox::push(bytes data) {
  if (data->empty()) return;
  size_ += data->size();
  items_.push_back(std::move(data));
}

void outbox::push_chunk(std::span<const bytes> pieces) {
  size_t size = 0;
  for (const auto& piece : pieces) size += piece->size();
  if (size == 0) return;
  push(chunk_line(size));
  for (const auto& piece : pieces) push(piece);
  static const auto end = share("\r\n");
  push(end);
}

void outbox::push_last_chunk() {
  static const auto last = share("0\r\n\r\n");
  push(last);
}

std::string_view outbox::front(std::span<char> scratch) const {
  if (empty()) return {};
  auto piece = std::string_view{*items_[first_]}.substr(offset_);
  if (piece.size() >= lent_bytes_min || items_.size() == first_ + 1) return piece;
  size_t filled = 0;
  for (size_t i = first_;;) {
    const auto n = std::min(piece.size(), scratch.size() - filled);
    std::memcpy(scratch.data() + filled, piece.data(), n);
    filled += n;
    if (++i == items_.size() || filled == scratch.size()) return {scratch.data(), filled};
    piece = *items_[i];
  }
}

void outbox::consume(size_t count) {
  size_ -= count;
  offset_ += count;
  while (first_ < items_.size() && offset_ >= items_[first_]->size()) {
    offset_ -= items_[first_]->size();
    items_[first_++].reset();
  }
  if (empty()) {
    // An idle connection keeps no queue.
    constexpr size_t kept_items = 4;
    if (items_.capacity() > kept_items) items_ = {};
    items_.clear();
    first_ = 0;
  } else if (first_ > 64 && first_ * 2 > items_.size()) {
    items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
}

void outbox::clear() { *this = {}; }

} // namespace troupe::http
