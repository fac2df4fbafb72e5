#include "bin/shell/words.hpp"

#include <cstdlib>

namespace troupe::shell {

result<std::vector<std::string>> split(std::string_view line) {
  std::vector<std::string> out;
  std::string word;
  bool inside = false; // of a word
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (quote) {
      if (c == quote)
        quote = 0;
      else if (c == '\\' && quote == '"' && i + 1 < line.size() &&
               (line[i + 1] == '"' || line[i + 1] == '\\'))
        word += line[++i];
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      inside = true;
    } else if (c == '\\' && i + 1 < line.size() && line.substr(i).starts_with("\\watch") &&
               !inside) {
      word += c; // the shell's own word
      inside = true;
    } else if (c == '\\' && i + 1 < line.size()) {
      word += line[++i];
      inside = true;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      if (inside) out.push_back(std::exchange(word, {}));
      inside = false;
    } else if (c == '#' && !inside) {
      break;
    } else {
      word += c;
      inside = true;
    }
  }
  if (quote) return error{errc::bad_request, std::string("the quote ") + quote + " is not closed"};
  if (inside) out.push_back(std::move(word));
  return out;
}

result<repeated> take_watch(std::vector<std::string> words) {
  constexpr int usual_seconds = 2;
  repeated out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] != "\\watch") continue;
    out.every_seconds = usual_seconds;
    if (i + 1 < words.size()) out.every_seconds = atoi(words[i + 1].c_str());
    if (out.every_seconds <= 0 || i + 2 < words.size())
      return error{errc::bad_request,
                   "\\watch stands last, with how many seconds lie between: \\watch 5"};
    words.resize(i);
  }
  out.words = std::move(words);
  return out;
}

} // namespace troupe::shell
