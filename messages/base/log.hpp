// Lines for the operator, on standard error: one event a line, a level, a component, key=value
// facts. Values are escaped, so that nothing from outside can forge a line or drive a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::log {

enum class level : uint8_t { debug, info, warn, error };

/// Lines below `least` are dropped. Any thread, any time.
void threshold(level least);
bool enabled(level wanted);

/// One `key=value` of a line.
struct fact {
  fact(std::string_view key, std::string_view value) : key{key}, value{value} {}
  fact(std::string_view key, const char* value) : key{key}, value{value} {}
  template<class Number>
  requires std::is_arithmetic_v<Number> fact(std::string_view key, Number value)
      : key{key}, value{std::to_string(value)} {}

  std::string_view key;
  std::string value;
};

/// Writes one line in one write(2). Never blocks on anything but that.
void line(level at, std::string_view component, std::string_view message,
          std::initializer_list<fact> facts = {});

inline void debug(std::string_view component, std::string_view message,
                  std::initializer_list<fact> facts = {}) {
  if (enabled(level::debug)) line(level::debug, component, message, facts);
}
inline void info(std::string_view component, std::string_view message,
                 std::initializer_list<fact> facts = {}) {
  line(level::info, component, message, facts);
}
inline void warn(std::string_view component, std::string_view message,
                 std::initializer_list<fact> facts = {}) {
  line(level::warn, component, message, facts);
}
inline void error(std::string_view component, std::string_view message,
                  std::initializer_list<fact> facts = {}) {
  line(level::error, component, message, facts);
}

/// `text` with control characters and invalid bytes made visible (`\x1b`), for terminals and logs.
std::string escaped(std::string_view text);

} // namespace troupe::log
