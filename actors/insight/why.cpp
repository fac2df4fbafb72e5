#include "actors/insight/why.hpp"

#include "actors/gateway/object.hpp"
#include "actors/insight/facts.hpp"
#include "actors/insight/pod_trouble.hpp"
#include "messages/api/claim.pb.h"
#include "messages/api/daemon_set.pb.h"
#include "messages/api/deployment.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/namespace.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/replica_set.pb.h"
#include "messages/api/replication.pb.h"
#include "messages/api/service.pb.h"
#include "messages/api/stateful_set.pb.h"
#include "messages/base/json.hpp"

#include <algorithm>

namespace troupe::insight {

namespace {

using k8s::core::v1::Pod;

class teller {
public:
  teller(const facts& around) : facts_{around} {}

  story tell(const schema::kind& kind, std::string_view ns, std::string_view name) {
    auto object = facts_.get(kind, ns, name);
    if (!object) {
      blame("there is no " + kind.singular + " \"" + std::string(name) + "\"" +
                (ns.empty() ? "" : " in namespace " + std::string(ns)),
            "look for it with troupe get " + kind.plural + " -A");
      return std::move(out_);
    }
    visit(kind, *object);
    return std::move(out_);
  }

private:
  void say(const std::string& object, std::string text) {
    if (!text.empty()) out_.chain.push_back({object, std::move(text)});
  }
  /// The first blame is the verdict.
  bool blame(std::string verdict, std::string remedy) {
    if (out_.verdict.empty() && !verdict.empty()) {
      out_.verdict = std::move(verdict);
      out_.remedy = std::move(remedy);
    }
    return !out_.verdict.empty();
  }
  bool blame(const trouble& t, const std::string& of) {
    return t.what.empty() ? false : blame(of + ": " + t.what, t.remedy);
  }

  void visit(const schema::kind& kind, const google::protobuf::Message& object) {
    auto& m = gateway::meta(object);
    auto told = kind.singular + "/" + m.name();
    say(told, facts_.origin(m));
    if (m.has_deletion_timestamp()) return deletion(told, kind, object);
    if (kind.name == "Pod") return pod(told, static_cast<const Pod&>(object));
    if (kind.group == "apps" && kind.name == "Deployment") return deployment(told, object);
    if (kind.name == "ReplicaSet" || kind.name == "ReplicationController" ||
        kind.name == "StatefulSet" || kind.name == "DaemonSet" || kind.name == "Job")
      return owner(told, kind, object);
    if (kind.name == "Service" && kind.group.empty()) return service(told, object);
    if (kind.name == "PersistentVolumeClaim") return claim(told, object);
    if (kind.name == "Node") return node(told, object);
    blame(bad_condition(kind, object), told);
  }

  // ---- by kind ----

  void deletion(const std::string& told, const schema::kind& kind,
                const google::protobuf::Message& object) {
    auto& m = gateway::meta(object);
    std::string waits;
    for (auto& f : m.finalizers()) waits += (waits.empty() ? "" : ", ") + f;
    if (kind.name == "Namespace" && kind.group.empty()) {
      auto& ns = static_cast<const k8s::core::v1::Namespace&>(object);
      for (auto& c : ns.status().conditions())
        if (c.status() == "True") say(told, c.type() + ": " + c.message());
      auto left = facts_.remaining(m.name());
      if (!left.empty()) {
        blame(told + " is being deleted and waits for what is in it: " + left,
              "see why these stay: troupe why TYPE/NAME -n " + m.name());
        return;
      }
    }
    if (!waits.empty()) {
      blame(
          told + " is being deleted and waits for its finalizers: " + waits,
          "whoever put a finalizer there must take it away; if nobody is left who would, remove it "
          "with troupe edit " +
              told);
      return;
    }
    blame(told + " is being deleted and waits for its processes to end",
          "its grace period is " + std::to_string(m.deletion_grace_period_seconds()) +
              " s; if its node is gone for good, troupe delete " + told + " --force");
  }

  void pod(const std::string& told, const Pod& p) {
    say(told, placed(p));
    auto t = pod_trouble(facts_, p);
    if (t.what.empty()) return;
    if (!t.claim.empty())
      if (auto kind = facts_.kind("v1", "PersistentVolumeClaim"))
        if (auto object = facts_.get(*kind, p.metadata().namespace_(), t.claim)) {
          visit(*kind, *object);
          if (!out_.verdict.empty()) return;
        }
    blame(t, told);
  }

  static std::string placed(const Pod& p) {
    if (p.spec().node_name().empty()) return "has no node yet";
    auto out = "is on node " + p.spec().node_name() + ", " + p.status().phase();
    int restarts = 0;
    for (auto& c : p.status().container_statuses()) restarts += c.restart_count();
    if (restarts) out += ", restarted " + std::to_string(restarts) + " times";
    return out;
  }

  void deployment(const std::string& told, const google::protobuf::Message& object) {
    auto& d = static_cast<const k8s::apps::v1::Deployment&>(object);
    auto want = d.spec().has_replicas() ? d.spec().replicas() : 1;
    say(told, "wants " + std::to_string(want) + " pods, has " +
                  std::to_string(d.status().available_replicas()) + " available and " +
                  std::to_string(d.status().updated_replicas()) + " of its newest template");
    bool well = d.status().observed_generation() >= d.metadata().generation() &&
                d.status().available_replicas() >= want && d.status().updated_replicas() >= want &&
                d.status().replicas() == d.status().updated_replicas();
    if (well) return;
    if (d.spec().paused())
      return void(blame(told + " is paused", "go on with troupe rollout resume " + told));
    for (auto& c : d.status().conditions())
      if (c.type() == "ReplicaFailure" && c.status() == "True") {
        blame(refusal(c.message(), told));
        return;
      }
    // The newest of its replica sets is the one that is not there yet.
    auto kind = facts_.kind("apps/v1", "ReplicaSet");
    auto sets = facts_.owned(*kind, d.metadata());
    if (sets.empty()) {
      blame(told + " has no replica set yet",
            "its controller may not run: troupe server --controllers says which do");
      return;
    }
    auto newest = std::max_element(sets.begin(), sets.end(), [](auto& a, auto& b) {
      return revision_of(*a) < revision_of(*b);
    });
    visit(*kind, **newest);
    if (out_.verdict.empty() && d.status().replicas() > d.status().updated_replicas())
      blame(told + " still has " +
                std::to_string(d.status().replicas() - d.status().updated_replicas()) +
                " pods of an older template",
            "they go as new ones become available");
  }

  static int64_t revision_of(const google::protobuf::Message& set) {
    auto& notes = gateway::meta(set).annotations();
    auto hit = notes.find("deployment.kubernetes.io/revision");
    return hit == notes.end() ? 0 : atoll(hit->second.c_str());
  }

  void owner(const std::string& told, const schema::kind& kind,
             const google::protobuf::Message& object) {
    auto& m = gateway::meta(object);
    if (auto refused = facts_.last_warning(m, "FailedCreate");
        !refused.empty() && lacks_pods(object))
      return void(blame(refusal(refused, told)));
    auto pods = facts_.owned(*facts_.kind("v1", "Pod"), m);
    size_t well = 0;
    const Pod* worst = nullptr;
    trouble worst_trouble;
    for (auto& each : pods) {
      auto& p = static_cast<const Pod&>(*each);
      auto t = pod_trouble(facts_, p);
      if (t.what.empty()) {
        ++well;
      } else if (!worst || (t.certain && !worst_trouble.certain)) {
        worst = &p;
        worst_trouble = t;
      }
    }
    say(told,
        "has " + std::to_string(pods.size()) + " pods, " + std::to_string(well) + " of them well");
    if (worst) {
      visit(*facts_.kind("v1", "Pod"), *worst);
      return;
    }
    if (pods.empty() && lacks_pods(object))
      blame(told + " has no pods yet", "its controller may still be at work");
    if (out_.verdict.empty()) blame(bad_condition(kind, object), told);
  }

  static bool lacks_pods(const google::protobuf::Message& object) {
    if (auto s = dynamic_cast<const k8s::apps::v1::ReplicaSet*>(&object))
      return s->status().replicas() < s->spec().replicas();
    if (auto s = dynamic_cast<const k8s::core::v1::ReplicationController*>(&object))
      return s->status().replicas() < s->spec().replicas();
    if (auto s = dynamic_cast<const k8s::apps::v1::StatefulSet*>(&object))
      return s->status().replicas() < s->spec().replicas();
    if (auto s = dynamic_cast<const k8s::apps::v1::DaemonSet*>(&object))
      return s->status().current_number_scheduled() < s->status().desired_number_scheduled();
    if (auto s = dynamic_cast<const k8s::batch::v1::Job*>(&object))
      return s->status().active() + s->status().succeeded() == 0;
    return false;
  }

  void service(const std::string& told, const google::protobuf::Message& object) {
    auto& s = static_cast<const k8s::core::v1::Service&>(object);
    if (s.spec().type() == "ExternalName")
      return say(told, "is another name of " + s.spec().external_name());
    if (s.spec().selector().empty())
      return say(told, "has no selector: somebody else says where it leads");
    auto pods = facts_.selected(s.metadata().namespace_(), s.spec().selector());
    if (pods.empty()) {
      std::string labels;
      for (auto& [k, v] : s.spec().selector()) labels += (labels.empty() ? "" : ",") + k + "=" + v;
      blame(told + " leads nowhere: no pod has the labels " + labels,
            "compare them with troupe get pods --show-labels");
      return;
    }
    size_t well = 0;
    const Pod* worst = nullptr;
    for (auto& p : pods) {
      if (pod_trouble(facts_, static_cast<const Pod&>(*p)).what.empty())
        ++well;
      else if (!worst)
        worst = static_cast<const Pod*>(p.get());
    }
    say(told, "leads to " + std::to_string(well) + " of " + std::to_string(pods.size()) + " pods");
    if (well == 0 && worst) visit(*facts_.kind("v1", "Pod"), *worst);
  }

  void claim(const std::string& told, const google::protobuf::Message& object) {
    auto& c = static_cast<const k8s::core::v1::PersistentVolumeClaim&>(object);
    if (c.status().phase() == "Bound")
      return say(told, "is bound to volume " + c.spec().volume_name());
    if (!c.spec().storage_class_name().empty()) {
      auto kind = facts_.kind("storage.k8s.io/v1", "StorageClass");
      if (kind && !facts_.get(*kind, "", c.spec().storage_class_name())) {
        blame(told + " is not bound: there is no storage class \"" + c.spec().storage_class_name() +
                  "\"",
              "make one, or name one of troupe get storageclasses");
        return;
      }
    }
    auto event = facts_.last_event(c.metadata());
    blame(told + " is not bound" + (event.empty() ? "" : ": " + event),
          "it needs a volume of its size and class, or a class that makes one");
  }

  void node(const std::string& told, const google::protobuf::Message& object) {
    auto& n = static_cast<const k8s::core::v1::Node&>(object);
    for (auto& c : n.status().conditions()) {
      bool good = (c.type() == "Ready") == (c.status() == "True");
      if (good) continue;
      blame(told + ": " + c.type() + " is " + c.status() +
                (c.message().empty() ? "" : ": " + c.message()),
            c.type() == "Ready" ? "is its agent running, and can it reach the servers?"
                                : "free some of it");
      return;
    }
    if (n.spec().unschedulable())
      blame(told + " takes no new pods", "it was cordoned; troupe uncordon " + n.metadata().name());
  }

  /// What a quota, a missing account or an admission rule said when a pod was to be made.
  std::pair<std::string, std::string> refusal(const std::string& message, const std::string& told) {
    auto has = [&](const char* word) { return message.find(word) != std::string::npos; };
    if (has("exceeded quota"))
      return {told + " may make no more pods: " + message,
              "raise the quota (troupe describe resourcequota), or ask for less"};
    if (has("serviceaccount") && has("not found"))
      return {told + " cannot make pods: " + message,
              "create the service account, or name another in the template"};
    return {told + " cannot make pods: " + message, "change the template, or what forbids it"};
  }
  bool blame(std::pair<std::string, std::string> both) {
    return blame(std::move(both.first), std::move(both.second));
  }

  trouble bad_condition(const schema::kind& kind, const google::protobuf::Message& object) {
    std::string text;
    gateway::write_json(kind, gateway::stored_form(kind, object), 1, text);
    auto read = json::parse(text);
    auto list = read ? json::find(*read, {"status", "conditions"}) : nullptr;
    if (!list || !list->is_array()) return {};
    for (auto& c : list->get_array()) {
      auto type = json::string_at(c, {"type"}), status = json::string_at(c, {"status"});
      bool bad = ((type == "Ready" || type == "Available" || type == "Established") &&
                  status == "False") ||
                 ((type == "Failed" || type == "Stalled") && status == "True");
      if (bad)
        return {std::string(type) + " is " + std::string(status) + ": " +
                    std::string(json::string_at(c, {"reason"})) + ": " +
                    std::string(json::string_at(c, {"message"})),
                {},
                {},
                true};
    }
    return {};
  }

  const facts& facts_;
  story out_;
};

} // namespace

story why(const storage::snapshot& now, const schema::registry& kinds, const schema::kind& kind,
          std::string_view ns, std::string_view name, int64_t now_seconds) {
  facts around{now, kinds, now_seconds};
  return teller{around}.tell(kind, ns, name);
}

} // namespace troupe::insight
