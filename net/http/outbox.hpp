// Bytes on their way to one client: shared buffers, handed out as contiguous runs for writing.
// Pure; small pieces are gathered into one run, large ones are not copied.
#pragma once

#include "net/http/response.hpp"

#include <span>
#include <vector>

namespace troupe::http {

class outbox {
public:
  void push(bytes data);
  void push(std::string text) { push(share(std::move(text))); }
  /// One chunk of a chunked body, of all these pieces together. Without any bytes it would end the
  /// body, and is left out.
  void push_chunk(std::span<const bytes> pieces);
  void push_last_chunk();

  bool empty() const { return first_ == items_.size(); }
  /// With the framing of chunks.
  size_t size() const { return size_; }

  /// The next bytes in one run: either the rest of a large buffer, or small pieces gathered in
  /// `scratch`. Pushing more between two calls only ever makes the run longer.
  std::string_view front(std::span<char> scratch) const;
  /// Forgets the first `count` bytes.
  void consume(size_t count);
  void clear();

private:
  std::vector<bytes> items_;
  size_t first_ = 0;  ///< index of the first item not wholly consumed
  size_t offset_ = 0; ///< consumed bytes of that item
  size_t size_ = 0;
};

} // namespace troupe::http
