// Hours in a test: a controller that removes what is a day old, on a stage whose clock is virtual.
// Nothing sleeps; a day passes in as long as what happens in it takes.
#include "example.hpp"

using namespace example;
using namespace std::chrono_literals;

namespace {

const kind_name maps{"", "v1", "configmaps", "ConfigMap", true};
constexpr auto life = 24h;

/// Config maps with the label `passing` go when they are a day old. What time it is, is an argument
/// like all else.
plan decide(const view& now, const object_key& which, troupe::timestamp time) {
  auto map = now.find(maps, which);
  if (!map || json::string_at(*map, {"metadata", "labels", "passing"}).empty()) return {};
  auto made = troupe::parse_time(json::string_at(*map, {"metadata", "creationTimestamp"}));
  if (!made) return {};
  auto left = std::chrono::seconds{made->seconds - time.seconds} + life;
  plan out;
  if (left > 0s)
    out.again_after = left;
  else
    out.actions.push_back({action::verb::remove, maps, *map});
  return out;
}

} // namespace

int main() {
  test_stage stage{/*seed=*/1};
  test_cluster cluster{stage, {.controllers = "none"}};
  auto here = cluster.admin();
  auto sweeper = run_controller(
      stage.system(), here,
      {.name = "sweeper", .primary = maps, .decide = [&](const view& now, const object_key& which) {
         return decide(now, which, stage.wall());
       }});
  need(here.create(maps, parse(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":
      {"name":"guest","namespace":"default","labels":{"passing":"yes"}}})")));
  need(here.create(maps, parse(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":
      {"name":"host","namespace":"default"}})")));
  auto is_there = [&](const char* name) { return here.get(maps, "default", name).has_value(); };
  stage.run(23h);
  printf("after 23 hours the guest %s\n", is_there("guest") ? "is there" : "is gone");
  stage.run(2h);
  printf("after 25 hours the guest %s, the host %s\n", is_there("guest") ? "is there" : "is gone",
         is_there("host") ? "is there" : "is gone");
  bool well = !is_there("guest") && is_there("host");
  caf::anon_send_exit(sweeper, caf::exit_reason::user_shutdown);
  return well ? 0 : 1;
}
