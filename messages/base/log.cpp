#include "messages/base/log.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace troupe::log {

namespace {

std::atomic<level> least_level{level::info};
constexpr std::string_view names[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};

void append_time(std::string& out) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char text[40];
  auto size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  out.append(text, size);
  snprintf(text, sizeof text, ".%03ldZ ", now.tv_nsec / 1'000'000);
  out += text;
}

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" =\"") != value.npos;
}

} // namespace

void threshold(level least) { least_level = least; }
bool enabled(level wanted) { return wanted >= least_level.load(std::memory_order_relaxed); }

std::string escaped(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (unsigned char c : text) {
    if (c >= 0x20 && c != 0x7f && c != '\\') {
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\\') {
      out += "\\\\";
    } else {
      out += "\\x";
      out += digits[c >> 4];
      out += digits[c & 15];
    }
  }
  return out;
}

void line(level at, std::string_view component, std::string_view message,
          std::initializer_list<fact> facts) {
  if (!enabled(at)) return;
  std::string out;
  append_time(out);
  out.append(names[static_cast<size_t>(at)]).append(" ").append(component).append(": ");
  out += escaped(message);
  for (auto& f : facts) {
    auto value = escaped(f.value);
    out.append(" ").append(f.key).append("=");
    if (needs_quotes(value)) {
      out.append("\"").append(value).append("\"");
    } else {
      out += value;
    }
  }
  out += '\n';
  [[maybe_unused]] auto n = write(STDERR_FILENO, out.data(), out.size());
}

} // namespace troupe::log
