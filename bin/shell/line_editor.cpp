#include "bin/shell/line_editor.hpp"

#include <algorithm>
#include <cstdio>
#include <histedit.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace troupe::shell {

namespace {

constexpr char invisible = '\1';  // around what takes no room on the terminal
constexpr size_t shown_max = 100; // candidates; more are counted

size_t terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// In columns, below the line.
void list(const std::vector<std::string>& all) {
  size_t widest = 0;
  for (auto& each : all) widest = std::max(widest, each.size());
  auto columns = std::max<size_t>(1, terminal_width() / (widest + 2));
  fputc('\n', stdout);
  auto shown = std::min(all.size(), shown_max);
  for (size_t i = 0; i < shown; ++i)
    printf("%-*s%s", static_cast<int>(widest + 2), all[i].c_str(),
           (i + 1) % columns == 0 || i + 1 == shown ? "\n" : "");
  if (shown < all.size()) printf("and %zu more\n", all.size() - shown);
}

} // namespace

struct line_editor::state {
  explicit state(line_settings given) : given{std::move(given)} {
    edit = el_init("troupe", stdin, stdout, stderr);
    past = history_init();
    HistEvent none;
    history(past, &none, H_SETSIZE, this->given.history_lines_max);
    history(past, &none, H_SETUNIQUE, 1);
    if (!this->given.history.empty()) history(past, &none, H_LOAD, this->given.history.c_str());
    el_set(edit, EL_CLIENTDATA, this);
    el_set(edit, EL_HIST, history, past);
    el_set(edit, EL_EDITOR, "emacs");
    el_set(edit, EL_SIGNAL, 0);
    el_set(edit, EL_PROMPT, prompt);
    el_set(edit, EL_RPROMPT_ESC, hint, invisible);
    el_set(edit, EL_ADDFN, "troupe-complete", "complete a word", complete);
    el_set(edit, EL_ADDFN, "troupe-insert", "insert a letter and hint", insert);
    for (int c = ' '; c <= '~'; ++c) {
      char key[8]; // in octal: no letter of it means anything to libedit
      snprintf(key, sizeof key, "\\%03o", c);
      el_set(edit, EL_BIND, key, "troupe-insert", nullptr);
    }
    el_set(edit, EL_BIND, "^I", "troupe-complete", nullptr);
    el_set(edit, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_source(edit, nullptr); // the user's ~/.editrc
  }
  ~state() {
    HistEvent none;
    if (!given.history.empty()) history(past, &none, H_SAVE, given.history.c_str());
    history_end(past);
    el_end(edit);
  }

  static state& of(EditLine* edit) {
    void* data = nullptr;
    el_get(edit, EL_CLIENTDATA, &data);
    return *static_cast<state*>(data);
  }
  static std::string_view before_cursor(EditLine* edit) {
    auto line = el_line(edit);
    return {line->buffer, static_cast<size_t>(line->cursor - line->buffer)};
  }

  static char* prompt(EditLine* edit) {
    auto& s = of(edit);
    s.shown_prompt = s.given.prompt();
    return s.shown_prompt.data();
  }

  static char* hint(EditLine* edit) {
    auto& s = of(edit);
    auto line = el_line(edit);
    auto text = s.given.hint({line->buffer, static_cast<size_t>(line->lastchar - line->buffer)});
    // libedit leaves it out where the line needs the room.
    auto room = terminal_width() / 2;
    if (text.size() > room) text = text.substr(0, room - 3) + "...";
    auto invisibly = [](const char* code) {
      return invisible + std::string("\x1b[") + code + "m" + invisible;
    };
    s.shown_hint =
        text.empty() || !s.given.coloured ? text : invisibly("2") + text + invisibly("0");
    return s.shown_hint.data();
  }

  static unsigned char insert(EditLine* edit, int key) {
    const char text[] = {static_cast<char>(key), '\0'};
    return el_insertstr(edit, text) == -1 ? CC_ERROR : CC_REFRESH;
  }

  static unsigned char complete(EditLine* edit, int) {
    auto& s = of(edit);
    std::string line(before_cursor(edit));
    auto at = word_begin(line);
    auto begun = line.substr(at);
    auto found = s.given.complete(std::string_view(line).substr(0, at), begun);
    if (found.empty()) return CC_REFRESH_BEEP;
    auto whole = common_beginning(found);
    if (found.size() == 1 && !whole.ends_with('=') && !whole.ends_with('/')) whole += ' ';
    if (whole.size() > begun.size() && whole.starts_with(begun))
      return el_insertstr(edit, whole.c_str() + begun.size()) == -1 ? CC_ERROR : CC_REFRESH;
    list(found);
    return CC_REDISPLAY;
  }

  line_settings given;
  EditLine* edit = nullptr;
  History* past = nullptr;
  std::string shown_prompt, shown_hint;
};

line_editor::line_editor(line_settings given) : state_{std::make_unique<state>(std::move(given))} {}
line_editor::~line_editor() = default;

std::optional<std::string> line_editor::read() {
  int size = 0;
  auto text = el_gets(state_->edit, &size);
  if (!text || size <= 0) return {};
  std::string out(text, static_cast<size_t>(size));
  while (out.ends_with('\n') || out.ends_with('\r')) out.pop_back();
  HistEvent none;
  if (out.find_first_not_of(" \t") != out.npos) history(state_->past, &none, H_ENTER, out.c_str());
  return out;
}

std::string common_beginning(const std::vector<std::string>& words) {
  if (words.empty()) return {};
  auto out = words[0];
  for (auto& w : words) {
    auto end = std::mismatch(out.begin(), out.end(), w.begin(), w.end()).first;
    out.erase(end, out.end());
  }
  return out;
}

size_t word_begin(std::string_view line) {
  auto last = line.find_last_of(" \t,");
  return last == line.npos ? 0 : last + 1;
}

} // namespace troupe::shell
