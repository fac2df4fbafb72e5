#include "actors/client/test_cluster.hpp"

#include "actors/client/closing_door.hpp"
#include "actors/client/stage_workers.hpp"
#include "actors/client/test_store.hpp"
#include "actors/controllers/controllers.hpp"
#include "actors/gateway/bootstrap.hpp"
#include "actors/node/hollow.hpp"
#include "actors/nodes/nodes.hpp"
#include "net/tls/jws.hpp"
#include "storage/engine.hpp"

#include <atomic>
#include <filesystem>
#include <mutex>
#include <random>
#include <stdexcept>
#include <unistd.h>

namespace troupe::client {

namespace {

constexpr std::chrono::seconds farewell{2}; // on a stage, in which everybody hears of the end

std::filesystem::path own_folder() {
  static std::atomic<unsigned> count{0};
  return std::filesystem::temp_directory_path() /
         ("troupe-test-cluster-" + std::to_string(getpid()) + "-" + std::to_string(count++));
}

/// What a cluster stands on: where things are kept, who works, what time it is.
struct ground {
  virtual ~ground() = default;
  /// The store as clients' writes reach it, and as actors' do.
  virtual storage::store& for_clients() = 0;
  virtual storage::store& for_actors() = 0;
  virtual std::unique_ptr<gateway::workers> workers() = 0;
  virtual client::world world() = 0;
  /// Waits until those who were told to end have ended.
  virtual void see_out(const std::vector<caf::actor>& all) = 0;
};

/// Threads, a store on disk, this machine's clock.
struct real_ground final : ground {
  explicit real_ground(caf::actor_system& system) : system{system} {
    std::filesystem::remove_all(path);
    auto opened = storage::engine::open({.path = path.string()});
    if (!opened) throw std::runtime_error("no store: " + opened.error().message);
    store = std::move(*opened);
  }
  ~real_ground() override {
    store.reset();
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  storage::store& for_clients() override { return *store; }
  storage::store& for_actors() override { return *store; }
  std::unique_ptr<gateway::workers> workers() override {
    return std::make_unique<gateway::worker_threads>(1);
  }
  client::world world() override { return real_world(); }
  void see_out(const std::vector<caf::actor>& all) override {
    caf::scoped_actor waiter{system};
    for (auto& each : all) waiter->wait_for(each);
  }

  caf::actor_system& system;
  std::filesystem::path path = own_folder();
  std::unique_ptr<storage::engine> store;
};

/// One thread, a store in memory, the clock of a stage.
struct stage_ground final : ground {
  stage_ground(test_stage& on, uint64_t seed) : on{on}, store{seed} {
    seat = on.join([this] { return store.waiting(); }, [this] { store.turn(); });
  }
  storage::store& for_clients() override { return *clients; }
  storage::store& for_actors() override { return *actors; }
  std::unique_ptr<gateway::workers> workers() override {
    return std::make_unique<stage_workers>(on);
  }
  client::world world() override {
    return {.now = [this] { return on.wall(); }, .step = [this] { return on.step(); }};
  }
  void see_out(const std::vector<caf::actor>&) override { on.run(farewell); }

  test_stage& on;
  test_store store;
  std::shared_ptr<storage::store> clients = store.counter(), actors = store.desk_of("actors");
  test_stage::seat seat;
};

} // namespace

struct test_cluster::parts {
  parts(caf::actor_system& system, std::unique_ptr<ground> under, options given)
      : base{std::move(under)}, around{base->world()}, chance{given.seed}, work{base->workers()} {
    if (given.now) around.now = given.now;
    gateway::environment settings{
        .store = &base->for_clients(), .work = work.get(), .now = around.now, .random = random()};
    auto key = tls::make_token_key();
    if (key)
      if (auto keys = tls::token_keys::load({*key})) settings.token_keys = std::move(*keys);
    api = std::make_unique<gateway::gateway>(std::move(settings));
    door = std::make_unique<closing_door>([this](http::request what, http::responder to) {
      api->handle(std::move(what), std::move(to));
    });
    if (auto ok = gateway::bootstrap(*api); !ok) throw std::runtime_error(ok.error().message);
    controllers::environment facts{.store = &base->for_actors(),
                                   .api = api.get(),
                                   .kinds = [this] { return api->kinds(); },
                                   .now = around.now,
                                   .random = random(),
                                   .root_ca_pem = "none"};
    tls::wall_time today{std::chrono::seconds{around.now().seconds}};
    if (auto ca = tls::make_authority("test cluster", today, std::chrono::days{3650}))
      facts.authority = std::make_shared<tls::key_pair>(std::move(*ca));
    auto started = controllers::start(system, facts, given.controllers);
    if (!started) throw std::runtime_error(started.error().message);
    for (auto& p : *started) company.push_back(caf::actor_cast<caf::actor>(p.actor));
    if (given.nodes == 0) return;
    auto nodes_of_all = system.spawn(
        nodes::nodes,
        nodes::environment{.store = &base->for_actors(), .now = around.now, .random = random()});
    company.push_back(caf::actor_cast<caf::actor>(nodes_of_all));
    node::hollow_settings pretended;
    pretended.nodes = nodes_of_all;
    pretended.now = around.now;
    pretended.random = random();
    for (auto& a : node::spawn_hollow_nodes(system, given.nodes, 1, pretended))
      company.push_back(caf::actor_cast<caf::actor>(a));
  }

  ~parts() {
    for (auto& c : company) caf::anon_send_exit(c, caf::exit_reason::user_shutdown);
    base->see_out(company);
    company.clear();
    door->close();
    work.reset(); // what is left to do is for an API that is going
    api.reset();
  }

  std::function<uint64_t()> random() {
    return [this] {
      std::lock_guard lock{mutex};
      return chance();
    };
  }

  std::unique_ptr<ground> base;
  world around;
  std::mutex mutex;
  std::mt19937_64 chance;
  std::unique_ptr<gateway::workers> work;
  std::unique_ptr<gateway::gateway> api;
  std::unique_ptr<closing_door> door;
  std::vector<caf::actor> company;
};

test_cluster::test_cluster(test_stage& on, options given)
    : parts_{std::make_unique<parts>(on.system(), std::make_unique<stage_ground>(on, given.seed),
                                     std::move(given))} {}

test_cluster::test_cluster(caf::actor_system& system, options given)
    : parts_{std::make_unique<parts>(system, std::make_unique<real_ground>(system),
                                     std::move(given))} {}

test_cluster::~test_cluster() = default;

cluster test_cluster::as(const std::string& user, const std::vector<std::string>& groups) const {
  auto peer = std::make_shared<http::peer>();
  peer->encrypted = true;
  peer->certificate = tls::peer_certificate{
      .common_name = user, .organizations = groups, .client_auth = true, .verified = true};
  auto enter = parts_->door->entrance();
  return cluster{connection::through(
      [peer, enter](http::request what, http::responder to) {
        what.from = peer;
        enter(std::move(what), std::move(to));
      },
      parts_->around)};
}

} // namespace troupe::client
