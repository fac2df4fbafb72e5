#include "bin/verbs/verb.hpp"

#include "bin/verbs/session.hpp"

#include <algorithm>

namespace troupe::verbs {

namespace {

const flag* find_flag(const verb& v, std::string_view name, char brief) {
  for (auto* list : {&v.flags, &common_flags()})
    for (auto& f : *list)
      if (brief ? f.brief == brief : f.name == name) return &f;
  return nullptr;
}

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

std::string nearest(const verb& v, std::string_view name) {
  for (auto* list : {&v.flags, &common_flags()})
    for (auto& f : *list)
      if (f.name.starts_with(name) || name.starts_with(f.name))
        return "; did you mean --" + std::string(f.name) + "?";
  return {};
}

} // namespace

bool arguments::has(std::string_view name) const {
  auto hit = values_.find(name);
  return hit != values_.end() && hit->second.back() != "false";
}

std::string arguments::get(std::string_view name, std::string_view preset) const {
  auto hit = values_.find(name);
  return hit == values_.end() ? std::string(preset) : hit->second.back();
}

const std::vector<std::string>& arguments::all(std::string_view name) const {
  static const std::vector<std::string> none;
  auto hit = values_.find(name);
  return hit == values_.end() ? none : hit->second;
}

const std::vector<flag>& common_flags() {
  static const std::vector<flag> list{
      {"namespace", 'n', "NAME", "the namespace that is meant (the context's)"},
      {"kubeconfig", 0, "FILE",
       "who you are and where the cluster is (KUBECONFIG, ~/.kube/config)"},
      {"context", 0, "NAME", "of the kubeconfig (its current one)"},
      {"as", 0, "USER", "act as somebody else"},
      {"as-group", 0, "GROUP", "and as a member of this group; may be repeated"},
      {"request-timeout", 0, "DURATION", "how long an answer may take (60s)"},
      {"help", 'h', "", "this text"},
  };
  return list;
}

result<arguments> read(const verb& v, const std::vector<std::string>& words) {
  arguments out;
  for (size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (word == "--") {
      out.split = true;
      out.behind.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      out.words.emplace_back(word);
      continue;
    }
    auto take = [&](const flag& f, std::string_view given, bool has_value) -> result<void> {
      if (!has_value && !f.value.empty() && f.implied.empty()) {
        if (i + 1 >= words.size()) return bad("--" + std::string(f.name) + " needs a value");
        given = words[++i];
      } else if (!has_value) {
        given = f.value.empty() ? std::string_view("true") : f.implied;
      }
      out.set(f.name, std::string(given));
      return {};
    };
    if (word.starts_with("--")) {
      auto equal = word.find('=');
      auto name = word.substr(2, equal == word.npos ? word.npos : equal - 2);
      auto f = find_flag(v, name, 0);
      if (!f) return bad("there is no flag --" + std::string(name) + nearest(v, name));
      auto value = equal == word.npos ? std::string_view{} : word.substr(equal + 1);
      if (auto ok = take(*f, value, equal != word.npos); !ok) return ok.error();
      continue;
    }
    // -it, -ojson, -o=json, -n name
    for (size_t at = 1; at < word.size(); ++at) {
      auto f = find_flag(v, {}, word[at]);
      if (!f) return bad("there is no flag -" + std::string(1, word[at]));
      auto rest = word.substr(at + 1);
      bool takes = !f->value.empty() && (f->implied.empty() || rest.starts_with('='));
      bool has_value = (takes && !rest.empty()) || rest.starts_with('=');
      if (rest.starts_with('=')) rest.remove_prefix(1);
      if (auto ok = take(*f, rest, has_value); !ok) return ok.error();
      if (has_value) break;
    }
  }
  return out;
}

std::string help(const verb& v) {
  std::string out(v.summary);
  out[0] = static_cast<char>(toupper(out[0]));
  out += ".\n\nUsage: troupe " + std::string(v.name) + " " + std::string(v.usage) + "\n";
  auto list = [&](const char* title, const std::vector<flag>& flags) {
    if (flags.empty()) return;
    out += std::string("\n") + title + ":\n";
    for (auto& f : flags) {
      std::string left = f.brief ? std::string("  -") + f.brief + ", --" : "      --";
      left += f.name;
      if (!f.value.empty()) left += (f.implied.empty() ? " " : "=") + std::string(f.value);
      left.resize(std::max<size_t>(left.size() + 2, 32), ' ');
      out += left + std::string(f.help) + "\n";
    }
  };
  list("Flags", v.flags);
  list("For every command", common_flags());
  if (!v.examples.empty()) {
    out += "\nExamples:\n";
    std::string_view rest = v.examples;
    while (!rest.empty()) {
      auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      out += "  troupe " + std::string(line) + "\n";
    }
  }
  return out;
}

int run(session& s, const verb& v, const std::vector<std::string>& words) {
  auto read_words = read(v, words);
  if (!read_words) {
    s.complain("troupe " + std::string(v.name) + ": " + read_words.error().message +
               "; see troupe " + std::string(v.name) + " --help");
    return misused;
  }
  if (read_words->has("help")) {
    s.print(help(v));
    return done;
  }
  if (auto ok = s.begin(*read_words); !ok) return s.fail(ok.error());
  return v.run(s, *read_words);
}

int run_command(const verb& v, const std::vector<std::string>& words) {
  session s;
  return run(s, v, words);
}

} // namespace troupe::verbs
