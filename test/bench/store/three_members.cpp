#include "test/bench/store/three_members.hpp"

#include "actors/raft/raft.hpp"

#include <array>
#include <cstdio>
#include <future>

namespace troupe::bench {

namespace {

struct config : caf::actor_system_config {
  config() { add_message_types<caf::id_block::troupe>(); }
};

/// What the members say to each other, before all of them are there.
struct wiring {
  std::mutex mutex;
  std::array<raft_actor, 4> actors;
  void send(uint64_t from, uint64_t to, std::string bytes) {
    std::lock_guard lock{mutex};
    if (actors[to]) caf::anon_send(actors[to], heard_atom_v, from, std::move(bytes));
  }
};

} // namespace

void with_three_members(const std::string& folder,
                        const std::function<void(storage::store&)>& use) {
  config cfg;
  caf::actor_system sys{cfg};
  auto wires = std::make_shared<wiring>();
  std::promise<uint64_t> elected;
  std::atomic<bool> known = false;
  std::array<std::shared_ptr<raft_member>, 4> members;
  raft::membership all;
  for (uint64_t id = 1; id <= 3; ++id) all.members[id] = {"", true};
  all.greatest_id = 3;
  for (uint64_t id = 1; id <= 3; ++id) {
    raft::replica_settings settings;
    settings.self = id;
    settings.bootstrap = all;
    settings.seed = id;
    settings.wall_clock_ms = [] { return uint64_t{1}; };
    auto opened = open_member(std::move(settings), folder + "/member-" + std::to_string(id));
    if (!opened) return void(std::fprintf(stderr, "%s\n", opened.error().message.c_str()));
    members[id] = *opened;
  }
  for (uint64_t id = 1; id <= 3; ++id) {
    raft_settings driven;
    driven.send = [wires, id](uint64_t to, std::string bytes) {
      wires->send(id, to, std::move(bytes));
    };
    driven.leadership_changed = [&, id](bool leads, uint64_t) {
      if (leads && !known.exchange(true)) elected.set_value(id);
    };
    auto made = sys.spawn<caf::detached>(raft_member_actor, members[id], driven);
    std::lock_guard lock{wires->mutex};
    wires->actors[id] = made;
  }
  use(*members[elected.get_future().get()]->store);
  for (auto& x : wires->actors)
    if (x) caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
  sys.await_all_actors_done();
  wires->actors = {};
}

} // namespace troupe::bench
