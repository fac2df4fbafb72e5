// What is there, in plain words that rules can be held against: kept up to date from the store's
// events, object by object, with a short memory of what was wanted a moment ago.
#pragma once

#include "actors/gateway/object.hpp"
#include "messages/api/daemon_set.pb.h"
#include "messages/api/deployment.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/namespace.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/policy.pb.h"
#include "messages/api/quota.pb.h"
#include "messages/api/replica_set.pb.h"
#include "messages/api/stateful_set.pb.h"
#include "storage/event.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::sim {

using std::chrono::nanoseconds;

/// How long whoever decides may go by what has just changed: a look, a write and its way back.
inline constexpr std::chrono::seconds reaction_time{3};
/// How long somebody may still act for a pod that was last heard of as waiting.
inline constexpr std::chrono::seconds waiting_time_max{600};

/// A number that somebody wants, and what it was until a moment ago.
class wish {
public:
  void put(int value, nanoseconds now);
  int latest() const { return past_.empty() ? 0 : past_.back().second; }
  int most(nanoseconds now) const;
  int least(nanoseconds now) const;
  /// It has been the same for longer than anybody needs to follow.
  bool steady(nanoseconds now) const {
    return !past_.empty() && past_.back().first + reaction_time < now;
  }

private:
  std::deque<std::pair<nanoseconds, int>> past_; ///< since when
};

struct owner {
  std::string kind, name, uid;
};

struct pod_shape {
  std::string key, ns, name, uid, node, nominated, image;
  std::map<std::string, std::string> labels;
  owner controller;
  bool going = false, over = false, failed = false, ready = false, gated = false;
  bool preempted = false, may_preempt = true;
  std::string revision;            ///< of its template, as stateful sets say it
  std::vector<std::string> claims; ///< keys
  int cpu_milli = 0, priority = 0;
  nanoseconds ready_since{0};
  std::optional<int64_t> charged_until; ///< by the wall clock, in seconds
  bool counts() const { return !going && !over; }
};

struct set_shape {
  std::string key, ns, name, uid, image;
  owner controller;
  wish replicas;
  std::chrono::seconds min_ready{0};
  bool going = false;
};

struct deployment_shape {
  std::string key, ns, name, uid;
  bool rolls = true, going = false, paused = false;
  wish replicas, surge, unavailable;
  /// What the deployment lets there be at most and at least, by any wish of the last moment.
  int most(nanoseconds now) const { return replicas.most(now) + surge.most(now); }
  int least(nanoseconds now) const { return replicas.least(now) - unavailable.most(now); }
};

struct stateful_shape {
  std::string key, ns, name, uid;
  bool ordered = true, going = false, kept_when_scaled = true;
  wish replicas, partition;
  std::string revision; ///< that those below the partition keep
};

struct daemon_shape {
  std::string key, ns, name, uid;
  wish surge, unavailable;
  bool going = false;
};

struct node_shape {
  std::string name;
  int cpu_milli = 0, pods_max = 0;
  bool ready = false, sends_away = false, tainted = false, closed = false;
  nanoseconds ready_since{0}, changed{0};
};

struct quota_shape {
  std::string key, ns;
  wish pods, cpu_milli; ///< hard limits
  int used_pods = 0, used_cpu_milli = 0;
};

int milli_of(const std::string& quantity);

template<class Object> Object read_object(const storage::entry& entry) {
  Object object;
  gateway::read_entry(entry, object);
  return object;
}

class scene {
public:
  /// Takes in one transaction.
  void hear(const std::vector<storage::event_ptr>& events, nanoseconds now);

  std::map<std::string, pod_shape> pods;
  std::map<std::string, set_shape> sets;
  std::map<std::string, deployment_shape> deployments;
  std::map<std::string, stateful_shape> stateful_sets;
  std::map<std::string, daemon_shape> daemon_sets;
  std::map<std::string, node_shape> nodes;
  std::map<std::string, quota_shape> quotas;
  std::map<std::string, k8s::policy::v1::PodDisruptionBudget> budgets;
  std::map<std::string, k8s::batch::v1::Job> jobs;
  std::set<std::string> ending_spaces; ///< namespaces that are being deleted

  /// Pods of an owner, by its uid.
  std::vector<const pod_shape*> pods_of(const std::string& owner_uid) const;
  const set_shape* set_of(const pod_shape& pod) const;
  const deployment_shape* deployment_of(const set_shape& set) const;
  std::vector<const set_shape*> sets_of(const deployment_shape& d) const;
  /// All pods of a deployment's sets.
  std::vector<const pod_shape*> pods_of(const deployment_shape& d) const;

private:
  void put(const storage::entry& entry, nanoseconds now);
  void erase(const std::string& key);
};

/// What an entry of a pod says.
pod_shape shape_of_pod(const storage::entry& entry);

} // namespace troupe::sim
