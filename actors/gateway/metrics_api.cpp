#include "actors/gateway/metrics_api.hpp"

#include "actors/gateway/collected.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/options.hpp"
#include "actors/gateway/verbs.hpp"
#include "messages/api/metrics.pb.h"

#include <set>

namespace troupe::gateway {

namespace {

using k8s::metrics::v1beta1::NodeMetrics;
using k8s::metrics::v1beta1::PodMetrics;

constexpr std::chrono::seconds patience{5}; // with nodes that do not answer
constexpr size_t asked_at_once_max = 64;

/// One question to many nodes: answers come in any order, the end comes once.
class survey : public std::enable_shared_from_this<survey> {
public:
  using answers = std::map<std::string, cluster::Usage>;

  survey(gateway& g, std::vector<std::string> nodes, std::function<void(answers)> done)
      : g_{g}, nodes_{std::move(nodes)}, done_{std::move(done)} {}

  void start() {
    {
      std::lock_guard lock(mutex_);
      deadline_ = g_.given.work->after(patience, [me = weak_from_this()] {
        if (auto live = me.lock()) live->end();
      });
    }
    for (size_t i = 0; i < asked_at_once_max; ++i) ask_next();
  }

private:
  void ask_next() {
    std::string node;
    {
      std::lock_guard lock(mutex_);
      if (over_) return;
      if (next_ == nodes_.size()) {
        if (under_way_ > 0) return;
      } else {
        node = nodes_[next_++];
        ++under_way_;
      }
    }
    if (node.empty()) return end();
    auto door = g_.given.find_door ? g_.given.find_door(node) : node_door{};
    auto request = http::request::parse("GET /usage HTTP/1.1\r\nHost: node\r\n\r\n");
    if (!door || !request) return heard(node, {});
    door(std::move(*request),
         collect([me = shared_from_this(), node](const http::response& r) { me->heard(node, r); }));
  }

  void heard(const std::string& node, const http::response& r) {
    {
      std::lock_guard lock(mutex_);
      --under_way_;
      cluster::Usage usage;
      if (r.status == 200 && usage.ParseFromString(text_of(r))) found_[node] = std::move(usage);
    }
    // Not from within the answer of the one before: doors may answer at once.
    g_.given.work->post([me = shared_from_this()] { me->ask_next(); });
  }

  void end() {
    answers found;
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(over_, true)) return;
      found.swap(found_);
      deadline_.reset();
    }
    done_(std::move(found));
  }

  gateway& g_;
  std::vector<std::string> nodes_;
  std::function<void(answers)> done_;
  std::mutex mutex_;
  workers::timer deadline_;
  size_t next_ = 0, under_way_ = 0;
  bool over_ = false;
  answers found_;
};

const schema::kind& core_kind(const char* plural) {
  return *schema::registry::built_in()->by_resource("", "v1", plural);
}

/// The nodes that must be asked.
std::vector<std::string> nodes_for(const call& c, const storage::snapshot& now) {
  std::set<std::string> out;
  auto& kind = core_kind(c.kind->plural.c_str());
  auto add = [&](const storage::entry& entry) {
    auto node = c.kind->namespaced ? entry.field("spec.nodeName")
                                   : std::optional(split_key(entry.key()).name);
    if (node && !node->empty()) out.emplace(*node);
  };
  if (!c.where.name.empty()) {
    if (auto entry = now.get(key_of(kind, c.where.ns, c.where.name))) add(*entry);
  } else {
    for (auto& entry : now.list(prefix_of(kind, c.where.ns))) add(entry);
  }
  return {out.begin(), out.end()};
}

/// What was measured of one object, as an entry that can be selected and shown like a stored one:
/// with the labels of the object itself. None if that is gone.
storage::entry_ptr entry_of(const call& c, const storage::snapshot& now,
                            google::protobuf::Message& measured) {
  auto& m = meta(measured);
  auto object = now.get(key_of(core_kind(c.kind->plural.c_str()), m.namespace_(), m.name()));
  if (!object) return {};
  auto full = load(core_kind(c.kind->plural.c_str()), *object);
  *m.mutable_labels() = meta(*full).labels();
  return storage::entry::make(key_of(*c.kind, m.namespace_(), m.name()),
                              index_of(*c.kind, measured), stored_form(*c.kind, measured));
}

std::vector<storage::entry_ptr> entries_of(const call& c, const storage::snapshot& now,
                                           const survey::answers& from) {
  std::map<std::string, storage::entry_ptr> out;
  auto take = [&](google::protobuf::Message& measured) {
    auto& m = meta(measured);
    if (!c.where.ns.empty() && m.namespace_() != c.where.ns) return;
    if (!c.where.name.empty() && m.name() != c.where.name) return;
    if (auto entry = entry_of(c, now, measured)) out[std::string(entry->key())] = entry;
  };
  for (auto& [node, usage] : from) {
    if (!c.kind->namespaced) {
      NodeMetrics m;
      // A node speaks for itself and for the pods bound to it.
      if (m.ParsePartialFromString(usage.node()) && m.metadata().name() == node) take(m);
      continue;
    }
    for (auto& bytes : usage.pods()) {
      PodMetrics m;
      if (!m.ParsePartialFromString(bytes)) continue;
      auto pod = now.get(key_of(core_kind("pods"), m.metadata().namespace_(), m.metadata().name()));
      if (pod && pod->field("spec.nodeName") == node) take(m);
    }
  }
  std::vector<storage::entry_ptr> all;
  for (auto& [key, entry] : out) all.push_back(std::move(entry));
  return all;
}

} // namespace

void measure(gateway& g, std::vector<std::string> nodes,
             std::function<void(std::map<std::string, cluster::Usage>)> tell) {
  std::make_shared<survey>(g, std::move(nodes), std::move(tell))->start();
}

void metrics(gateway& g, call_ptr c) {
  auto options = read_list_options(*c->kind, c->query);
  if (!options) return c->fail(options.error());
  auto nodes = nodes_for(*c, g.given.store->current());
  auto answer = [&g, c, wanted = std::move(options->wanted)](survey::answers found) {
    auto now = g.given.store->current();
    auto all = entries_of(*c, now, found);
    if (c->where.name.empty()) {
      std::erase_if(all, [&](auto& entry) { return !wanted.matches(*entry); });
      return c->answer(list_answer(*c, all, now.revision()));
    }
    if (all.empty()) return c->fail(not_found(*c->kind, c->where.name));
    c->answer_object(200, all.front()->value(), 0);
  };
  measure(g, std::move(nodes), std::move(answer));
}

} // namespace troupe::gateway
