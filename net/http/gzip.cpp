#include "net/http/gzip.hpp"

#include <zlib.h>

namespace troupe::http {

namespace {

constexpr int level = 1;
constexpr int window_bits_gzip = 15 + 16;
constexpr int memory_level = 8;

/// A running compression that cleans up after itself.
struct deflater {
  deflater() {
    ready = deflateInit2(&state, level, Z_DEFLATED, window_bits_gzip, memory_level,
                         Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~deflater() { deflateEnd(&state); }
  deflater(const deflater&) = delete;
  deflater& operator=(const deflater&) = delete;

  bool add(std::string_view text, int flush, std::string& out) {
    char buffer[16384];
    state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    state.avail_in = static_cast<uInt>(text.size());
    do {
      state.next_out = reinterpret_cast<Bytef*>(buffer);
      state.avail_out = sizeof buffer;
      if (deflate(&state, flush) == Z_STREAM_ERROR) return false;
      out.append(buffer, sizeof buffer - state.avail_out);
    } while (state.avail_out == 0);
    return true;
  }

  z_stream state{};
  bool ready;
};

std::string gzipped(const std::vector<bytes>& pieces) {
  deflater z;
  std::string out;
  bool fine = z.ready;
  for (const auto& piece : pieces) fine = fine && z.add(*piece, Z_NO_FLUSH, out);
  return fine && z.add({}, Z_FINISH, out) ? out : std::string{};
}

/// True if the parameters of a coding say that it is not wanted (q=0, q=0.0, ...).
bool is_refused(std::string_view parameters) {
  const auto at = parameters.find("q=");
  if (at == parameters.npos) return false;
  return parameters.substr(at + 2).find_first_not_of("0. \t") == parameters.npos;
}

} // namespace

bool takes_gzip(const request& in) {
  for (auto line : in.headers("Accept-Encoding"))
    while (!line.empty()) {
      const auto comma = line.find(',');
      auto coding = line.substr(0, comma);
      line.remove_prefix(comma == line.npos ? line.size() : comma + 1);
      const auto semicolon = coding.find(';');
      const auto parameters =
          semicolon == coding.npos ? std::string_view{} : coding.substr(semicolon);
      coding = coding.substr(0, semicolon);
      if (has_token(coding, "gzip") && !is_refused(parameters)) return true;
    }
  return false;
}

std::string gzipped(std::string_view text) {
  return gzipped(std::vector{share(std::string{text})});
}

void compress_if_wanted(const request& in, response& what) {
  size_t size = 0;
  for (const auto& piece : what.body) size += piece->size();
  if (size < gzip_bytes_min || !takes_gzip(in)) return;
  for (const auto& [name, value] : what.headers)
    if (same_name(name, "Content-Encoding")) return;
  auto small = gzipped(what.body);
  if (small.empty()) return;
  what.body = {share(std::move(small))};
  what.headers.emplace_back("Content-Encoding", "gzip");
  what.headers.emplace_back("Vary", "Accept-Encoding");
}

} // namespace troupe::http
