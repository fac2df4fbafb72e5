// Takes a chunked body apart as its bytes arrive, strictly: sizes of at most 16 hexadecimal digits,
// bounded extensions and trailers (both ignored), nothing in trailers that could frame a message.
#pragma once

#include "net/http/gate.hpp"

#include <string>

namespace troupe::http {

class chunked_decoder {
public:
  /// Consumes what it can from `bytes`, appending data to `body` up to the body limit. Returns how
  /// many bytes were used; stops at the end of the body, so the rest belongs to the next request.
  size_t feed(std::string_view bytes, std::string& body, const limits& bounds);
  bool done() const { return state_ == state::done; }
  const std::optional<refusal>& refused() const { return refused_; }
  void reset() { *this = {}; }

private:
  enum class state : uint8_t { size, extension, size_lf, data, data_cr, data_lf, trailer, done };

  bool refuse(int status, std::string_view why);
  bool take_size(char c, const limits& bounds);
  bool take_trailer(char c, const limits& bounds);

  state state_ = state::size;
  int digits_ = 0;
  uint64_t left_ = 0;
  size_t line_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  std::string line_; ///< the trailer line being read
  std::optional<refusal> refused_;
};

} // namespace troupe::http
