#include "messages/schema/warnings.hpp"

#include "messages/api/cron_job.pb.h"
#include "messages/api/daemon_set.pb.h"
#include "messages/api/deployment.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/replica_set.pb.h"
#include "messages/api/replication.pb.h"
#include "messages/api/stateful_set.pb.h"
#include "messages/base/names.hpp"
#include "messages/base/quantity.hpp"
#include "messages/schema/warning_words.hpp"

#include <map>
#include <set>

namespace troupe::schema {

namespace {

using namespace k8s::core::v1;
using google::protobuf::Message;

constexpr notice annotations[] = {
    {"scheduler.alpha.kubernetes.io/critical-pod",
     "non-functional in v1.16+; use the \"priorityClassName\" field instead"},
    {"security.alpha.kubernetes.io/sysctls",
     "non-functional in v1.11+; use the \"sysctls\" field instead"},
    {"security.alpha.kubernetes.io/unsafe-sysctls",
     "non-functional in v1.11+; use the \"sysctls\" field instead"},
};

constexpr notice volumes[] = {
    {"photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"},
    {"gitRepo", "deprecated in v1.11"},
    {"scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
    {"flocker", "deprecated in v1.22, non-functional in v1.25+"},
    {"storageos", "deprecated in v1.22, non-functional in v1.25+"},
    {"quobyte", "deprecated in v1.22, non-functional in v1.25+"},
    {"glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
    {"cephfs", "deprecated in v1.28, non-functional in v1.31+"},
    {"rbd", "deprecated in v1.28, non-functional in v1.31+"},
};

/// One of the volumes is called otherwise there than in manifests.
std::string shown_name(std::string_view volume) {
  return std::string(volume == "storageos" ? "storageOS" : volume);
}

std::string entry(const std::string& map, const std::string& key) { return map + "[" + key + "]"; }

/// Of one pod, or of a template of pods that stands at `at`.
class pod_warnings {
public:
  pod_warnings(const std::string& at, bool of_template, const PodSpec& spec,
               const k8s::meta::v1::ObjectMeta& meta)
      : prefix_{at.empty() ? at : at + "."}, spec_{spec}, meta_{meta}, of_template_{of_template} {}

  texts all() {
    places();
    marks();
    plugins();
    token_paths();
    lists();
    sizes(prefix_ + "spec.overhead", spec_.overhead());
    seccomp("seccomp.security.alpha.kubernetes.io/pod",
            spec_.security_context().has_seccomp_profile());
    each([&](const std::string& at, const auto& c) { container(at, c); });
    each([&](const std::string& at, const auto& c) { ports(at, c); });
    if (spec_.termination_grace_period_seconds() < 0)
      say(prefix_ + "spec.terminationGracePeriodSeconds",
          "must be >= 0; negative values are invalid and will be treated as 1");
    affinities();
    return std::move(out_);
  }

private:
  void say(const std::string& at, const std::string& what) { out_.push_back(at + ": " + what); }

  template<class Visit> void each(Visit visit) {
    for (int i = 0; i < spec_.init_containers_size(); ++i)
      visit(element(prefix_ + "spec.initContainers", i), spec_.init_containers(i));
    for (int i = 0; i < spec_.containers_size(); ++i)
      visit(element(prefix_ + "spec.containers", i), spec_.containers(i));
  }

  void term(const std::string& at, const NodeSelectorTerm& t) {
    append(out_, node_term_warnings(at, t));
  }

  void places() {
    std::map<std::string, std::string> selector(spec_.node_selector().begin(),
                                                spec_.node_selector().end());
    for (auto& [key, _] : selector)
      if (auto why = outdated_node_label(key)) say(entry(prefix_ + "spec.nodeSelector", key), why);
    auto& node = spec_.affinity().node_affinity();
    auto at = prefix_ + "spec.affinity.nodeAffinity.";
    auto& required = node.required_during_scheduling_ignored_during_execution();
    for (int i = 0; i < required.node_selector_terms_size(); ++i)
      term(element(at + "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms", i),
           required.node_selector_terms(i));
    auto& preferred = node.preferred_during_scheduling_ignored_during_execution();
    for (int i = 0; i < preferred.size(); ++i)
      term(element(at + "preferredDuringSchedulingIgnoredDuringExecution", i) + ".preference",
           preferred[i].preference());
    for (int i = 0; i < spec_.topology_spread_constraints_size(); ++i) {
      auto& t = spec_.topology_spread_constraints(i);
      auto here = element(prefix_ + "spec.topologySpreadConstraints", i);
      if (auto why = outdated_node_label(t.topology_key()))
        say(here + ".topologyKey", t.topology_key() + " is " + why);
      if (!t.has_label_selector()) nobody(here);
    }
  }

  void nobody(const std::string& at) {
    say(at + ".labelSelector", "a null labelSelector results in matching no pod");
  }

  void marks() {
    for (auto& row : annotations)
      if (meta_.annotations().contains(row.what))
        say(entry(prefix_ + "metadata.annotations", row.what), row.message);
  }

  void plugins() {
    for (int i = 0; i < spec_.volumes_size(); ++i) {
      auto& source = spec_.volumes(i).volume_source();
      each_given(source, volumes, [&](auto& row) {
        say(element(prefix_ + "spec.volumes", i) + "." + shown_name(row.what), row.message);
      });
      if (source.has_ephemeral())
        append(out_, claim_warnings(element(prefix_ + "spec.volumes", i) +
                                        ".ephemeral.volumeClaimTemplate.spec",
                                    source.ephemeral().volume_claim_template().spec()));
    }
  }

  /// Files that a token would stand in the place of, or that would stand in its place.
  void token_paths() {
    std::set<std::string> taken;
    auto each_source = [&](auto visit) {
      for (int i = 0; i < spec_.volumes_size(); ++i)
        for (auto& s : spec_.volumes(i).volume_source().projected().sources())
          visit(element(prefix_ + "spec.volumes", i) + ".projected.sources.", s);
    };
    each_source([&](const std::string&, const VolumeProjection& s) {
      if (s.has_service_account_token()) taken.insert(s.service_account_token().path());
    });
    if (taken.empty()) return;
    auto look = [&](const std::string& at, const std::string& path) {
      if (taken.contains(path))
        say(at, "has duplicated path with ServiceAccountToken \"" + path + "\"");
    };
    auto look_at = [&](const std::string& at, const auto& items) {
      for (int i = 0; i < items.size(); ++i) look(element(at, i), items[i].path());
    };
    each_source([&](const std::string& at, const VolumeProjection& s) {
      look_at(at + "configMap", s.config_map().items());
      look_at(at + "secrets", s.secret().items());
      look_at(at + "downwardAPI", s.downward_api().items());
      if (s.has_cluster_trust_bundle())
        look(at + "ClusterTrustBundle", s.cluster_trust_bundle().path());
    });
  }

  void lists() {
    std::set<std::string> ips, names;
    for (int i = 0; i < spec_.host_aliases_size(); ++i)
      if (auto& ip = spec_.host_aliases(i).ip(); !ips.insert(ip).second)
        say(element(prefix_ + "spec.hostAliases", i) + ".ip", "duplicate ip \"" + ip + "\"");
    auto at = prefix_ + "spec.imagePullSecrets";
    for (int i = 0; i < spec_.image_pull_secrets_size(); ++i)
      if (auto& name = spec_.image_pull_secrets(i).name(); !names.insert(name).second)
        say(element(at, i) + ".name", "duplicate name \"" + name + "\"");
    for (int i = 0; i < spec_.image_pull_secrets_size(); ++i)
      if (spec_.image_pull_secrets(i).name().empty())
        say(element(at, i) + ".name", "invalid empty name \"\"");
  }

  template<class Amounts> void sizes(const std::string& at, const Amounts& amounts) {
    for (auto name : {"memory", "ephemeral-storage"}) {
      auto hit = amounts.find(name);
      if (hit == amounts.end()) continue;
      auto value = quantity::parse(hit->second.string());
      if (value && !value->whole())
        say(entry(at, name), "fractional byte value \"" + hit->second.string() +
                                 "\" is invalid, must be an integer");
    }
  }

  void seccomp(const std::string& key, bool has_field) {
    if (!has_field && meta_.annotations().contains(key))
      say(entry(prefix_ + "metadata.annotations", key),
          "non-functional in v1.27+; use the \"seccompProfile\" field instead");
  }

  void container(const std::string& at, const Container& c) {
    seccomp("container.seccomp.security.alpha.kubernetes.io/" + c.name(),
            c.security_context().has_seccomp_profile());
    auto armour = "container.apparmor.security.beta.kubernetes.io/" + c.name();
    if (of_template_ && !spec_.security_context().has_app_armor_profile() &&
        !c.security_context().has_app_armor_profile() && meta_.annotations().contains(armour))
      say(entry(prefix_ + "metadata.annotations", armour),
          "deprecated since v1.30; use the \"appArmorProfile\" field instead");
    sizes(at + ".resources.limits", c.resources().limits());
    sizes(at + ".resources.requests", c.resources().requests());
    std::set<std::string> names;
    for (int i = 0; i < c.env_size(); ++i) {
      auto& e = c.env(i);
      auto itself = "$(" + e.name() + ")";
      if (names.insert(e.name()).second) continue;
      if (e.has_value_from() || e.value() == itself || e.value().find(itself) == std::string::npos)
        say(element(at + ".env", i), "hides previous definition of \"" + e.name() +
                                         "\", which may be dropped when using apply");
    }
  }

  /// Ports that two containers, or one container twice, open with the same number.
  void ports(const std::string& at, const Container& c) {
    for (int i = 0; i < c.ports_size(); ++i) {
      auto& port = c.ports(i);
      auto here = element(at + ".ports", i);
      if (!port.host_ip().empty() && port.host_port() == 0)
        say(here, "hostIP set without hostPort: {Name:" + port.name() +
                      " HostPort:0 ContainerPort:" + std::to_string(port.container_port()) +
                      " Protocol:" + port.protocol() + " HostIP:" + port.host_ip() + "}");
      auto& others = ports_[std::to_string(port.container_port()) + "/" + port.protocol()];
      for (auto& [where, other] : others) {
        if (port.host_ip() == other->host_ip() && port.host_port() == other->host_port())
          say(here, "duplicate port definition with " + where);
        else if (port.host_port() == 0 || other->host_port() == 0)
          say(here, "overlapping port definition with " + where);
        else if (port.host_port() == other->host_port() &&
                 port.host_ip().empty() != other->host_ip().empty())
          say(here, "dangerously ambiguous port definition with " + where);
      }
      others.emplace_back(here, &port);
    }
  }

  template<class Affinity> void affinity(const char* name, const Affinity& given) {
    auto at = prefix_ + "spec.affinity." + name + ".";
    auto& required = given.required_during_scheduling_ignored_during_execution();
    for (int i = 0; i < required.size(); ++i)
      if (!required[i].has_label_selector())
        nobody(element(at + "requiredDuringSchedulingIgnoredDuringExecution", i));
    auto& preferred = given.preferred_during_scheduling_ignored_during_execution();
    for (int i = 0; i < preferred.size(); ++i)
      if (!preferred[i].pod_affinity_term().has_label_selector())
        nobody(element(at + "preferredDuringSchedulingIgnoredDuringExecution", i) +
               ".podAffinityTerm");
  }

  void affinities() {
    affinity("podAffinity", spec_.affinity().pod_affinity());
    affinity("podAntiAffinity", spec_.affinity().pod_anti_affinity());
  }

  const std::string prefix_;
  const PodSpec& spec_;
  const k8s::meta::v1::ObjectMeta& meta_;
  const bool of_template_;
  std::map<std::string, std::vector<std::pair<std::string, const ContainerPort*>>> ports_;
  texts out_;
};

texts about_name(const std::string& name, const char* used) {
  auto faults = names::dns_label(name);
  if (faults.empty()) return {};
  std::string all;
  for (auto& f : faults) all += (all.empty() ? "" : " ") + f;
  return {std::string("metadata.name: this is used in ") + used +
          ", which can result in surprising behavior; a DNS label is recommended: [" + all + "]"};
}

/// Of an object that makes pods; what has been said of the old one is not said again.
template<class Kind, class Template>
texts about(const Kind& object, const Message* old, bool names_pods, const char* at,
            Template template_of) {
  texts out;
  if (!old && names_pods) out = about_name(object.metadata().name(), "Pod names and hostnames");
  if (old &&
      static_cast<const Kind&>(*old).metadata().generation() == object.metadata().generation())
    return out;
  const PodTemplateSpec& t = template_of(object);
  append(out, pod_warnings(at, true, t.spec(), t.metadata()).all());
  return out;
}

texts about_sets(const k8s::apps::v1::StatefulSet& set) {
  texts out;
  auto& claims = set.spec().volume_claim_templates();
  for (int i = 0; i < claims.size(); ++i)
    append(out, claim_warnings(element("spec.volumeClaimTemplates", i), claims[i].spec()));
  if (set.spec().revision_history_limit() < 0)
    out.push_back("spec.revisionHistoryLimit: a negative value retains all historical revisions; a "
                  "value >= 0 is recommended");
  return out;
}

} // namespace

std::vector<std::string> warnings_about(const Message& object, const Message* old) {
  auto type = object.GetDescriptor();
  if (type == Pod::descriptor()) {
    if (old) return {};
    auto& pod = static_cast<const Pod&>(object);
    auto out = about_name(pod.metadata().name(), "the Pod's hostname");
    append(out, pod_warnings({}, false, pod.spec(), pod.metadata()).all());
    return out;
  }
  auto plain = [](auto& o) -> auto& { return o.spec().template_(); };
  auto as = [&]<class Kind>(bool names_pods, const Kind&) {
    return about(static_cast<const Kind&>(object), old, names_pods, "spec.template", plain);
  };
  using namespace k8s::apps::v1;
  using namespace k8s::batch::v1;
  if (type == Deployment::descriptor()) return as(true, Deployment::default_instance());
  if (type == ReplicaSet::descriptor()) return as(true, ReplicaSet::default_instance());
  if (type == StatefulSet::descriptor()) {
    auto out = as(true, StatefulSet::default_instance());
    append(out, about_sets(static_cast<const StatefulSet&>(object)));
    return out;
  }
  if (type == DaemonSet::descriptor()) return as(false, DaemonSet::default_instance());
  if (type == Job::descriptor()) return as(true, Job::default_instance());
  if (type == ReplicationController::descriptor())
    return as(true, ReplicationController::default_instance());
  if (type == CronJob::descriptor())
    return about(
        static_cast<const CronJob&>(object), old, true, "spec.jobTemplate.spec.template",
        [](auto& o) -> auto& { return o.spec().job_template().spec().template_(); });
  return object_warnings(object, !old);
}

} // namespace troupe::schema
