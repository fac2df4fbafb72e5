// What a command can be told: one table of options from which its help is printed and its words are
// read. An option is a flag, a variable of the environment and a key of the configuration file, all
// by one name.
#pragma once

#include "messages/base/error.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// `--link-port N`, `TROUPE_LINK_PORT=N`, `link-port: N`.
struct option {
  using setter = std::function<result<void>(const std::string& value)>;

  std::string name;
  std::string word; ///< what its value is, for the help; empty: a switch
  std::string help;
  setter set;
  bool repeats = false; ///< may be given several times, or as a list
};

/// Setters for usual values. Each refuses what it cannot take, and says what it would.
option::setter into(std::string& to);
option::setter into(std::filesystem::path& to); ///< made absolute
option::setter into(bool& to);
option::setter into(std::vector<std::string>& to);
option::setter into(std::chrono::seconds& to); ///< "6h"; one second at least
option::setter into_number(uint64_t least, uint64_t most, std::function<void(uint64_t)> take);
template<class Number>
option::setter into(Number& to, uint64_t least, uint64_t most) requires std::is_integral_v<Number> {
  return into_number(least, most, [&to](uint64_t v) { to = static_cast<Number>(v); });
}

struct command_spec {
  std::string name;     ///< "server"
  std::string synopsis; ///< behind the name: "create|list [NAME]"; "[flags]" is added
  std::string about;    ///< lines that say what it does
  std::vector<option> options;
  std::string examples; ///< one a line
};

std::string usage_of(const command_spec& of);

/// Where a value came from, for `troupe config view`.
struct setting {
  std::string name, value, source;
};

/// Reads flags in all their spellings (`--x v`, `--x=v`, `-o v`); what is left are the words.
result<std::vector<std::string>> read_flags(const command_spec& of,
                                            const std::vector<std::string>& arguments,
                                            std::vector<setting>* heard = nullptr);

/// The same, and what remains to be done by a command: print its help, complain, or go on.
struct reading {
  std::vector<std::string> words;
  std::optional<int> exit_code; ///< if it is all done: help was asked for, or a flag is wrong
};
reading read_arguments(const command_spec& of, const std::vector<std::string>& arguments);

/// Says on standard error what a command could not do; returns its exit code.
int complain(std::string_view command, const error& why);

} // namespace troupe
