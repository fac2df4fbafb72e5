#include "test/sim/company/company.hpp"

#include "actors/gateway/author.hpp"
#include "actors/gateway/bootstrap.hpp"
#include "actors/gateway/collected.hpp"
#include "actors/nodes/nodes.hpp"
#include "actors/store/fenced_store.hpp"

#include <stdexcept>

namespace troupe::sim {

namespace {

constexpr const char* nodes_player = "nodes"; // one of the players, though no controller
constexpr const char* token = "of-the-user";

gateway::user administrator() { return {"admin", {}, {"system:masters"}, {}}; }

} // namespace

company::company(test_stage& on, test_store& store, machine_settings machines)
    : on_{on}, store_{store}, counter_{store.counter()} {
  gateway::environment given;
  given.store = counter_.get();
  given.work = &work_;
  given.now = [this] { return on_.wall(); };
  given.random = [this] { return on_.draw(); };
  given.authenticate.tokens = {{token, administrator()}};
  api_ = std::make_unique<gateway::gateway>(std::move(given));
  if (auto done = gateway::bootstrap(*api_); !done) throw std::runtime_error(done.error().message);
  link_ = on_.system().spawn(nodes::reception, nodes_);
  for (auto name : controllers::names()) players_.push_back({std::string(name), {}});
  players_.push_back({nodes_player, {}});
  change_leader();
  for (unsigned i = 0; i < machines.count; ++i) {
    node::hollow_settings m;
    m.name = machine_name(i);
    m.number = i + 1;
    m.cpu = machines.cpu;
    m.pods_max = machines.pods_max;
    m.labels["topology.kubernetes.io/zone"] = "zone-" + std::to_string(i % machines.zones);
    m.nodes = link_;
    m.now = [this] { return on_.wall(); };
    m.random = [this] { return on_.draw(); };
    machines_.push_back({std::move(m), {}});
    bring_machine(i);
  }
}

company::~company() {
  on_.call_off();
  end_all();
  for (size_t i = 0; i < machines_.size(); ++i) lose_machine(i);
  caf::anon_send_exit(link_, caf::exit_reason::kill);
  link_ = nullptr;
  for (auto& m : machines_) m.given.nodes = nullptr;
  on_.run(std::chrono::seconds{2}); // everybody hears of his end
}

std::shared_ptr<storage::store> company::desk(const std::string& who) {
  auto made = std::make_shared<fenced_store>(store_.desk_of(who), store_.term);
  desks_.push_back(made);
  return made;
}

void company::start(player& p) {
  if (p.name == nodes_player) return start_nodes();
  controllers::environment given{.store = desk(p.name).get(),
                                 .api = api_.get(),
                                 .kinds = [this] { return api_->kinds(); },
                                 .now = [this] { return on_.wall(); },
                                 .random = [this] { return on_.draw(); },
                                 .root_ca_pem = "none"};
  p.actor = controllers::start(on_.system(), given, p.name)->front().actor;
}

void company::start_nodes() {
  nodes::environment given{.store = desk(nodes_player).get(),
                           .now = [this] { return on_.wall(); },
                           .random = [this] { return on_.draw(); },
                           .issue_token =
                               [](const cluster::TokenWanted&) {
                                 cluster::Token none;
                                 none.set_refused("pretended pods need none");
                                 return none;
                               }};
  nodes_->set(on_.system().spawn(nodes::nodes, given));
}

void company::end_all() {
  for (auto& p : players_)
    if (auto a = std::exchange(p.actor, {}))
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  if (auto now = nodes_->get()) caf::anon_send_exit(now, caf::exit_reason::user_shutdown);
  nodes_->set({});
}

void company::change_leader() {
  end_all();
  ++store_.term;
  ++leads_;
  for (auto& p : players_) start(p);
}

void company::kill(size_t number, nanoseconds away) {
  auto& p = players_[number];
  if (!plays(p.name)) return;
  if (p.name == nodes_player) {
    caf::anon_send_exit(nodes_->get(), caf::exit_reason::kill);
    nodes_->set({});
  } else {
    caf::anon_send_exit(std::exchange(p.actor, {}), caf::exit_reason::kill);
  }
  on_.at(away, [this, number, life = leads_] {
    if (life == leads_) start(players_[number]);
  });
}

bool company::plays(std::string_view name) const {
  if (name == nodes_player) return static_cast<bool>(nodes_->get());
  for (auto& p : players_)
    if (p.name == name) return static_cast<bool>(p.actor);
  return false;
}

void company::lose_machine(size_t number) {
  auto& m = machines_[number];
  if (auto a = std::exchange(m.agent, {})) caf::anon_send_exit(a, caf::exit_reason::kill);
}

void company::bring_machine(size_t number) {
  auto& m = machines_[number];
  if (!m.agent) m.agent = on_.system().spawn(node::hollow_node, m.given);
}

// -- users
// ---------------------------------------------------------------------------------------------

std::optional<std::string>
company::write(const std::function<result<void>(gateway::author&, const storage::snapshot&)>& how) {
  auto seen = store_.current();
  gateway::author by{*api_, administrator(), "kubectl", seen};
  if (auto done = how(by, seen); !done) return done.error().message;
  if (by.empty()) return {};
  auto done = storage::commit_and_wait(*counter_, by.take());
  if (!done) return done.error().message;
  if (done->refused) return "overtaken"; // nobody can be faster than a client here
  return {};
}

std::optional<std::string> company::create(const schema::kind& kind, const std::string& yaml) {
  auto body = gateway::read_body(kind, gateway::format::yaml, yaml);
  if (!body) throw std::runtime_error(body.error().message + " in " + yaml);
  return write([&](auto& by, auto&) -> result<void> {
    auto made = by.create(kind, std::move(body->object));
    return made ? result<void>{} : made.error();
  });
}

std::optional<std::string>
company::change(const schema::kind& kind, const std::string& ns, const std::string& name,
                const std::function<void(google::protobuf::Message&)>& how) {
  return write([&](auto& by, auto& seen) -> result<void> {
    auto entry = seen.find(gateway::key_of(kind, ns, name));
    if (!entry) return error{errc::not_found, "it is not there"};
    auto object = gateway::load(kind, *entry);
    how(*object);
    return by.update(kind, *entry, std::move(object));
  });
}

std::optional<std::string> company::remove(const schema::kind& kind, const std::string& ns,
                                           const std::string& name,
                                           const std::string& propagation) {
  return write([&](auto& by, auto& seen) -> result<void> {
    auto entry = seen.find(gateway::key_of(kind, ns, name));
    if (!entry) return error{errc::not_found, "it is not there"};
    k8s::meta::v1::DeleteOptions options;
    if (!propagation.empty()) options.set_propagation_policy(propagation);
    return by.remove(kind, *entry, options);
  });
}

int company::evict(const std::string& ns, const std::string& pod) {
  auto body = R"({"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":")" + pod +
              R"(","namespace":")" + ns + R"("}})";
  auto request = http::request::parse(
      "POST /api/v1/namespaces/" + ns + "/pods/" + pod +
      "/eviction HTTP/1.1\r\nHost: sim\r\nAuthorization: Bearer " + token +
      "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body);
  if (!request) throw std::runtime_error(request.error().message);
  int status = 0;
  api_->handle(std::move(*request), gateway::collect([&](http::response r) { status = r.status; }));
  return status;
}

} // namespace troupe::sim
