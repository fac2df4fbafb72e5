#include "bin/options.hpp"

#include "messages/base/time.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace troupe {

namespace {

bool asks_for_help(const std::string& word) { return word == "--help" || word == "-h"; }

std::string flag_of(const option& o) { return (o.name.size() == 1 ? "-" : "--") + o.name; }

const option* find(const command_spec& of, std::string_view flag) {
  auto name = flag.substr(flag.starts_with("--") ? 2 : 1);
  for (auto& o : of.options)
    if (o.name == name) return &o;
  return nullptr;
}

} // namespace

option::setter into(std::string& to) {
  return [&to](const std::string& value) -> result<void> {
    to = value;
    return {};
  };
}

option::setter into(std::filesystem::path& to) {
  return [&to](const std::string& value) -> result<void> {
    if (value.empty()) return error{errc::bad_request, "needs a path"};
    to = std::filesystem::absolute(value);
    return {};
  };
}

option::setter into(bool& to) {
  return [&to](const std::string& value) -> result<void> {
    if (value != "true" && value != "false" && !value.empty())
      return error{errc::bad_request, "\"" + value + "\" is neither true nor false"};
    to = value != "false";
    return {};
  };
}

option::setter into(std::chrono::seconds& to) {
  return [&to](const std::string& value) -> result<void> {
    auto read = parse_duration(value);
    if (!read) return read.error();
    to = std::chrono::duration_cast<std::chrono::seconds>(*read);
    if (to >= std::chrono::seconds{1}) return {};
    return error{errc::bad_request, "write a duration of a second or more, like 6h"};
  };
}

option::setter into(std::vector<std::string>& to) {
  return [&to](const std::string& value) -> result<void> {
    to.push_back(value);
    return {};
  };
}

option::setter into_number(uint64_t least, uint64_t most, std::function<void(uint64_t)> take) {
  return [=](const std::string& value) -> result<void> {
    uint64_t number = 0;
    auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (failed != std::errc{} || end != value.data() + value.size() || number < least ||
        number > most)
      return error{errc::bad_request, "\"" + value + "\" is no number from " +
                                          std::to_string(least) + " to " + std::to_string(most)};
    take(number);
    return {};
  };
}

std::string usage_of(const command_spec& of) {
  auto out = "Usage: troupe " + of.name + (of.synopsis.empty() ? "" : " " + of.synopsis) +
             " [flags]\n\n" + of.about + "\n\nFlags:\n";
  size_t width = 0;
  auto left = [](const option& o) { return flag_of(o) + (o.word.empty() ? "" : " " + o.word); };
  for (auto& o : of.options) width = std::max(width, left(o).size());
  for (auto& o : of.options) {
    auto head = left(o);
    out += "  " + head + std::string(width - head.size() + 2, ' ') + o.help + "\n";
  }
  if (of.examples.empty()) return out;
  out += "\nExamples:\n  ";
  for (char c : of.examples) c == '\n' ? out += "\n  " : out += c;
  return out + "\n";
}

result<std::vector<std::string>> read_flags(const command_spec& of,
                                            const std::vector<std::string>& arguments,
                                            std::vector<setting>* heard) {
  std::vector<std::string> words;
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto& word = arguments[i];
    if (word.size() < 2 || word[0] != '-') {
      words.push_back(word);
      continue;
    }
    auto equal = word.find('=');
    auto flag = word.substr(0, equal);
    auto o = find(of, flag);
    if (!o)
      return error{errc::bad_request, flag + " is not a flag; see troupe " + of.name + " --help"};
    std::string value;
    if (equal != word.npos)
      value = word.substr(equal + 1);
    else if (o->word.empty())
      value = "true";
    else if (i + 1 < arguments.size())
      value = arguments[++i];
    else
      return error{errc::bad_request, flag + " needs a value: " + o->word};
    if (auto set = o->set(value); !set) return with_context(set.error(), flag);
    if (heard) heard->push_back({o->name, value, "flag " + flag});
  }
  return words;
}

reading read_arguments(const command_spec& of, const std::vector<std::string>& arguments) {
  if (std::any_of(arguments.begin(), arguments.end(), asks_for_help)) {
    fputs(usage_of(of).c_str(), stdout);
    return {{}, 0};
  }
  auto words = read_flags(of, arguments);
  if (words) return {std::move(*words), {}};
  complain(of.name, words.error());
  return {{}, 2};
}

int complain(std::string_view command, const error& why) {
  fprintf(stderr, "troupe %.*s: %s\n", static_cast<int>(command.size()), command.data(),
          why.message.c_str());
  return 1;
}

} // namespace troupe
