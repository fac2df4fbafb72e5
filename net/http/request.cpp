#include "net/http/request.hpp"

#include "net/http/chunked.hpp"

#include <cstring>

namespace troupe::http {

request::request(std::string_view complete_head, const limits& bounds)
    : text_{std::make_unique_for_overwrite<char[]>(complete_head.size())} {
  std::memcpy(text_.get(), complete_head.data(), complete_head.size());
  auto judged = judge({text_.get(), complete_head.size()}, bounds);
  refused_ = judged.refused;
  head_ = std::move(judged.accepted);
}

result<request> request::parse(std::string_view text, const limits& bounds) {
  head_scanner scanner;
  if (!scanner.scan(text, bounds)) return error{errc::bad_request, "the head is not complete"};
  if (scanner.refused()) return error{errc::bad_request, std::string{scanner.refused()->why}};
  request out{text.substr(0, scanner.size()), bounds};
  if (out.refused()) return error{errc::bad_request, std::string{out.refused()->why}};
  text.remove_prefix(scanner.size());
  if (out.head_.body == framing::chunked) {
    chunked_decoder decoder;
    decoder.feed(text, out.body, bounds);
    if (!decoder.done()) return error{errc::bad_request, "the chunked body is not whole"};
  } else {
    out.body = text;
  }
  return out;
}

std::string_view request::header(std::string_view name) const {
  for (const auto& line : head_.headers)
    if (same_name(line.name, name)) return line.value;
  return {};
}

std::vector<std::string_view> request::headers(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& line : head_.headers)
    if (same_name(line.name, name)) out.push_back(line.value);
  return out;
}

} // namespace troupe::http
