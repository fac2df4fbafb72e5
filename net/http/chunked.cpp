#include "net/http/chunked.hpp"

#include <algorithm>

namespace troupe::http {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool printable(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }

constexpr int size_digits_max = 16;

} // namespace

bool chunked_decoder::refuse(int status, std::string_view why) {
  refused_ = refusal{status, why};
  return false;
}

bool chunked_decoder::take_size(char c, const limits& bounds) {
  if (++line_bytes_ > bounds.chunk_line_bytes_max)
    return refuse(400, "a chunk's size line is too long");
  if (state_ == state::size_lf) {
    if (c != '\n') return refuse(400, "a CR without LF after a chunk size");
    line_bytes_ = 0;
    digits_ = 0;
    state_ = left_ == 0 ? state::trailer : state::data;
    return true;
  }
  if (c == '\r') {
    if (digits_ == 0) return refuse(400, "a chunk without a size");
    state_ = state::size_lf;
    return true;
  }
  if (state_ == state::extension)
    return printable(c) || refuse(400, "a control character in a chunk extension");
  if (c == ';' && digits_ > 0) {
    state_ = state::extension;
    return true;
  }
  const int value = hex_value(c);
  if (value < 0) return refuse(400, "a chunk size that is not hexadecimal");
  if (++digits_ > size_digits_max) return refuse(400, "a chunk size of more than 16 digits");
  left_ = left_ * 16 + static_cast<uint64_t>(value);
  return true;
}

bool chunked_decoder::take_trailer(char c, const limits& bounds) {
  if (++trailer_bytes_ > bounds.trailer_bytes_max) return refuse(431, "the trailers are too long");
  if (c != '\n') {
    if (!line_.empty() && line_.back() == '\r') return refuse(400, "a CR without LF in a trailer");
    if (c != '\r' && !printable(c)) return refuse(400, "a control character in a trailer");
    line_.push_back(c);
    return true;
  }
  if (line_.empty() || line_.back() != '\r') return refuse(400, "a bare LF in a trailer");
  line_.pop_back();
  if (line_.empty()) {
    state_ = state::done;
    return true;
  }
  const auto name = std::string_view{line_}.substr(0, line_.find(':'));
  if (name.size() == line_.size() || name.empty() || name.find_first_of(" \t") != name.npos)
    return refuse(400, "a malformed trailer line");
  for (const auto forbidden : {"content-length", "transfer-encoding", "host", "connection",
                               "content-encoding", "authorization", "trailer", "te", "expect"})
    if (same_name(name, forbidden)) return refuse(400, "a trailer that may only be a header");
  line_.clear();
  return true;
}

size_t chunked_decoder::feed(std::string_view bytes, std::string& body, const limits& bounds) {
  size_t used = 0;
  while (used < bytes.size() && !done() && !refused_) {
    const char c = bytes[used];
    switch (state_) {
    case state::size:
    case state::extension:
    case state::size_lf:
      // Judged once the whole size is known: a size of too many digits is malformed, not large.
      if (take_size(c, bounds) && state_ == state::data &&
          (left_ > bounds.body_bytes_max || body.size() + left_ > bounds.body_bytes_max))
        refuse(413, "the body is larger than the server accepts");
      ++used;
      break;
    case state::data: {
      const auto n = std::min<uint64_t>(left_, bytes.size() - used);
      body.append(bytes.substr(used, n));
      used += n;
      left_ -= n;
      if (left_ == 0) state_ = state::data_cr;
      break;
    }
    case state::data_cr:
      if (c == '\r')
        state_ = state::data_lf;
      else
        refuse(400, "a chunk longer than its size");
      ++used;
      break;
    case state::data_lf:
      if (c == '\n')
        state_ = state::size;
      else
        refuse(400, "a chunk longer than its size");
      ++used;
      break;
    case state::trailer:
      take_trailer(c, bounds);
      ++used;
      break;
    case state::done: break;
    }
  }
  return used;
}

} // namespace troupe::http
