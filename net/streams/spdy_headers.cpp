#include "net/streams/spdy_headers.hpp"

#include <zlib.h>

namespace troupe::streams {

namespace {

constexpr std::string_view dictionary_words[] = {"options",
                                                 "head",
                                                 "post",
                                                 "put",
                                                 "delete",
                                                 "trace",
                                                 "accept",
                                                 "accept-charset",
                                                 "accept-encoding",
                                                 "accept-language",
                                                 "accept-ranges",
                                                 "age",
                                                 "allow",
                                                 "authorization",
                                                 "cache-control",
                                                 "connection",
                                                 "content-base",
                                                 "content-encoding",
                                                 "content-language",
                                                 "content-length",
                                                 "content-location",
                                                 "content-md5",
                                                 "content-range",
                                                 "content-type",
                                                 "date",
                                                 "etag",
                                                 "expect",
                                                 "expires",
                                                 "from",
                                                 "host",
                                                 "if-match",
                                                 "if-modified-since",
                                                 "if-none-match",
                                                 "if-range",
                                                 "if-unmodified-since",
                                                 "last-modified",
                                                 "location",
                                                 "max-forwards",
                                                 "pragma",
                                                 "proxy-authenticate",
                                                 "proxy-authorization",
                                                 "range",
                                                 "referer",
                                                 "retry-after",
                                                 "server",
                                                 "te",
                                                 "trailer",
                                                 "transfer-encoding",
                                                 "upgrade",
                                                 "user-agent",
                                                 "vary",
                                                 "via",
                                                 "warning",
                                                 "www-authenticate",
                                                 "method",
                                                 "get",
                                                 "status",
                                                 "200 OK",
                                                 "version",
                                                 "HTTP/1.1",
                                                 "url",
                                                 "public",
                                                 "set-cookie",
                                                 "keep-alive",
                                                 "origin"};
constexpr std::string_view dictionary_rest =
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
    "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 "
    "Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age="
    "gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

void put32(std::string& out, size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

/// Reads numbers and texts off a block's front.
struct reader {
  std::optional<uint32_t> number() {
    if (left.size() < 4) return {};
    uint32_t out = 0;
    for (int i = 0; i < 4; ++i) out = out << 8 | static_cast<uint8_t>(left[static_cast<size_t>(i)]);
    left.remove_prefix(4);
    return out;
  }
  std::optional<std::string_view> text() {
    const auto size = number();
    if (!size || *size > left.size()) return {};
    const auto out = left.substr(0, *size);
    left.remove_prefix(*size);
    return out;
  }
  std::string_view left;
};

Bytef* bytes_of(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

} // namespace

const std::string& spdy_dictionary() {
  static const std::string made = [] {
    std::string out;
    for (const auto word : dictionary_words) {
      put32(out, word.size());
      out += word;
    }
    return out.append(dictionary_rest);
  }();
  return made;
}

struct spdy_inflater::zlib {
  zlib() { inflateInit(&state); }
  ~zlib() { inflateEnd(&state); }
  z_stream state{};
};

spdy_inflater::spdy_inflater() : zlib_{std::make_unique<zlib>()} {}
spdy_inflater::~spdy_inflater() = default;

std::optional<http::header_list> spdy_inflater::unfold(std::string_view block) {
  auto& z = zlib_->state;
  z.next_in = bytes_of(block);
  z.avail_in = static_cast<uInt>(block.size());
  std::string plain;
  char buffer[4096];
  do {
    z.next_out = reinterpret_cast<Bytef*>(buffer);
    z.avail_out = sizeof buffer;
    int state = inflate(&z, Z_SYNC_FLUSH);
    if (state == Z_NEED_DICT) {
      const auto& words = spdy_dictionary();
      if (inflateSetDictionary(&z, bytes_of(words), static_cast<uInt>(words.size())) != Z_OK)
        return {};
      state = inflate(&z, Z_SYNC_FLUSH);
    }
    if (state == Z_BUF_ERROR) break; // everything was taken in already
    if (state != Z_OK) return {};
    plain.append(buffer, sizeof buffer - z.avail_out);
    if (plain.size() > spdy_header_block_bytes_max) return {};
  } while (z.avail_in > 0 || z.avail_out == 0);
  reader from{plain};
  const auto count = from.number();
  if (!count) return {};
  http::header_list out;
  for (uint32_t i = 0; i < *count; ++i) {
    const auto name = from.text();
    auto values = from.text();
    if (!name || name->empty() || !values) return {};
    for (size_t nul = 0; nul != values->npos; values->remove_prefix(nul + 1)) {
      nul = values->find('\0');
      out.emplace_back(*name, values->substr(0, nul));
      if (nul == values->npos) break;
    }
  }
  if (!from.left.empty()) return {};
  return out;
}

struct spdy_deflater::zlib {
  zlib() {
    deflateInit(&state, Z_BEST_COMPRESSION);
    const auto& words = spdy_dictionary();
    deflateSetDictionary(&state, bytes_of(words), static_cast<uInt>(words.size()));
  }
  ~zlib() { deflateEnd(&state); }
  z_stream state{};
};

spdy_deflater::spdy_deflater() : zlib_{std::make_unique<zlib>()} {}
spdy_deflater::~spdy_deflater() = default;

std::string spdy_deflater::fold(const http::header_list& headers) {
  std::string plain;
  put32(plain, headers.size());
  for (const auto& [name, value] : headers) {
    put32(plain, name.size());
    plain += name;
    put32(plain, value.size());
    plain += value;
  }
  auto& z = zlib_->state;
  z.next_in = bytes_of(plain);
  z.avail_in = static_cast<uInt>(plain.size());
  std::string out;
  char buffer[1024];
  do {
    z.next_out = reinterpret_cast<Bytef*>(buffer);
    z.avail_out = sizeof buffer;
    deflate(&z, Z_SYNC_FLUSH);
    out.append(buffer, sizeof buffer - z.avail_out);
  } while (z.avail_out == 0);
  return out;
}

} // namespace troupe::streams
