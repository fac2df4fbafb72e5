// A verb of the command line, and of the shell: what it is called, which flags it takes, what it
// does. Help, completion and reading all follow from the one description.
#pragma once

#include "messages/base/error.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::verbs {

class session;

enum exit_code : int { done = 0, failed = 1, misused = 2 };

struct flag {
  std::string_view name;  ///< without dashes
  char brief = 0;         ///< 'n' for -n; 0 if there is none
  std::string_view value; ///< what its value is called in help; empty: it takes none
  std::string_view help;
  std::string_view implied = {}; ///< its value when it is given without one
};

/// The words behind a verb, sorted into flags and the rest.
class arguments {
public:
  std::vector<std::string> words;
  std::vector<std::string> behind; ///< everything after "--"
  bool split = false;              ///< there was a "--"

  bool has(std::string_view name) const;
  /// Its last value; `preset` if the flag was not given.
  std::string get(std::string_view name, std::string_view preset = {}) const;
  const std::vector<std::string>& all(std::string_view name) const;
  void set(std::string_view name, std::string value) {
    values_[std::string(name)].push_back(std::move(value));
  }

private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct verb {
  std::string_view name;
  std::string_view group; ///< of the list that --help shows
  std::string_view summary;
  std::string_view usage; ///< what follows its name
  std::vector<flag> flags;
  std::string_view examples; ///< a line each, without "troupe "
  int (*run)(session&, const arguments&);
};

/// All of them, in the order of help.
const std::vector<verb>& all();
const verb* find(std::string_view name);
/// Flags that every verb takes.
const std::vector<flag>& common_flags();

/// Sorts `words` by the flags of `v`; fails with what is wrong about them.
result<arguments> read(const verb& v, const std::vector<std::string>& words);
std::string help(const verb& v);

/// Reads, and runs it in `s`. Explains it if a word is --help.
int run(session& s, const verb& v, const std::vector<std::string>& words);

/// A verb as the one word of a command line: `troupe get pods`.
int run_command(const verb& v, const std::vector<std::string>& words);

} // namespace troupe::verbs
