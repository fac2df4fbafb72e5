// Three RAFT actors on a virtual clock and real data directories: what a client of any of them sees
// while leaders come and go.
#include "actors/raft/raft.hpp"
#include "actors/store/store.hpp"
#include "messages/base/log.hpp"
#include "messages/cluster/peer.pb.h"
#include "storage/transaction_codec.hpp"
#include "test/storage/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <future>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

struct config : caf::actor_system_config {
  config() {
    add_message_types<caf::id_block::troupe>();
    set("scheduler.policy", caf::atom("testing"));
  }
};

struct group {
  explicit group(size_t size) {
    log::threshold(log::level::error);
    raft::membership members;
    for (uint64_t id = 1; id <= size; ++id) members.members[id] = {"", true};
    members.greatest_id = size;
    for (uint64_t id = 1; id <= size; ++id) start(id, members);
    settle();
  }

  ~group() {
    for (auto& [id, _] : actors) caf::anon_send_exit(_, caf::exit_reason::user_shutdown);
    actors.clear();
    settle();
  }

  void start(uint64_t id, raft::membership bootstrap) {
    raft::replica_settings settings;
    settings.self = id;
    settings.bootstrap = std::move(bootstrap);
    settings.seed = id;
    settings.wall_clock_ms = [] { return uint64_t{1}; };
    auto opened = open_member(std::move(settings), where.path + "/" + std::to_string(id));
    BOOST_REQUIRE_MESSAGE(opened, opened.error().message);
    members[id] = *opened;
    raft_settings driven;
    driven.disk_thread = false;
    driven.send = [this, id](uint64_t to, std::string bytes) {
      if (down.contains(id) || down.contains(to) || !actors.contains(to)) return;
      if (lose && lose(bytes)) return;
      caf::anon_send(actors.at(to), heard_atom_v, id, std::move(bytes));
    };
    driven.leadership_changed = [this, id](bool leads, uint64_t) {
      if (leads) leaders.push_back(id);
    };
    actors[id] = sys.spawn(raft_member_actor, *opened, driven);
  }

  void settle() { sched.run(); }

  /// Waits for what the members' own threads do, which know nothing of the virtual clock.
  void rest() {
    for (auto& [_, x] : members) {
      std::promise<void> done;
      x->background->post([&] { done.set_value(); });
      done.get_future().wait();
    }
    settle();
  }

  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 20ms) {
      sched.advance_time(20ms);
      settle();
      rest();
    }
  }

  uint64_t leader() {
    for (int i = 0; i < 500; ++i) {
      for (auto& [id, x] : members)
        if (!down.contains(id) && x->replica->agreement().current_role() == raft::role::leader)
          return id;
      pass(20ms);
    }
    BOOST_FAIL("nobody leads");
    return 0;
  }

  uint64_t follower() { return leader() == 1 ? 2 : 1; }

  result<storage::outcome> put(uint64_t id, const std::string& key, const std::string& value) {
    storage::transaction change;
    change.put(key, value);
    return commit(id, std::move(change));
  }

  result<storage::outcome> put_new(uint64_t id, const std::string& key, const std::string& value) {
    storage::transaction change;
    change.require_absent(key).put(key, value);
    return commit(id, std::move(change));
  }

  /// Commits through member `id` and lets time pass until there is an answer.
  result<storage::outcome> commit(uint64_t id, storage::transaction change) {
    auto answer = std::make_shared<std::optional<result<storage::outcome>>>();
    members.at(id)->store->commit(std::move(change), [answer](auto x) { *answer = std::move(x); });
    for (int i = 0; i < 1'000 && !*answer; ++i) pass(20ms);
    BOOST_REQUIRE(*answer);
    return **answer;
  }

  test::temporary_directory where;
  config cfg;
  caf::actor_system sys{cfg};
  caf::scheduler::test_coordinator& sched =
      dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  std::map<uint64_t, std::shared_ptr<raft_member>> members;
  std::map<uint64_t, raft_actor> actors;
  std::set<uint64_t> down; ///< cut off
  std::function<bool(const std::string&)> lose;
  std::vector<uint64_t> leaders;
};

} // namespace

BOOST_AUTO_TEST_SUITE(raft_test)

BOOST_AUTO_TEST_CASE(a_single_member_commits_without_the_clock) {
  group g{1};
  std::optional<result<storage::outcome>> answer;
  storage::transaction change;
  change.put("pods/a/b", "v");
  g.members.at(1)->store->commit(std::move(change), [&](auto x) { answer = std::move(x); });
  g.settle();
  BOOST_REQUIRE(answer && *answer);
  BOOST_TEST((*answer)->revision == 1u);
  BOOST_TEST(!g.sched.has_job());
  BOOST_TEST(g.leaders == std::vector<uint64_t>{1}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_write_through_a_follower_is_done_when_the_follower_shows_it) {
  group g{3};
  auto id = g.follower();
  auto done = g.put(id, "pods/a/b", "v");
  BOOST_REQUIRE_MESSAGE(done, done.error().message);
  auto now = g.members.at(id)->store->current();
  BOOST_TEST(now.revision() >= done->revision);
  BOOST_TEST(now.get("pods/a/b")->value() == "v");
}

BOOST_AUTO_TEST_CASE(a_refusal_comes_back_from_the_leader_whole) {
  group g{3};
  auto id = g.follower();
  BOOST_REQUIRE(g.put(id, "pods/a/b", "v"));
  storage::transaction change;
  change.require_absent("pods/a/b").put("pods/a/b", "again");
  std::optional<result<storage::outcome>> answer;
  g.members.at(id)->store->commit(std::move(change), [&](auto x) { answer = std::move(x); });
  g.pass(500ms);
  BOOST_REQUIRE(answer && *answer);
  BOOST_REQUIRE((*answer)->refused);
  BOOST_TEST((*answer)->refused->current_revision == 1u);
}

BOOST_AUTO_TEST_CASE(what_was_acknowledged_survives_the_leader) {
  group g{3};
  auto first = g.leader();
  BOOST_REQUIRE(g.put(first, "pods/a/b", "v"));
  g.down.insert(first);
  auto second = g.leader();
  BOOST_TEST(second != first);
  auto done = g.put(second, "pods/a/c", "w");
  BOOST_REQUIRE_MESSAGE(done, done.error().message);
  BOOST_TEST(done->revision == 2u);
  BOOST_TEST(g.members.at(second)->store->current().get("pods/a/b")->value() == "v");
  g.down.clear();
  g.pass(1'000ms);
  BOOST_TEST(g.members.at(first)->store->current().get("pods/a/c")->value() == "w");
}

BOOST_AUTO_TEST_CASE(a_write_during_an_election_waits_for_the_next_leader) {
  group g{3};
  auto first = g.leader();
  g.down.insert(first);
  auto id = first == 1 ? 2u : 1u;
  g.pass(900ms); // long enough to miss the leader
  auto done = g.put(id, "pods/a/b", "v");
  BOOST_TEST(done.has_value());
}

// Before, it was told that it may have happened, and nobody knew.
BOOST_AUTO_TEST_CASE(a_write_sent_to_a_leader_that_is_lost_happens_once) {
  group g{3};
  auto first = g.leader(), id = g.follower();
  g.down.insert(first);
  auto done = g.put_new(id, "pods/a/b", "v");
  BOOST_REQUIRE_MESSAGE(done, done.error().message);
  BOOST_TEST(!done->refused);
  BOOST_TEST(done->revision == 1u);
  g.down.clear();
  g.pass(1'000ms);
  BOOST_TEST(g.members.at(first)->store->current().revision() == 1u);
}

BOOST_AUTO_TEST_CASE(a_write_whose_answer_is_lost_is_recognized_when_it_is_applied) {
  group g{3};
  auto id = g.follower();
  g.lose = [](const std::string& bytes) {
    cluster::PeerMessage word;
    return word.ParseFromString(bytes) && word.has_commit_answer();
  };
  auto done = g.put_new(id, "pods/a/b", "v");
  BOOST_REQUIRE_MESSAGE(done, done.error().message);
  BOOST_TEST(!done->refused);
  BOOST_TEST(done->revision == 1u);
}

BOOST_AUTO_TEST_CASE(what_a_leader_could_not_finish_the_next_one_does_once) {
  group g{3};
  auto first = g.leader();
  g.down.insert(first);
  std::vector<result<storage::outcome>> answers;
  for (int i = 0; i < 3; ++i) {
    storage::transaction change;
    auto key = "pods/a/" + std::to_string(i);
    change.require_absent(key).put(key, "v");
    g.members.at(first)->store->commit(std::move(change), [&](auto x) { answers.push_back(x); });
  }
  g.pass(2'500ms); // the others have a leader, and the first one knows that it leads no more
  BOOST_TEST(answers.empty());
  g.down.clear();
  g.pass(2'000ms);
  BOOST_REQUIRE(answers.size() == 3u);
  for (auto& x : answers) {
    BOOST_REQUIRE_MESSAGE(x, x.error().message);
    BOOST_TEST(!x->refused);
  }
  BOOST_TEST(g.members.at(first)->store->current().revision() == 3u);
}

BOOST_AUTO_TEST_CASE(a_write_during_a_transfer_waits_for_the_next_leader) {
  group g{3};
  auto first = g.leader(), second = g.follower();
  caf::anon_send(g.actors.at(first), transfer_atom_v, second);
  auto done = g.put_new(first, "pods/a/b", "v");
  BOOST_REQUIRE_MESSAGE(done, done.error().message);
  BOOST_TEST(done->revision == 1u);
  BOOST_TEST(g.leader() == second);
}

BOOST_AUTO_TEST_CASE(a_write_that_nobody_can_commit_times_out_and_is_not_repeated) {
  group g{3};
  auto first = g.leader();
  for (uint64_t id = 1; id <= 3; ++id)
    if (id != first) g.down.insert(id);
  auto done = g.put(first, "pods/a/b", "v");
  BOOST_REQUIRE(!done);
  BOOST_TEST((done.error().code == errc::unavailable || done.error().code == errc::timeout));
}

BOOST_AUTO_TEST_CASE(a_read_through_any_member_shows_what_was_acknowledged_before) {
  group g{3};
  BOOST_REQUIRE(g.put(g.leader(), "pods/a/b", "v"));
  auto id = g.follower();
  bool ready = false;
  g.members.at(id)->store->linearize([&](result<void> x) { ready = x.has_value(); });
  g.pass(500ms);
  BOOST_TEST(ready);
  BOOST_TEST(g.members.at(id)->store->current().revision() == 1u);
}

BOOST_AUTO_TEST_CASE(a_peer_cannot_speak_for_another) {
  group g{3};
  auto term = g.members.at(1)->replica->agreement().term();
  cluster::PeerMessage forged;
  auto& x = *forged.mutable_raft();
  x.set_from(3);
  x.set_to(1);
  x.set_term(99);
  x.mutable_heartbeat();
  caf::anon_send(g.actors.at(1), heard_atom_v, uint64_t{2}, forged.SerializeAsString());
  caf::anon_send(g.actors.at(1), heard_atom_v, uint64_t{2}, std::string("not protobuf"));
  g.settle();
  BOOST_TEST(g.members.at(1)->replica->agreement().term() == term);
}

BOOST_AUTO_TEST_CASE(the_store_actor_answers_commits_and_reads) {
  group g{1};
  auto store_of_all = g.sys.spawn(store, g.members.at(1)->store, nullptr);
  storage::transaction change;
  change.put("pods/a/b", "v");
  caf::scoped_actor client{g.sys};
  client->send(store_of_all, commit_atom_v, *storage::encode(change, 0, nullptr));
  g.settle();
  bool answered = false;
  client->receive([&](const std::string& bytes) {
    uint64_t id = 0;
    answered = decode_answer(bytes, id)->revision == 1;
  });
  BOOST_TEST(answered);
  client->send(store_of_all, current_atom_v);
  g.settle();
  client->receive([&](uint64_t revision) { BOOST_TEST(revision == 1u); });
  caf::anon_send_exit(store_of_all, caf::exit_reason::user_shutdown);
}

BOOST_AUTO_TEST_CASE(a_group_grows_and_shrinks_by_wishes_to_any_member) {
  group g{1};
  BOOST_REQUIRE(g.put(1, "pods/a/b", "v"));
  auto wish = [&](uint64_t at, raft::group_wish what) {
    auto answer = std::make_shared<std::optional<result<uint64_t>>>();
    g.members.at(at)->group->ask(std::move(what), [answer](auto x) { *answer = std::move(x); });
    for (int i = 0; i < 1'000 && !*answer; ++i) g.pass(20ms);
    BOOST_REQUIRE(*answer);
    return **answer;
  };
  auto grown_to = [&](size_t voters) {
    for (int i = 0; i < 1'000; ++i) {
      if (g.members.at(g.leader())->replica->agreement().members().voters() == voters) return true;
      g.pass(20ms);
    }
    return false;
  };
  using kind = raft::group_wish::kind;
  // The first one had no address yet.
  BOOST_REQUIRE(wish(1, {kind::move, 1, "m1", "a1"}));
  for (uint64_t id = 2; id <= 3; ++id) {
    auto name = std::to_string(id);
    auto given = wish(id - 1, {kind::add, 0, "m" + name, "a" + name});
    BOOST_REQUIRE_MESSAGE(given, given.error().message);
    BOOST_TEST(*given == id);
    g.start(id, {});
    BOOST_REQUIRE(grown_to(id)); // it was promoted without being asked
  }
  BOOST_REQUIRE(g.put(3, "pods/a/c", "w"));
  BOOST_TEST(g.members.at(3)->store->current().get("pods/a/b")->value() == "v");
  auto removed = wish(2, {kind::remove, 1, {}, {}});
  BOOST_REQUIRE_MESSAGE(removed, removed.error().message);
  g.down.insert(1);
  BOOST_REQUIRE(grown_to(2));
  BOOST_REQUIRE(g.put(2, "pods/a/d", "x"));
  // A majority that is lost is told with numbers.
  g.down.insert(3);
  g.pass(5s);
  auto lost = g.put(2, "pods/a/e", "y");
  BOOST_REQUIRE(!lost);
  BOOST_TEST(lost.error().message.find("1 of 2 servers can be reached and 2 are needed") !=
                 std::string::npos,
             lost.error().message);
}

BOOST_AUTO_TEST_SUITE_END()
