// `troupe wait`.
#include "bin/verbs/verbs.hpp"
#include "messages/base/json_path.hpp"
#include "messages/base/time.hpp"

#include <algorithm>

namespace troupe::verbs {

namespace {

error bad(std::string why) { return {errc::bad_request, std::move(why)}; }

using predicate = std::function<bool(const json::value*)>;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), ::tolower);
  return out;
}

/// "condition=Ready=False", "delete", "create", "jsonpath={.status.phase}=Running", "healthy".
result<predicate> read_condition(const kind_info& kind, const std::string& text) {
  if (text == "delete") return predicate([](const json::value* o) { return !o; });
  if (text == "create") return predicate([](const json::value* o) { return o != nullptr; });
  if (text == "healthy")
    return predicate([&kind](const json::value* o) { return o && unmet(kind, *o).empty(); });
  if (text.starts_with("condition=")) {
    auto rest = text.substr(10);
    auto at = rest.find('=');
    auto type = lower(rest.substr(0, at)),
         wanted = lower(at == rest.npos ? "true" : rest.substr(at + 1));
    return predicate([type, wanted](const json::value* o) {
      auto list = o ? json::find(*o, {"status", "conditions"}) : nullptr;
      if (!list || !list->is_array()) return false;
      for (auto& c : list->get_array())
        if (lower(json::string_at(c, {"type"})) == type)
          return lower(json::string_at(c, {"status"})) == wanted;
      return false;
    });
  }
  if (text.starts_with("jsonpath=")) {
    auto rest = text.substr(9);
    if (rest.size() > 1 && (rest[0] == '\'' || rest[0] == '"') && rest.back() == rest[0])
      rest = rest.substr(1, rest.size() - 2);
    auto close = rest.find('}');
    if (close == rest.npos) return bad("--for=jsonpath={.path}=VALUE; there is no {} in " + text);
    auto path = rest.substr(0, close + 1);
    auto behind = rest.substr(close + 1);
    bool any = behind.empty();
    auto wanted = any ? "" : behind.substr(1);
    return predicate([path, wanted, any](const json::value* o) {
      if (!o) return false;
      for (auto v : json::find_path(*o, path))
        if (any || cell_text(*v) == wanted) return true;
      return false;
    });
  }
  return bad(
      "--for takes condition=NAME[=VALUE], delete, create, healthy or jsonpath={.path}=VALUE");
}

int run_wait(session& s, const arguments& given) {
  auto chosen = select_targets(s, given, given.words);
  if (!chosen) return s.fail(chosen.error());
  if (chosen->empty()) return s.fail(bad("no matching resources found"));
  auto time = parse_duration(given.get("timeout", "30s"));
  if (!time) return s.fail(with_context(time.error(), "--timeout"));
  auto until = std::chrono::steady_clock::now() + *time;
  int code = done;
  for (auto& what : *chosen) {
    auto holds = read_condition(*what.kind, given.get("for", "healthy"));
    if (!holds) return s.fail(holds.error());
    if (given.get("for") != "delete" && given.get("for") != "create")
      if (auto there = s.get(what.path()); !there) {
        code = s.fail(there.error());
        continue;
      }
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    auto ok = wait_for(s, what, left, *holds);
    if (ok)
      s.print_line(what.told() + (given.get("for") == "delete" ? " deleted" : " condition met"));
    else
      code = s.fail(ok.error().code == errc::timeout
                        ? error{errc::timeout, "timed out waiting for the condition on " +
                                                   what.kind->group_resource() + "/" + what.name}
                        : ok.error());
  }
  return code;
}

} // namespace

const verb wait_verb{
    "wait",
    "Look",
    "wait until something is true of objects",
    "TYPE/NAME... --for=CONDITION [flags]",
    {{"for", 0, "CONDITION",
      "condition=NAME[=VALUE], delete, create, jsonpath={.path}=VALUE or healthy (healthy)"},
     {"timeout", 0, "DURATION", "(30s)"},
     filename_flag,
     selector_flag,
     {"all", 0, "", "all of that kind"},
     {"all-namespaces", 'A', "", "of all namespaces"}},
    "wait deployment/web --for=condition=Available\nwait pod/web-1 --for=delete --timeout=1m",
    run_wait};

} // namespace troupe::verbs
