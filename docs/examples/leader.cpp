// Two controllers of one name: whoever holds the lease acts, and when it goes the other one does.
#include "example.hpp"

#include <atomic>

using namespace example;

namespace {

const kind_name maps{"", "v1", "configmaps", "ConfigMap", true};
std::atomic<int> acted{0}; // by which of the two

controller_settings one_of_two(int number) {
  controller_settings out{
      .name = "two-of-us", .primary = maps, .chosen = {.ns = "default", .labels = "ball=yes"}};
  out.lease_namespace = "default";
  out.lease_time = std::chrono::milliseconds{1'000};
  out.decide = [number](const view& now, const object_key& which) {
    if (now.find(maps, which)) {
      acted = number;
      acted.notify_all();
    }
    return plan{};
  };
  return out;
}

} // namespace

int main() {
  config settings;
  caf::actor_system system{settings};
  auto here = connect();
  auto throw_ball = [&](const char* to) {
    need(here.apply(
        maps,
        json::object{{"apiVersion", "v1"},
                     {"kind", "ConfigMap"},
                     {"metadata", json::object{{"name", "ball"},
                                               {"namespace", "default"},
                                               {"labels", json::object{{"ball", "yes"}}}}},
                     {"data", json::object{{"to", to}}}},
        "player"));
  };
  auto first = run_controller(system, here, one_of_two(1));
  throw_ball("whoever leads");
  acted.wait(0);
  auto second = run_controller(system, here, one_of_two(2));
  throw_ball("again");
  printf("number %d leads\n", acted.load());
  caf::anon_send_exit(first, caf::exit_reason::kill);
  while (acted != 2) throw_ball(std::to_string(time(nullptr)).c_str());
  puts("number 2 has taken over");
  caf::anon_send_exit(second, caf::exit_reason::user_shutdown);
  caf::scoped_actor self{system};
  self->wait_for(second);
  need(here.remove(maps, "default", "ball"));
}
