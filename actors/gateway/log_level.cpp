// How much this server tells its operator: GET and POST /troupe/v1/loglevel, for as long as the
// process runs. Who may, says a rule over paths.
#include "actors/gateway/verbs.hpp"
#include "messages/base/json.hpp"
#include "messages/base/log.hpp"

namespace troupe::gateway {

namespace {

using log::level;
constexpr std::pair<std::string_view, level> levels[] = {
    {"debug", level::debug}, {"info", level::info}, {"warn", level::warn}, {"error", level::error}};

} // namespace

void answer_log_level(call_ptr c) {
  if (c->where.verb == "post") {
    auto wanted = c->query.get("level");
    auto hit = std::find_if(std::begin(levels), std::end(levels),
                            [&](auto& l) { return l.first == wanted; });
    if (hit == std::end(levels))
      return c->fail({errc::bad_request, "there is no level \"" + std::string(wanted) +
                                             "\"; it is debug, info, warn or error"});
    // Told on both sides of the change, so that a silence in the log has its reason there.
    log::warn("server", "the level of the log changes", {{"to", wanted}, {"by", c->who.name}});
    log::threshold(hit->second);
  } else if (c->where.verb != "get") {
    return c->fail(method_not_supported());
  }
  auto now = std::find_if(std::begin(levels), std::end(levels),
                          [](auto& l) { return log::enabled(l.second); });
  c->answer(json_answer(200,
                        json::write(json::object{{"apiVersion", "troupe.dev/v1"},
                                                 {"kind", "LogLevel"},
                                                 {"level", now->first}}),
                        c->media));
}

} // namespace troupe::gateway
