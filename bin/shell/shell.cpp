#include "bin/shell/shell.hpp"

#include "bin/shell/line_editor.hpp"
#include "bin/shell/words.hpp"
#include "bin/verbs/complete.hpp"
#include "bin/verbs/verbs.hpp"
#include "messages/base/log.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe {

namespace {

constexpr const char* usage = R"(Usage: troupe shell [flags]

Asks and tells a cluster line by line: every command of `troupe`, without its first word, and a few
of the shell's own (`help` lists them). Speaks messages over a link, with the rights of the
kubeconfig's user. A line that fails does not end the shell.

Flags:
  -c LINE            run this line and end; may be repeated
  -f FILE            run the lines of a file and end
  --kubeconfig FILE  who you are and where the cluster is (KUBECONFIG, ~/.kube/config)
  --context NAME     of the kubeconfig (its current one)
  -n NAME            the namespace to begin in

The exit code is that of the last line that failed, 0 if none did.

Examples:
  troupe shell
  troupe shell -c 'get pods' -c 'why deployment/web'
  echo 'get nodes -o json' | troupe shell
)";

constexpr const char* own_words = R"(
The shell's own:
  use NAMESPACE    go to another namespace
  context NAME     go to another context of the kubeconfig
  TYPE/NAME        get it
  watch TYPE       get it, and then every change
  tree             who supervises whom (actors)
  LINE \watch [N]  run the line again every N seconds (2), until Ctrl-C
  help [COMMAND]   this, or all about one command
  exit             or Ctrl-D
)";

class interpreter {
public:
  explicit interpreter(verbs::session& s) : s_{s} {}

  bool over() const { return over_; }
  int code() const { return code_; }

  void run(const std::string& line) {
    auto words = troupe::shell::split(line);
    if (!words) return note(s_.fail(words.error()));
    auto plan = troupe::shell::take_watch(std::move(*words));
    if (!plan) return note(s_.fail(plan.error()));
    if (plan->words.empty()) return;
    if (plan->every_seconds == 0) return note(once(plan->words));
    while (!s_.interrupted() && !over_) {
      if (s_.to_terminal()) s_.print("\x1b[H\x1b[2J");
      s_.print_line("Every " + std::to_string(plan->every_seconds) + " s: " + line);
      note(once(plan->words));
      fflush(stdout);
      poll(nullptr, 0, plan->every_seconds * 1000); // Ctrl-C ends it
    }
  }

private:
  void note(int code) {
    if (code != 0) code_ = code;
  }

  int once(std::vector<std::string> words) {
    if (words[0] == "troupe" || words[0] == "kubectl") words.erase(words.begin());
    if (words.empty()) return 0;
    auto word = words[0];
    std::vector<std::string> rest(words.begin() + 1, words.end());
    if (word == "exit" || word == "quit") return over_ = true, 0;
    if (word == "help") return help(rest);
    if (word == "use" || word == "context") return go(word, rest);
    if (word == "watch") {
      rest.push_back("--watch");
      return verbs::run(s_, *verbs::find("get"), rest);
    }
    if (word == "tree") return verbs::run(s_, *verbs::find("actors"), rest);
    if (auto v = verbs::find(word)) return verbs::run(s_, *v, rest);
    if (word.find('/') != word.npos && word[0] != '/')
      return verbs::run(s_, *verbs::find("get"), words);
    s_.complain("there is no command \"" + log::escaped(word) + "\"" + nearest(word) +
                "; help lists them");
    return verbs::misused;
  }

  int go(const std::string& word, const std::vector<std::string>& rest) {
    if (rest.size() != 1) {
      s_.complain("write " + word + " NAME");
      return verbs::misused;
    }
    if (word == "use")
      s_.use_namespace(rest[0]);
    else
      s_.use_context(rest[0]);
    return 0;
  }

  int help(const std::vector<std::string>& rest) {
    if (!rest.empty()) {
      auto v = verbs::find(rest[0]);
      if (!v) {
        s_.complain("there is no command \"" + log::escaped(rest[0]) + "\"");
        return verbs::misused;
      }
      s_.print(verbs::help(*v));
      return 0;
    }
    std::string_view group;
    for (auto& v : verbs::all()) {
      if (v.group != group) s_.print("\n" + std::string(group = v.group) + ":\n");
      auto name = std::string(v.name);
      name.resize(16, ' ');
      s_.print("  " + name + std::string(v.summary) + "\n");
    }
    s_.print(own_words);
    return 0;
  }

  static std::string nearest(const std::string& word) {
    for (auto& v : verbs::all())
      if (v.name.starts_with(word.substr(0, 2)) && word.size() > 1)
        return "; did you mean \"" + std::string(v.name) + "\"?";
    return {};
  }

  verbs::session& s_;
  bool over_ = false;
  int code_ = 0;
};

// ---- the line that is typed ---------------------------------------------------------------------

std::vector<std::string> completed(verbs::session& s, std::string_view before,
                                   const std::string& begun) {
  auto words = troupe::shell::split(before);
  if (!words) return {};
  auto out = verbs::complete(s, *words, begun);
  if (words->empty())
    for (auto* own : {"use", "context", "watch", "tree", "help", "exit"})
      if (std::string_view(own).starts_with(begun)) out.emplace_back(own);
  return out;
}

/// How the verb of this line goes on, while nothing or little stands behind it.
std::string hint_for(std::string_view line) {
  auto words = troupe::shell::split(line);
  if (!words || words->empty()) return {};
  auto v = verbs::find((*words)[0]);
  if (!v) return {};
  bool alone = words->size() == 1 && !line.ends_with(' ');
  return alone ? std::string(v->summary) : std::string(v->usage);
}

std::filesystem::path history_file() {
  auto home = std::getenv("HOME");
  if (!home || !*home) return {};
  auto folder = std::filesystem::path(home) / ".local" / "share" / "troupe";
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  return failed ? std::filesystem::path{} : folder / "history";
}

int talk(verbs::session& s) {
  interpreter over{s};
  verbs::catch_interrupts();
  umask(0077); // what was typed is nobody else's
  troupe::shell::line_editor typed{
      {.prompt =
           [&] { return (s.context().empty() ? "troupe" : s.context()) + ":" + s.ns() + "> "; },
       .complete = [&](auto before, auto& begun) { return completed(s, before, begun); },
       .hint = hint_for,
       .history = history_file(),
       .coloured = s.coloured()}};
  (void)s.begin({});
  s.print_line("troupe shell: help lists what there is, exit or Ctrl-D ends it.");
  while (!over.over()) {
    verbs::clear_interrupt();
    fflush(stdout);
    auto line = typed.read();
    if (!line) {
      if (s.interrupted()) {
        s.print("\n");
        continue;
      }
      break;
    }
    over.run(*line);
  }
  return 0; // a session of a person has no failure
}

} // namespace

int shell_command(const std::vector<std::string>& words) {
  std::vector<std::string> lines, files;
  verbs::arguments common;
  for (size_t i = 0; i < words.size(); ++i) {
    auto word = words[i];
    std::string value;
    if (word == "--help" || word == "-h") return fputs(usage, stdout), 0;
    if (auto equal = word.find('='); equal != word.npos && word.starts_with("--")) {
      value = word.substr(equal + 1);
      word.resize(equal);
    } else if (i + 1 < words.size()) {
      value = words[++i];
    }
    if (word == "-c")
      lines.push_back(value);
    else if (word == "-f")
      files.push_back(value);
    else if (word == "-n" || word == "--namespace")
      common.set("namespace", value);
    else if (word == "--kubeconfig" || word == "--context")
      common.set(word.substr(2), value);
    else {
      fprintf(stderr, "troupe shell: %s is not a flag; see troupe shell --help\n", word.c_str());
      return 2;
    }
  }
  verbs::session s;
  if (auto ok = s.begin(common); !ok) return s.fail(ok.error());
  if (auto ns = common.get("namespace"); !ns.empty()) s.use_namespace(ns);
  if (lines.empty() && files.empty() && isatty(STDIN_FILENO)) return talk(s);
  interpreter over{s};
  auto run_all = [&](std::istream& in) {
    for (std::string line; !over.over() && std::getline(in, line);) over.run(line);
  };
  for (auto& line : lines)
    if (!over.over()) over.run(line);
  for (auto& name : files) {
    std::ifstream in(name);
    if (!in) {
      s.fail({errc::not_found, "cannot read " + name});
      return 1;
    }
    run_all(in);
  }
  if (lines.empty() && files.empty()) run_all(std::cin);
  return over.code();
}

} // namespace troupe
