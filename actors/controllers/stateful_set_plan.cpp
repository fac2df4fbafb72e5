#include "actors/controllers/stateful_set_plan.hpp"

#include "actors/controllers/deployment_sizes.hpp"

#include <algorithm>

namespace troupe::controllers {

using k8s::apps::v1::StatefulSet;
using k8s::apps::v1::StatefulSetStatus;

namespace {

constexpr const char* revision_label = "controller-revision-hash";
constexpr const char* name_label = "statefulset.kubernetes.io/pod-name";
constexpr const char* index_label = "apps.kubernetes.io/pod-index";

struct numbered {
  int ordinal;
  const pod_view* pod;
};

/// The pods by number, from the first one wanted on; null where there is none. And those beyond.
struct ranks {
  int first = 0;
  std::vector<const pod_view*> wanted;
  std::vector<numbered> surplus; ///< the highest number first
};

ranks ranks_of(const stateful_set_view& v) {
  ranks out;
  out.first = v.set.spec().ordinals().start();
  out.wanted.resize(static_cast<size_t>(std::max(v.set.spec().replicas(), 0)));
  for (auto p : v.pods) {
    auto number = ordinal_of(v.set.metadata().name(), p->name);
    if (!number) continue;
    auto slot = *number - out.first;
    if (slot >= 0 && slot < static_cast<int>(out.wanted.size()))
      out.wanted[static_cast<size_t>(slot)] = p;
    else
      out.surplus.push_back({*number, p});
  }
  std::sort(out.surplus.begin(), out.surplus.end(),
            [](auto& a, auto& b) { return a.ordinal > b.ordinal; });
  return out;
}

bool rolls(const StatefulSet& set) { return set.spec().update_strategy().type() != "OnDelete"; }

int partition_of(const StatefulSet& set) {
  return set.spec().update_strategy().rolling_update().partition();
}

/// The revision that a pod with this number is made from when there is none: below the partition of
/// a rollout the present one, otherwise the new one.
std::string_view revision_for(const stateful_set_view& v, int ordinal) {
  auto& status = v.set.status();
  auto slot = ordinal - v.set.spec().ordinals().start();
  bool keeps = rolls(v.set) && slot < partition_of(v.set) && !status.current_revision().empty();
  return keeps ? std::string_view(status.current_revision()) : v.update_revision;
}

std::string claim_name(const StatefulSet& set, const std::string& wanted, int ordinal) {
  return wanted + "-" + set.metadata().name() + "-" + std::to_string(ordinal);
}

class step {
public:
  explicit step(const stateful_set_view& v)
      : v{v}, in_order{v.set.spec().pod_management_policy() != "Parallel"}, r{ranks_of(v)} {}

  std::vector<stateful_set_action> run() {
    if (v.set.metadata().has_deletion_timestamp()) return {};
    if (fill() && shrink() && rolls(v.set)) renew();
    return std::move(actions);
  }

private:
  bool available(const pod_view& p) const {
    return p.phase == pod_phase::running && p.available(v.set.spec().min_ready_seconds(), v.now);
  }

  bool healthy(const pod_view& p) {
    if (p.going) return false;
    if (available(p)) return true;
    if (p.ready) actions.push_back(await_ready{p.available_at(v.set.spec().min_ready_seconds())});
    return false;
  }

  /// Every number has a living pod, the lowest first. False if something has to happen first.
  bool fill() {
    for (size_t i = 0; i < r.wanted.size(); ++i) {
      auto p = r.wanted[i];
      auto ordinal = r.first + static_cast<int>(i);
      if (!p) {
        actions.push_back(create_numbered{ordinal, revision_for(v, ordinal)});
        if (in_order) return false;
      } else if (p->going) {
        if (in_order) return false; // its successor has its name and has to wait
      } else if (p->finished()) {
        actions.push_back(delete_numbered{p});
        if (in_order) return false;
      } else if (in_order && !healthy(*p)) {
        return false;
      } else if (p->label(name_label) != p->name) {
        actions.push_back(restore_labels{p});
      }
    }
    return true;
  }

  /// What is beyond goes, the highest number first. In order, one that is sick holds up those below
  /// it, and is itself held up by a sick one with a lower number, which may need it.
  bool shrink() {
    if (r.surplus.empty()) return true;
    if (in_order) return shrink_by_one(*r.surplus.front().pod), false;
    for (auto& [ordinal, p] : r.surplus)
      if (!p->going) actions.push_back(delete_numbered{p});
    return true;
  }

  void shrink_by_one(const pod_view& highest) {
    if (highest.going) return;
    auto lowest_sick = std::find_if(r.surplus.rbegin(), r.surplus.rend(),
                                    [&](auto& x) { return !healthy(*x.pod); });
    if (lowest_sick == r.surplus.rend() || lowest_sick->pod == &highest || healthy(highest))
      actions.push_back(delete_numbered{&highest});
  }

  bool outdated(const pod_view& p) const { return p.label(revision_label) != v.update_revision; }

  /// Pods of another revision go, the highest number first.
  void renew() {
    auto& rolling = v.set.spec().update_strategy().rolling_update();
    auto replicas = static_cast<int>(r.wanted.size());
    auto last = std::max(partition_of(v.set), 0);
    if (!rolling.has_max_unavailable()) return renew_one(replicas, last);
    renew_some(replicas, last, std::max(resolve(rolling.max_unavailable(), replicas, false), 1));
  }

  /// One at a time, each when those above it serve. What is below does not matter, nor whether the
  /// one that goes serves anybody.
  void renew_one(int replicas, int last) {
    for (int i = replicas - 1; i >= last; --i) {
      auto p = r.wanted[static_cast<size_t>(i)];
      if (!p || p->finished()) return;
      if (outdated(*p) && !p->going) return actions.push_back(delete_numbered{p});
      if (!healthy(*p)) return;
    }
  }

  /// As many as may be missing.
  void renew_some(int replicas, int last, int room) {
    for (auto p : r.wanted)
      if (!p || p->going || p->finished() || !healthy(*p)) --room;
    for (int i = replicas - 1; i >= last; --i) {
      auto p = r.wanted[static_cast<size_t>(i)];
      if (!p || p->going || p->finished() || !outdated(*p)) continue;
      // A sick pod of the old revision is not waited for: its replacement may heal it.
      bool sick = !healthy(*p);
      if (!sick && room <= 0) continue;
      actions.push_back(delete_numbered{p});
      if (!sick) --room;
    }
  }

  const stateful_set_view& v;
  bool in_order;
  ranks r;
  std::vector<stateful_set_action> actions;
};

} // namespace

std::optional<int> ordinal_of(std::string_view set, std::string_view pod) {
  constexpr size_t digits_max = 9;
  if (pod.size() <= set.size() + 1 || !pod.starts_with(set) || pod[set.size()] != '-') return {};
  auto digits = pod.substr(set.size() + 1);
  if (digits.size() > digits_max || (digits.size() > 1 && digits[0] == '0')) return {};
  int out = 0;
  for (auto c : digits) {
    if (c < '0' || c > '9') return {};
    out = out * 10 + (c - '0');
  }
  return out;
}

std::vector<stateful_set_action> plan(const stateful_set_view& observed) {
  return step{observed}.run();
}

StatefulSetStatus status_of(const stateful_set_view& v) {
  auto status = v.set.status();
  if (status.current_revision().empty()) status.set_current_revision(v.update_revision);
  status.set_update_revision(v.update_revision);
  int replicas = 0, ready = 0, available = 0, current = 0, updated = 0;
  for (auto p : v.pods) {
    if (!ordinal_of(v.set.metadata().name(), p->name)) continue;
    ++replicas;
    if (p->phase == pod_phase::running && p->ready) {
      ++ready;
      available += p->available(v.set.spec().min_ready_seconds(), v.now);
    }
    if (p->going) continue;
    current += p->label(revision_label) == status.current_revision();
    updated += p->label(revision_label) == v.update_revision;
  }
  auto wanted = v.set.spec().replicas();
  if (rolls(v.set) && updated == wanted && replicas == wanted && ready == wanted) {
    status.set_current_revision(v.update_revision); // the rollout is over
    current = updated;
  }
  status.set_replicas(replicas);
  auto put = [&](int value, auto set, auto clear) {
    value ? (status.*set)(value) : (status.*clear)();
  };
  put(ready, &StatefulSetStatus::set_ready_replicas, &StatefulSetStatus::clear_ready_replicas);
  put(current, &StatefulSetStatus::set_current_replicas,
      &StatefulSetStatus::clear_current_replicas);
  put(updated, &StatefulSetStatus::set_updated_replicas,
      &StatefulSetStatus::clear_updated_replicas);
  status.set_available_replicas(available);
  status.set_collision_count(v.set.status().collision_count());
  status.set_observed_generation(v.set.metadata().generation());
  return status;
}

void give_labels(k8s::core::v1::Pod& pod, int ordinal) {
  auto& m = *pod.mutable_metadata();
  (*m.mutable_labels())[name_label] = m.name();
  (*m.mutable_labels())[index_label] = std::to_string(ordinal);
}

void give_identity(k8s::core::v1::Pod& pod, const StatefulSet& set, int ordinal,
                   const std::string& revision) {
  auto& m = *pod.mutable_metadata();
  m.clear_generate_name();
  m.set_name(set.metadata().name() + "-" + std::to_string(ordinal));
  give_labels(pod, ordinal);
  (*m.mutable_labels())[revision_label] = revision;
  auto& spec = *pod.mutable_spec();
  spec.set_hostname(m.name());
  spec.set_subdomain(set.spec().service_name());
  auto& volumes = *spec.mutable_volumes();
  for (auto& wanted : set.spec().volume_claim_templates()) {
    auto& name = wanted.metadata().name();
    volumes.erase(
        std::remove_if(volumes.begin(), volumes.end(), [&](auto& x) { return x.name() == name; }),
        volumes.end());
    auto& volume = *volumes.Add();
    volume.set_name(name);
    volume.mutable_volume_source()->mutable_persistent_volume_claim()->set_claim_name(
        claim_name(set, name, ordinal));
  }
}

std::vector<k8s::core::v1::PersistentVolumeClaim> claims_of(const StatefulSet& set, int ordinal) {
  std::vector<k8s::core::v1::PersistentVolumeClaim> out;
  for (auto& wanted : set.spec().volume_claim_templates()) {
    auto claim = wanted;
    auto& m = *claim.mutable_metadata();
    m.set_name(claim_name(set, wanted.metadata().name(), ordinal));
    m.set_namespace_(set.metadata().namespace_());
    for (auto& [key, value] : set.spec().selector().match_labels())
      (*m.mutable_labels())[key] = value;
    claim.clear_status();
    out.push_back(std::move(claim));
  }
  return out;
}

claim_owner claim_owner_of(const StatefulSet& set, int ordinal) {
  auto& policy = set.spec().persistent_volume_claim_retention_policy();
  auto slot = ordinal - set.spec().ordinals().start();
  bool surplus = slot < 0 || slot >= set.spec().replicas();
  if (surplus && policy.when_scaled() == "Delete") return claim_owner::pod;
  return policy.when_deleted() == "Delete" ? claim_owner::set : claim_owner::nobody;
}

} // namespace troupe::controllers
