// The line that a person types: editing, history in a file, completion with Tab, and at the right a
// hint of what may come next. Over libedit; what completes and hints is given.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::shell {

struct line_settings {
  std::function<std::string()> prompt;
  /// What the word that begins with `begun` may be, behind the rest of the line.
  std::function<std::vector<std::string>(std::string_view before, const std::string& begun)>
      complete;
  /// What may follow this line; called with each key, so from memory alone.
  std::function<std::string(std::string_view line)> hint;
  std::filesystem::path history; ///< empty: none is kept
  int history_lines_max = 2'000;
  bool coloured = false;
};

class line_editor {
public:
  explicit line_editor(line_settings given);
  ~line_editor(); ///< keeps the history

  /// The next line, without its end; nothing when input has ended or a signal came.
  std::optional<std::string> read();

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// The beginning that all of them share. Pure.
std::string common_beginning(const std::vector<std::string>& words);
/// Where the word before the end of the line begins. Pure.
size_t word_begin(std::string_view line);

} // namespace troupe::shell
