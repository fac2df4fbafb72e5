// Controllers in conversation with a real store: what they are told, what they do, and that killing
// one at any moment changes nothing in the end.
#include "actors/controllers/controllers.hpp"

#include "actors/gateway/author.hpp"
#include "actors/gateway/bootstrap.hpp"
#include "messages/api/config.pb.h"
#include "messages/api/deployment.pb.h"
#include "messages/api/pod.pb.h"
#include "storage/engine.hpp"

#include <boost/test/unit_test.hpp>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <random>

BOOST_AUTO_TEST_SUITE(reconciler_test)

using namespace troupe;
using k8s::apps::v1::Deployment;
using k8s::core::v1::Pod;

namespace {

constexpr std::chrono::seconds patience{20};

const schema::kind& kind(const char* group, const char* plural) {
  return *schema::registry::built_in()->by_resource(group, "v1", plural);
}

struct actor_config : caf::actor_system_config {
  actor_config() {
    add_message_types<caf::id_block::troupe>();
    set("scheduler.policy", caf::atom("sharing"));
  }
};

/// A store, a gateway and some controllers.
struct cluster {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("reconciler_test-" + std::to_string(getpid()));
  std::unique_ptr<storage::engine> store;
  gateway::worker_threads work{1};
  std::unique_ptr<gateway::gateway> api;
  actor_config config;
  std::unique_ptr<caf::actor_system> system;
  std::vector<controller_actor> company;
  std::mutex chance_mutex;
  std::mt19937_64 chance{1};

  cluster() {
    std::filesystem::remove_all(path);
    store = std::move(*storage::engine::open({.path = path.string()}));
    gateway::environment given;
    given.store = store.get();
    given.work = &work;
    given.now = now;
    given.random = random();
    api = std::make_unique<gateway::gateway>(std::move(given));
    BOOST_REQUIRE(gateway::bootstrap(*api));
    system = std::make_unique<caf::actor_system>(config);
  }
  ~cluster() {
    dismiss();
    system.reset();
    api.reset();
    store.reset();
    std::filesystem::remove_all(path);
  }

  static timestamp now() {
    auto t = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::seconds>(t).count(), 0};
  }
  std::function<uint64_t()> random() {
    return [this] {
      std::lock_guard lock{chance_mutex};
      return chance();
    };
  }

  void start(const char* list) {
    controllers::environment facts{.store = store.get(),
                                   .api = api.get(),
                                   .kinds = [this] { return api->kinds(); },
                                   .now = now,
                                   .random = random(),
                                   .root_ca_pem = "none"};
    for (auto& p : *controllers::start(*system, facts, list)) company.push_back(p.actor);
  }
  void dismiss() {
    for (auto& c : company) caf::anon_send_exit(c, caf::exit_reason::kill);
    company.clear();
  }

  /// Writes through the gateway, trying again when somebody else was faster.
  template<class Write> void write(Write how) {
    for (int i = 0; i < 1000; ++i) {
      auto seen = store->current();
      gateway::author by{*api, "test", seen};
      how(by, seen);
      if (by.empty()) return;
      auto done = storage::commit_and_wait(*store, by.take());
      if (done && !done->refused) return;
    }
    BOOST_FAIL("somebody else is always faster");
  }

  /// Waits until `holds(snapshot)`; every change of pods is a reason to look.
  template<class Holds> void wait(const char* what, Holds holds) {
    std::mutex mutex;
    std::condition_variable changed;
    bool woken = true;
    storage::watch_options options;
    options.resource = "deployments.apps";
    options.after_revision = store->current().revision();
    options.wake = [&] {
      std::lock_guard lock{mutex};
      woken = true;
      changed.notify_one();
    };
    auto watch = *store->subscribe(options);
    auto deadline = std::chrono::steady_clock::now() + patience;
    std::vector<storage::event_ptr> events;
    while (!holds(store->current())) {
      events.clear();
      (void)watch.read(events);
      if (holds(store->current())) return;
      std::unique_lock lock{mutex};
      bool in_time =
          changed.wait_until(lock, deadline, [&] { return std::exchange(woken, false); });
      if (!in_time) BOOST_FAIL("in vain waited for: " << what);
    }
  }

  void put_account() {
    write([](auto& by, auto& seen) {
      auto& accounts = kind("", "serviceaccounts");
      if (seen.find(gateway::key_of(accounts, "default", "default"))) return;
      auto a = std::make_unique<k8s::core::v1::ServiceAccount>();
      a->mutable_metadata()->set_name("default");
      a->mutable_metadata()->set_namespace_("default");
      BOOST_REQUIRE(by.create(accounts, std::move(a)));
    });
  }

  void put_deployment(const std::string& name, int replicas) {
    write([&](auto& by, auto&) {
      auto d = std::make_unique<Deployment>();
      d->mutable_metadata()->set_name(name);
      d->mutable_metadata()->set_namespace_("default");
      auto& spec = *d->mutable_spec();
      spec.set_replicas(replicas);
      (*spec.mutable_selector()->mutable_match_labels())["app"] = name;
      auto& wanted = *spec.mutable_template_();
      (*wanted.mutable_metadata()->mutable_labels())["app"] = name;
      auto& c = *wanted.mutable_spec()->add_containers();
      c.set_name("c");
      c.set_image("i:1");
      BOOST_REQUIRE(by.create(kind("apps", "deployments"), std::move(d)));
    });
  }

  template<class Change> void change(const std::string& name, Change how) {
    write([&](auto& by, auto& seen) {
      auto& k = kind("apps", "deployments");
      auto entry = seen.find(gateway::key_of(k, "default", name));
      auto object = gateway::load(k, *entry);
      how(static_cast<Deployment&>(*object));
      BOOST_REQUIRE(by.update(k, *entry, std::move(object)));
    });
  }

  Deployment deployment(const storage::snapshot& seen, const std::string& name) {
    Deployment d;
    auto entry = seen.find(gateway::key_of(kind("apps", "deployments"), "default", name));
    if (entry) gateway::read_entry(*entry, d);
    return d;
  }
  size_t pods(const storage::snapshot& seen) { return seen.count("pods/default/"); }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_deployment_becomes_pods_and_says_so, cluster) {
  put_account();
  start("deployment,replicaset");
  put_deployment("web", 30);
  wait("30 pods", [&](const auto& seen) {
    auto d = deployment(seen, "web");
    return d.status().replicas() == 30 && d.status().updated_replicas() == 30 && pods(seen) == 30u;
  });
  change("web", [](auto& d) { d.mutable_spec()->set_replicas(3); });
  wait("3 pods", [&](const auto& seen) {
    return deployment(seen, "web").status().replicas() == 3 && pods(seen) == 3u;
  });
}

BOOST_FIXTURE_TEST_CASE(what_is_refused_is_tried_again_until_it_works, cluster) {
  start("deployment,replicaset"); // pods need an account that is not there yet
  put_deployment("web", 2);
  wait("a failure that is told", [&](const auto& seen) {
    auto d = deployment(seen, "web");
    for (auto& c : d.status().conditions())
      if (c.type() == "ReplicaFailure") return true;
    return false;
  });
  put_account();
  wait("2 pods",
       [&](const auto& seen) { return deployment(seen, "web").status().replicas() == 2; });
}

BOOST_FIXTURE_TEST_CASE(killed_at_any_moment_controllers_lead_to_the_same_end, cluster) {
  put_account();
  constexpr int kills = 60;
  for (auto name : {"a", "b", "c"}) put_deployment(name, 5);
  std::mt19937 pick{7};
  for (int i = 0; i < kills; ++i) {
    start("deployment,replicaset,garbagecollector");
    std::string name(1, static_cast<char>('a' + pick() % 3));
    auto replicas = static_cast<int>(pick() % 8);
    change(name, [&](auto& d) {
      d.mutable_spec()->set_replicas(replicas);
      if (pick() % 2)
        d.mutable_spec()->mutable_template_()->mutable_spec()->mutable_containers(0)->set_image(
            "i:" + std::to_string(i));
    });
    dismiss(); // wherever they are
  }
  for (auto name : {"a", "b", "c"})
    change(name, [](auto& d) { d.mutable_spec()->set_replicas(4); });
  // Nothing becomes ready here: a rollout stops at its bounds unless all may be missing at once.
  for (auto name : {"a", "b", "c"})
    change(name, [](auto& d) {
      auto& rolling = *d.mutable_spec()->mutable_strategy()->mutable_rolling_update();
      rolling.mutable_max_unavailable()->set_type(1);
      rolling.mutable_max_unavailable()->set_str_val("100%");
    });
  start("deployment,replicaset,garbagecollector");
  wait("4 pods each, all of the newest version", [&](const auto& seen) {
    for (auto name : {"a", "b", "c"}) {
      auto d = deployment(seen, name);
      if (d.status().replicas() != 4 || d.status().updated_replicas() != 4 ||
          d.status().observed_generation() != d.metadata().generation())
        return false;
    }
    return pods(seen) == 12u;
  });
}

BOOST_AUTO_TEST_SUITE_END()
