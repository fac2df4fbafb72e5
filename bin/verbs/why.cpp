// `troupe why`: what keeps an object from being what it should be.
#include "bin/verbs/verbs.hpp"

#include <algorithm>

namespace troupe::verbs {

namespace {

int why_one(session& s, const arguments& given, const target& what) {
  auto told = s.get("/troupe/v1/why" + what.path());
  if (!told) return s.fail(told.error());
  if (given.get("output") == "json") {
    s.print(json::indent(json::write(*told), 2) + "\n");
    return done;
  }
  auto verdict = json::string_at(*told, {"verdict"}), remedy = json::string_at(*told, {"remedy"});
  s.print_line(verdict.empty() ? s.paint(what.told() + " is what it should be", "32")
                               : s.paint(verdict, "31"));
  if (!remedy.empty()) s.print_line("  to do: " + std::string(remedy));
  auto chain = json::find(*told, "chain");
  if (chain && chain->is_array())
    for (auto& step : chain->get_array())
      s.print_line("  " + std::string(json::string_at(step, {"object"})) + " " +
                   std::string(json::string_at(step, {"text"})));
  return verdict.empty() ? done : failed;
}

int run_why(session& s, const arguments& given) {
  auto chosen = select_targets(s, given, given.words);
  if (!chosen) return s.fail(chosen.error());
  int code = done;
  for (auto& what : *chosen) code = std::max(code, why_one(s, given, what));
  return code;
}

} // namespace

const verb why_verb{
    "why",
    "Insight",
    "say why objects are not what they should be, and what to do",
    "TYPE NAME | TYPE/NAME; exit code 1 if something is wrong",
    {{"output", 'o', "FORM", "json"}, selector_flag, {"all", 0, "", "all of that kind"}},
    "why deployment/web\nwhy pod web-1\nwhy namespace/old",
    run_why};

const verb why_stuck_verb{"why-stuck",
                          "Insight",
                          "say what a deletion or a rollout waits for",
                          "TYPE NAME | TYPE/NAME",
                          {{"output", 'o', "FORM", "json"}, selector_flag},
                          "why-stuck namespace/old",
                          run_why};

} // namespace troupe::verbs
