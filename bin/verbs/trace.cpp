// `troupe trace`: the messages about an object as they pass from actor to actor.
#include "bin/verbs/verbs.hpp"
#include "messages/base/log.hpp"

namespace troupe::verbs {

namespace {

constexpr size_t actor_width = 26;

std::string padded(std::string text) {
  if (text.size() < actor_width) text.resize(actor_width, ' ');
  return text;
}

/// "12:30:01.123456 store -> scheduler  tells pods/default/web-1 r42"
std::string line_of(session& s, const json::value& passage) {
  auto at = [&](const char* name) { return log::escaped(json::string_at(passage, {name})); };
  auto time = at("time");
  auto clock = time.find('T');
  auto out = clock == time.npos ? time : time.substr(clock + 1, 15);
  out += "  " + padded(at("from")) + " -> " + padded(at("to")) + " " + at("verb") + " " +
         s.paint(at("object"), "36");
  if (auto detail = at("detail"); !detail.empty()) out += "  " + detail;
  return out;
}

int run_trace(session& s, const arguments& given) {
  auto what = read_target(s, given.words);
  if (!what) return s.fail(what.error());
  std::optional<std::chrono::milliseconds> patience;
  if (auto text = given.get("timeout"); !text.empty()) {
    auto time = parse_duration(text);
    if (!time)
      return s.fail({errc::bad_request, "\"" + text + "\" is no duration; write 30s or 5m"});
    patience = std::chrono::duration_cast<std::chrono::milliseconds>(*time);
  }
  bool raw = given.get("output") == "json";
  auto show = [&](std::string_view line) {
    auto read = json::parse(line);
    if (!read) return true;
    if (auto missed = json::find(*read, "missed"))
      s.complain("(" + cell_text(*missed) + " messages came too fast to be told)");
    else if (json::find(*read, "listens"))
      s.complain("listening for messages about " + what->told() + "; Ctrl-C ends it");
    else
      s.print_line(raw ? std::string(line) : line_of(s, *read));
    fflush(stdout);
    return true;
  };
  auto told = s.stream("/troupe/v1/trace" + what->path(), true, show, {}, patience);
  return told ? done : s.fail(told.error());
}

} // namespace

const verb trace_verb{
    "trace",
    "Insight",
    "show messages about an object and what it owns, as they pass from actor to actor",
    "TYPE NAME | TYPE/NAME [flags]",
    {{"timeout", 0, "DURATION", "end after this time (never)"}, {"output", 'o', "FORM", "json"}},
    "trace deployment/web\ntrace pod/web-1 --timeout=30s",
    run_trace};

} // namespace troupe::verbs
