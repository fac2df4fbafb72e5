#include "actors/gateway/health.hpp"

#include "actors/gateway/paths.hpp"

#include <algorithm>
#include <atomic>

namespace troupe::gateway {

namespace {

constexpr std::chrono::seconds patience{2};                    // with a store that does not answer
constexpr std::string_view checks[] = {"ping", "log", "etcd"}; // the store by the name known to all

http::response plain(int status, std::string text) {
  auto r = http::answer(status, "text/plain; charset=utf-8", std::move(text));
  r.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return r;
}

/// The answer, once it is known whether the store is well.
http::response judged(const call& c, const std::string& which, const std::string& only,
                      const result<void>& store) {
  std::string lines;
  bool well = true;
  auto excluded = c.query.all("exclude");
  for (auto name : checks) {
    if (!only.empty() && only != name) continue;
    bool out = std::find(excluded.begin(), excluded.end(), name) != excluded.end();
    bool good = name != "etcd" || store.has_value();
    if (out)
      lines += "[+]" + std::string(name) + " excluded: ok\n";
    else if (good)
      lines += "[+]" + std::string(name) + " ok\n";
    else
      lines += "[-]" + std::string(name) + " failed: " + store.error().message + "\n";
    well = well && (good || out);
  }
  for (auto& name : excluded)
    if (std::find(std::begin(checks), std::end(checks), name) == std::end(checks))
      lines += "warn: some health checks cannot be excluded: no matches for \"" +
               std::string(name) + "\"\n";
  if (!well) return plain(500, lines + which + " check failed\n");
  return plain(200, c.query.has("verbose") ? lines + which + " check passed\n" : "ok");
}

/// A server that waits for a leader is alive; one whose store is broken is not.
bool passes(errc code) {
  return code == errc::not_leader || code == errc::unavailable || code == errc::timeout ||
         code == errc::server_timeout;
}

} // namespace

void answer_health(gateway& g, call_ptr c, const std::string& which, const std::string& check) {
  if (!check.empty() && std::find(std::begin(checks), std::end(checks), check) == std::end(checks))
    return c->answer(page_not_found());
  struct round {
    std::atomic_flag done = ATOMIC_FLAG_INIT;
    workers::timer deadline;
  };
  auto r = std::make_shared<round>();
  auto answer = [c, r, which, check](result<void> store) {
    if (r->done.test_and_set()) return;
    if (which == "livez" && !store && passes(store.error().code)) store = {};
    c->answer(judged(*c, which, check, store));
  };
  if (!check.empty() && check != "etcd") return answer({});
  g.given.store->linearize([answer](result<void> ready) { answer(std::move(ready)); });
  if (r->done.test()) return;
  r->deadline = g.given.work->after(patience, [answer] {
    answer(error{errc::timeout, "the store does not answer; is there a leader?"});
  });
}

} // namespace troupe::gateway
