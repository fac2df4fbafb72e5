// What the commands share: flags, files, colours.
#pragma once

#include "messages/base/error.hpp"
#include "messages/codec/manifest.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::commands {

/// Words of a command line, sorted into flags and the rest.
struct command_line {
  std::vector<std::string> files; ///< of every -f
  std::string output;             ///< of -o
  std::set<std::string> switches; ///< flags without a value
  std::vector<std::string> words;

  bool has(const char* name) const { return switches.contains(name); }
};

/// Reads -f, -o (in all their spellings) and the switches that are `known`.
result<command_line> read_command_line(const std::vector<std::string>& arguments,
                                       const std::set<std::string>& known);

/// The whole of a file, or of standard input for "-".
result<std::string> read_source(const std::string& name);

/// Whether `stream` is a terminal that wants colours (NO_COLOR is honoured).
bool colours(int stream);

/// "web.yaml:3:5: error: spec.replicas: ... (did you mean ...)", with colours if wanted.
std::string show(const std::string& file, const codec::finding& f, bool coloured);

/// Prints to standard error and returns the exit code of misuse.
int misuse(const std::string& message, const char* command);

} // namespace troupe::commands
