#include "actors/client/test_cluster.hpp"

#include "actors/client/closing_door.hpp"
#include "actors/controllers/controllers.hpp"
#include "actors/gateway/bootstrap.hpp"
#include "actors/node/hollow.hpp"
#include "actors/nodes/nodes.hpp"
#include "net/tls/jws.hpp"
#include "storage/engine.hpp"

#include <atomic>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <random>
#include <unistd.h>

namespace troupe::client {

namespace {

timestamp wall_now() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return {t.tv_sec, static_cast<int32_t>(t.tv_nsec)};
}

std::filesystem::path own_folder() {
  static std::atomic<unsigned> count{0};
  return std::filesystem::temp_directory_path() /
         ("troupe-test-cluster-" + std::to_string(getpid()) + "-" + std::to_string(count++));
}

} // namespace

struct test_cluster::parts {
  parts(caf::actor_system& system, options given) : system{system}, chance{given.seed} {
    if (!given.now) given.now = wall_now;
    std::filesystem::remove_all(path);
    auto opened = storage::engine::open({.path = path.string()});
    if (!opened) throw std::runtime_error("no store: " + opened.error().message);
    store = std::move(*opened);
    gateway::environment around{
        .store = store.get(), .work = work.get(), .now = given.now, .random = random()};
    auto key = tls::make_token_key();
    if (key)
      if (auto keys = tls::token_keys::load({*key})) around.token_keys = std::move(*keys);
    api = std::make_unique<gateway::gateway>(std::move(around));
    door = std::make_unique<closing_door>([this](http::request what, http::responder to) {
      api->handle(std::move(what), std::move(to));
    });
    if (auto ok = gateway::bootstrap(*api); !ok) throw std::runtime_error(ok.error().message);
    controllers::environment facts{.store = store.get(),
                                   .api = api.get(),
                                   .kinds = [this] { return api->kinds(); },
                                   .now = given.now,
                                   .random = random(),
                                   .root_ca_pem = "none"};
    auto started = controllers::start(system, facts, given.controllers);
    if (!started) throw std::runtime_error(started.error().message);
    for (auto& p : *started) company.push_back(caf::actor_cast<caf::actor>(p.actor));
    if (given.nodes == 0) return;
    auto stage = system.spawn(
        nodes::nodes,
        nodes::environment{.store = store.get(), .now = given.now, .random = random()});
    company.push_back(caf::actor_cast<caf::actor>(stage));
    node::hollow_settings pretended;
    pretended.nodes = stage;
    pretended.now = given.now;
    pretended.random = random();
    for (auto& a : node::spawn_hollow_nodes(system, given.nodes, 1, pretended))
      company.push_back(caf::actor_cast<caf::actor>(a));
  }

  ~parts() {
    caf::scoped_actor waiter{system};
    for (auto& c : company) {
      caf::anon_send_exit(c, caf::exit_reason::user_shutdown);
      waiter->wait_for(c);
    }
    company.clear();
    door->close();
    work.reset(); // what is left to do is for an API that is going
    api.reset();
    store.reset();
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }

  std::function<uint64_t()> random() {
    return [this] {
      std::lock_guard lock{mutex};
      return chance();
    };
  }

  caf::actor_system& system;
  std::filesystem::path path = own_folder();
  std::mutex mutex;
  std::mt19937_64 chance;
  std::unique_ptr<storage::engine> store;
  std::unique_ptr<gateway::workers> work = std::make_unique<gateway::workers>(1);
  std::unique_ptr<gateway::gateway> api;
  std::unique_ptr<closing_door> door;
  std::vector<caf::actor> company;
};

test_cluster::test_cluster(caf::actor_system& system, options given)
    : parts_{std::make_unique<parts>(system, std::move(given))} {}

test_cluster::~test_cluster() = default;

cluster test_cluster::as(const std::string& user, const std::vector<std::string>& groups) const {
  auto peer = std::make_shared<http::peer>();
  peer->encrypted = true;
  peer->certificate = tls::peer_certificate{
      .common_name = user, .organizations = groups, .client_auth = true, .verified = true};
  auto enter = parts_->door->entrance();
  return cluster{connection::through([peer, enter](http::request what, http::responder to) {
    what.from = peer;
    enter(std::move(what), std::move(to));
  })};
}

} // namespace troupe::client
