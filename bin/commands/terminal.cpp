#include "bin/commands/terminal.hpp"

#include "bin/commands/commands.hpp"
#include "messages/base/log.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <unistd.h>

namespace troupe::commands {

namespace {

constexpr size_t source_bytes_max = 64 * 1024 * 1024;

error bad(std::string message) { return {errc::bad_request, std::move(message)}; }

} // namespace

result<command_line> read_command_line(const std::vector<std::string>& arguments,
                                       const std::set<std::string>& known) {
  command_line out;
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto& word = arguments[i];
    // "-f x", "-fx", "--filename x", "--filename=x"
    auto value_of = [&](std::string_view brief, std::string_view full) -> result<std::string> {
      if (word.starts_with(std::string(full) + "=")) return word.substr(full.size() + 1);
      if (word != brief && word != full) return word.substr(brief.size());
      if (i + 1 >= arguments.size()) return bad(word + " needs a value");
      return arguments[++i];
    };
    auto is = [&](std::string_view brief, std::string_view full) {
      return word == full || word.starts_with(std::string(full) + "=") ||
             (word.starts_with(brief) && !word.starts_with("--"));
    };
    if (is("-f", "--filename")) {
      auto value = value_of("-f", "--filename");
      if (!value) return value.error();
      out.files.push_back(*value);
    } else if (is("-o", "--output")) {
      auto value = value_of("-o", "--output");
      if (!value) return value.error();
      out.output = *value;
    } else if (word.size() > 1 && word[0] == '-') {
      if (!known.contains(word)) return bad("there is no flag " + word);
      out.switches.insert(word);
    } else {
      out.words.push_back(word);
    }
  }
  return out;
}

result<std::string> read_source(const std::string& name) {
  std::string text;
  if (name == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream in(name, std::ios::binary);
    if (!in) return error{errc::not_found, "cannot read " + name + ": " + std::strerror(errno)};
    text.assign(std::istreambuf_iterator<char>(in), {});
    if (in.bad()) return error{errc::internal, "cannot read " + name};
  }
  if (text.size() > source_bytes_max)
    return error{errc::too_large, name + " is larger than 64 MiB"};
  return text;
}

bool colours(int stream) {
  auto no = std::getenv("NO_COLOR");
  return !(no && *no) && isatty(stream);
}

std::string show(const std::string& file, const codec::finding& f, bool coloured) {
  bool is_error = f.weight == codec::finding::level::error;
  std::string out = log::escaped(file);
  if (f.at.line) out += ":" + std::to_string(f.at.line) + ":" + std::to_string(f.at.column);
  out += ": ";
  if (coloured) out += is_error ? "\x1b[31m" : "\x1b[33m";
  out += is_error ? "error" : "warning";
  if (coloured) out += "\x1b[0m";
  out += ": ";
  if (!f.object.empty()) out += log::escaped(f.object) + ": ";
  if (!f.field.empty() && f.reason != "UnknownField" && f.reason != "DuplicateField")
    out += log::escaped(f.field) + ": ";
  out += log::escaped(f.message);
  if (!f.suggestion.empty()) out += " (" + log::escaped(f.suggestion) + ")";
  return out;
}

int misuse(const std::string& message, const char* command) {
  fprintf(stderr, "troupe %s: %s; see troupe %s --help\n", command, message.c_str(), command);
  return misused;
}

} // namespace troupe::commands
