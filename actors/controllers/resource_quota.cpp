#include "actors/controllers/resource_quota.hpp"

#include "actors/controllers/family.hpp"
#include "actors/controllers/reconciler.hpp"
#include "actors/gateway/quota_usage.hpp"
#include "actors/gateway/versions.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/schema/pod_phase.hpp"

namespace troupe::controllers {

namespace {

using k8s::core::v1::Pod;
using k8s::core::v1::ResourceQuota;

/// Many things often go at once: they are counted once.
constexpr std::chrono::milliseconds gathering{100};
/// Custom objects are not followed; what they give back is found by looking now and then.
constexpr std::chrono::minutes custom_recount{5};

class resource_quota_controller : public reconciler {
public:
  resource_quota_controller(controller_actor::pointer self, environment given)
      : reconciler{self, std::move(given), "resourcequota-controller"} {
    listen(quotas, [this](auto& entry, bool gone) { hear_quota(entry, gone); });
    for (auto& k : schema::registry::built_in()->all())
      if (counted(k)) listen(k, [this](const change& c) { hear_object(c); });
  }

private:
  static bool counted(const schema::kind& k) {
    return k.namespaced && k.has_verb("list") && k.has_verb("delete") && k.name != "Event" &&
           k.name != "ResourceQuota" && k.name != "Lease" && !gateway::converted(k);
  }

  void forget() override {
    by_namespace.clear();
    known.clear(); // what was given back unheard is found by counting
  }

  void hear_quota(const storage::entry_ptr& entry, bool gone) {
    std::string key(entry->key());
    std::string ns(namespace_in(key));
    if (gone) {
      by_namespace[ns].erase(key);
      if (by_namespace[ns].empty()) by_namespace.erase(ns);
      return;
    }
    by_namespace[ns].insert(key);
    ResourceQuota q;
    gateway::read_entry(*entry, q);
    // Admission itself writes quotas, object by object: that needs no count.
    if (known.insert(key).second || !same_hard(q)) mark(key);
  }

  static bool same_hard(const ResourceQuota& q) {
    auto& wanted = q.spec().hard();
    auto& told = q.status().hard();
    return wanted.size() == told.size() && std::all_of(wanted.begin(), wanted.end(), [&](auto& x) {
             auto hit = told.find(x.first);
             return hit != told.end() && hit->second.string() == x.second.string();
           });
  }

  void hear_object(const change& c) {
    if (by_namespace.empty()) return;
    auto over = [](const storage::entry& e) {
      return schema::is_over(e.field("status.phase").value_or(""));
    };
    auto resource = storage::resource_of(c.entry->key());
    // A claim that changes may leave the scope of a quota; how long a pod that goes counts is found
    // by counting.
    bool frees = c.gone || (c.before && !over(*c.before) && over(*c.entry)) ||
                 (c.before && resource == "persistentvolumeclaims") ||
                 (c.before && resource == "pods" && !is_going(c.before->value()) &&
                  is_going(c.entry->value()));
    auto hit =
        frees ? by_namespace.find(std::string(namespace_in(c.entry->key()))) : by_namespace.end();
    if (hit == by_namespace.end()) return;
    for (auto& key : hit->second) mark_after(key, gathering);
  }

  void reconcile(round& r) override {
    auto entry = r.now.find(r.key);
    if (!entry) return void(known.erase(r.key));
    auto q = std::unique_ptr<ResourceQuota>(
        static_cast<ResourceQuota*>(gateway::load(quotas, *entry).release()));
    bool custom = false;
    auto used = count(r, *q, custom);
    auto before = codec::to_wire(*q);
    auto& status = *q->mutable_status();
    *status.mutable_hard() = q->spec().hard();
    std::map<std::string, quantity> old;
    for (auto& [name, amount] : status.used()) old[name] = gateway::amount_of(amount);
    for (auto& [name, amount] : q->spec().hard())
      if (!old.contains(name) || old[name] != used[name])
        (*status.mutable_used())[name].set_string(used[name].text());
    for (auto& [name, amount] : old)
      if (!q->spec().hard().contains(name)) status.mutable_used()->erase(name);
    if (custom) r.again_after(custom_recount);
    if (codec::to_wire(*q) == before) return;
    if (auto ok = r.write.update(quotas, *entry, std::move(q), "status"); !ok) r.fail(ok.error());
  }

  /// Exact: whoever adds an object changes the quota with it, and this count is void then.
  gateway::usage count(round& r, const ResourceQuota& q, bool& custom) const {
    gateway::usage sum;
    auto kinds = given.kinds();
    for (auto& k : kinds->all()) {
      if (!k.namespaced || !k.has_verb("list") || gateway::converted(k) || k.name == "Event")
        continue;
      if (!concerns(k, q)) continue;
      custom = custom || k.custom();
      for (auto& e : r.now.list(gateway::prefix_of(k, q.metadata().namespace_()))) {
        auto object = gateway::load(k, e);
        if (!gateway::covers(q, *object)) continue;
        for (auto& [name, amount] : gateway::usage_of(k, *object, r.at)) sum[name] += amount;
        if (auto pod = dynamic_cast<const Pod*>(object.get()))
          if (auto until = gateway::counts_until(*pod); until && r.at <= timestamp{*until, 0})
            r.again_at({*until + 1, 0});
      }
    }
    return sum;
  }

  /// Whether the quota counts anything that objects of the kind use.
  static bool concerns(const schema::kind& k, const ResourceQuota& q) {
    bool core = k.group.empty();
    for (auto& [name, amount] : q.spec().hard()) {
      if (name == "count/" + k.group_resource() || (core && name == k.plural)) return true;
      if (!core) continue;
      bool plain = name.find('/') == name.npos;
      if (k.name == "Pod" && name != "requests.storage" &&
          (plain ? !name.starts_with("services") : name.starts_with("requests.")))
        return true;
      if (k.name == "Service" && name.starts_with("services.")) return true;
      if (k.name == "PersistentVolumeClaim" &&
          (name == "requests.storage" || name.find("storageclass.storage.k8s.io/") != name.npos))
        return true;
    }
    return false;
  }

  const schema::kind& quotas = built_in("", "v1", "resourcequotas");
  std::map<std::string, std::set<std::string>> by_namespace;
  std::set<std::string> known;
};

} // namespace

controller_actor::behavior_type resource_quotas(controller_actor::pointer self, environment given) {
  return run<resource_quota_controller>(self, std::move(given));
}

} // namespace troupe::controllers
