#include "net/http/response.hpp"

#include <charconv>
#include <ctime>

namespace troupe::http {

namespace {

void write_number(std::string& out, uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

void write_value(std::string& out, std::string_view value) {
  for (const char c : value)
    out.push_back((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f ? ' ' : c);
}

} // namespace

std::string_view reason_of(int status) {
  switch (status) {
  case 100: return "Continue";
  case 101: return "Switching Protocols";
  case 200: return "OK";
  case 201: return "Created";
  case 202: return "Accepted";
  case 204: return "No Content";
  case 301: return "Moved Permanently";
  case 302: return "Found";
  case 304: return "Not Modified";
  case 307: return "Temporary Redirect";
  case 308: return "Permanent Redirect";
  case 400: return "Bad Request";
  case 401: return "Unauthorized";
  case 403: return "Forbidden";
  case 404: return "Not Found";
  case 405: return "Method Not Allowed";
  case 406: return "Not Acceptable";
  case 408: return "Request Timeout";
  case 409: return "Conflict";
  case 410: return "Gone";
  case 412: return "Precondition Failed";
  case 413: return "Request Entity Too Large";
  case 414: return "Request URI Too Long";
  case 415: return "Unsupported Media Type";
  case 417: return "Expectation Failed";
  case 422: return "Unprocessable Entity";
  case 426: return "Upgrade Required";
  case 429: return "Too Many Requests";
  case 431: return "Request Header Fields Too Large";
  case 500: return "Internal Server Error";
  case 501: return "Not Implemented";
  case 502: return "Bad Gateway";
  case 503: return "Service Unavailable";
  case 504: return "Gateway Timeout";
  case 505: return "HTTP Version Not Supported";
  case 507: return "Insufficient Storage";
  default: return "Status";
  }
}

bool bodiless(int status) { return status < 200 || status == 204 || status == 304; }

response answer(int status, std::string content_type, std::string body) {
  return {status, {{"Content-Type", std::move(content_type)}}, {share(std::move(body))}};
}

response plain_answer(int status, std::string_view why) {
  std::string text;
  write_number(text, static_cast<uint64_t>(status));
  text += ' ';
  text += reason_of(status);
  if (!why.empty()) text += ": ";
  text += why;
  text += '\n';
  return answer(status, "text/plain; charset=utf-8", std::move(text));
}

response too_many_requests(int retry_after_seconds, std::string_view why) {
  auto out = plain_answer(429, why);
  out.headers.emplace_back("Retry-After", std::to_string(retry_after_seconds));
  return out;
}

void write_head(std::string& out, int status, const header_list& headers,
                const answer_frame& frame) {
  out += "HTTP/1.1 ";
  write_number(out, static_cast<uint64_t>(status));
  out += ' ';
  out += reason_of(status);
  out += "\r\n";
  for (const auto& [name, value] : headers) {
    out += name;
    out += ": ";
    write_value(out, value);
    out += "\r\n";
  }
  if (!frame.upgrade) {
    out += "Date: ";
    out += date_now();
    out += "\r\n";
    if (frame.chunked) {
      out += "Transfer-Encoding: chunked\r\n";
    } else if (!bodiless(status) && !frame.until_close) {
      out += "Content-Length: ";
      write_number(out, frame.body_bytes);
      out += "\r\n";
    }
    if (!frame.keep_alive)
      out += "Connection: close\r\n";
    else if (frame.http_1_0)
      out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
}

std::string_view date_now() {
  thread_local std::time_t last = 0;
  thread_local char text[32];
  const auto now = std::time(nullptr);
  if (now != last) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    last = now;
  }
  return text;
}

} // namespace troupe::http
