#include "net/http/outbox.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace troupe::http {

namespace {

/// The size line in front of a chunk.
struct chunk_line {
  explicit chunk_line(size_t bytes) {
    auto* end = std::to_chars(text, text + 16, bytes, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    size = static_cast<size_t>(end - text);
  }
  std::string_view view() const { return {text, size}; }

  char text[18];
  size_t size;
};

/// The three parts an item is sent as.
struct parts {
  parts(const std::string& data, bool chunk) : line{data.size()}, body{data}, framed{chunk} {}

  size_t size() const { return body.size() + (framed ? line.size + 2 : 0); }

  /// The bytes from `offset` on, up to the end of the part it lies in.
  std::string_view from(size_t offset) const {
    if (framed) {
      if (offset < line.size) return line.view().substr(offset);
      offset -= line.size;
    }
    if (offset < body.size()) return body.substr(offset);
    return std::string_view{"\r\n"}.substr(offset - body.size());
  }

  chunk_line line;
  std::string_view body;
  bool framed;
};

} // namespace

void outbox::push(bytes data) {
  if (data->empty()) return;
  size_ += data->size();
  items_.push_back({std::move(data), false});
}

void outbox::push_chunk(bytes data) {
  if (data->empty()) return;
  size_ += parts{*data, true}.size();
  items_.push_back({std::move(data), true});
}

void outbox::push_last_chunk() {
  static const auto last = share("0\r\n\r\n");
  push(last);
}

std::string_view outbox::front(std::span<char> scratch) const {
  if (empty()) return {};
  const auto& head = items_[first_];
  // A plain buffer, or the data of a chunk whose size line is already gone, is lent as it is.
  const parts head_parts{*head.data, head.chunk};
  const auto line = head.chunk ? head_parts.line.size : 0;
  if (offset_ >= line && offset_ - line + scratch.size() <= head.data->size())
    return head_parts.body.substr(offset_ - line);
  size_t filled = 0;
  size_t offset = offset_;
  for (size_t i = first_; i < items_.size() && filled < scratch.size(); ++i, offset = 0) {
    const parts p{*items_[i].data, items_[i].chunk};
    while (offset < p.size() && filled < scratch.size()) {
      const auto piece = p.from(offset);
      const auto n = std::min(piece.size(), scratch.size() - filled);
      std::memcpy(scratch.data() + filled, piece.data(), n);
      filled += n;
      offset += n;
    }
  }
  return {scratch.data(), filled};
}

void outbox::consume(size_t count) {
  size_ -= count;
  offset_ += count;
  while (first_ < items_.size()) {
    const auto whole = parts{*items_[first_].data, items_[first_].chunk}.size();
    if (offset_ < whole) break;
    offset_ -= whole;
    items_[first_].data.reset();
    ++first_;
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
