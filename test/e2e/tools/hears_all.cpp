// Writes objects one after the other and hears their changes through the library, until a file
// appears; then says whether each one that was acknowledged was heard once, and how soon.
#include "actors/client/troupe.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>

using namespace troupe::client;
namespace json = troupe::json;

namespace {

using steady = std::chrono::steady_clock;

struct book {
  std::mutex mutex;
  std::map<std::string, steady::time_point> written, answered, heard;
  int twice = 0;
};

caf::behavior ear(caf::event_based_actor*, std::shared_ptr<book> notes) {
  return {[=](troupe::changed_atom, const change& c) {
    if (c.kind != change::what::put) return;
    std::lock_guard lock{notes->mutex};
    if (!notes->heard.emplace(std::string(c.name()), steady::now()).second) ++notes->twice;
  }};
}

size_t missing(book& notes) {
  std::lock_guard lock{notes.mutex};
  return static_cast<size_t>(
      std::count_if(notes.written.begin(), notes.written.end(),
                    [&](auto& w) { return !notes.heard.contains(w.first); }));
}

} // namespace

int main(int, char** argv) {
  caf::actor_system_config config;
  add_message_types(config);
  caf::actor_system system{config};
  auto given = find_settings();
  if (!given) return fprintf(stderr, "%s\n", given.error().message.c_str()), 1;
  auto here = cluster::connect(*given);
  if (!here) return fprintf(stderr, "%s\n", here.error().message.c_str()), 1;
  kind_name maps{"", "v1", "configmaps", "ConfigMap", true};
  auto notes = std::make_shared<book>();
  auto listener = system.spawn(ear, notes);
  subscribe(system, *here, maps, {.ns = "default", .labels = "heard=yes"}, listener);
  int failures = 0;
  for (int n = 1; !std::filesystem::exists(argv[1]); ++n) {
    auto name = "h-" + std::to_string(n);
    json::value object =
        json::object{{"apiVersion", "v1"},
                     {"kind", "ConfigMap"},
                     {"metadata", json::object{{"name", name},
                                               {"namespace", "default"},
                                               {"labels", json::object{{"heard", "yes"}}}}}};
    for (;;) {
      auto begun = steady::now();
      auto made = here->create(maps, object);
      if (made || made.error().code == troupe::errc::already_exists) {
        std::lock_guard lock{notes->mutex};
        notes->written[name] = made ? begun : steady::now();
        notes->answered[name] = steady::now();
        break;
      }
      ++failures;
      here->over()->wait_until_up(std::chrono::seconds{1});
    }
  }
  auto until = steady::now() + std::chrono::seconds{20};
  while (missing(*notes) > 0 && steady::now() < until) (void)here->get(maps, "default", "h-1");
  std::vector<double> times, behind; // from asking, and from the answer
  std::lock_guard lock{notes->mutex};
  for (auto& [name, at] : notes->written)
    if (auto hit = notes->heard.find(name); hit != notes->heard.end()) {
      auto ms = [&](steady::time_point since) {
        return std::max(0.0,
                        std::chrono::duration<double, std::milli>(hit->second - since).count());
      };
      times.push_back(ms(at));
      behind.push_back(ms(notes->answered[name]));
    }
  std::sort(times.begin(), times.end());
  std::sort(behind.begin(), behind.end());
  auto lost = notes->written.size() - times.size();
  if (!times.empty())
    printf("%zu written (%d tries failed), %zu not heard, %d heard twice; from asking to hearing "
           "p50 %.2f "
           "ms, p99 %.2f ms; behind the answer p50 %.2f ms, p99 %.2f ms\n",
           notes->written.size(), failures, lost, notes->twice, times[times.size() / 2],
           times[times.size() * 99 / 100], behind[behind.size() / 2],
           behind[behind.size() * 99 / 100]);
  caf::anon_send_exit(listener, caf::exit_reason::user_shutdown);
  return lost == 0 && notes->twice == 0 && notes->written.size() > 100 ? 0 : 1;
}
