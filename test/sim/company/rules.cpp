#include "test/sim/company/rules.hpp"

#include "messages/base/selector.hpp"

#include <algorithm>

namespace troupe::sim {

namespace {

/// The number at the end of a stateful pod's name.
int ordinal_of(const pod_shape& p) { return std::atoi(p.name.c_str() + p.name.rfind('-') + 1); }

bool is_well(const pod_shape& p) { return p.counts() && p.ready; }

template<class Shape>
const Shape* owner_of(const std::map<std::string, Shape>& in, const char* resource,
                      const pod_shape& p) {
  auto hit = in.find(std::string(resource) + "/" + p.ns + "/" + p.controller.name);
  return hit == in.end() || hit->second.uid != p.controller.uid ? nullptr : &hit->second;
}

int share(const k8s::base::IntOrString& v, int whole) {
  if (v.type() == 0) return v.int_val();
  return (whole * std::atoi(v.str_val().c_str()) + 99) / 100;
}

} // namespace

bool covers(const k8s::policy::v1::PodDisruptionBudget& b, const pod_shape& p) {
  auto selector = label_selector::from(b.spec().selector());
  return selector && b.metadata().namespace_() == p.ns && selector->matches_map(p.labels);
}

int healthy_wanted(const k8s::policy::v1::PodDisruptionBudget& b, const scene& there,
                   nanoseconds now) {
  int expected = 0;
  std::set<std::string> seen;
  for (auto& [_, p] : there.pods) {
    if (!covers(b, p) || p.over) continue;
    auto set = there.set_of(p);
    auto d = set ? there.deployment_of(*set) : nullptr;
    auto s = owner_of(there.stateful_sets, "statefulsets.apps", p);
    auto uid = d ? d->uid : set ? set->uid : s ? s->uid : std::string{};
    if (!seen.insert(uid).second) continue;
    expected += d     ? d->replicas.least(now)
                : set ? set->replicas.least(now)
                : s   ? s->replicas.least(now)
                      : 0;
  }
  if (b.spec().has_max_unavailable())
    return std::max(expected - share(b.spec().max_unavailable(), expected), 0);
  return share(b.spec().min_available(), expected);
}

void rules::fail(const std::string& what) const { throw broken_rule{what}; }

void rules::blind(nanoseconds away) {
  auto now = clock_();
  if (now > blind_until_) blind_since_ = now - reaction_time;
  blind_until_ = std::max(blind_until_, now + away + reaction_time);
}

void rules::hear(const std::vector<storage::event_ptr>& events) {
  auto now = clock_();
  latest_wall_ = std::max(latest_wall_, wall_());
  std::vector<std::pair<std::string, std::optional<pod_shape>>> pods_before;
  std::vector<std::pair<std::string, int>> sizes_before;
  std::map<std::string, std::string> revisions_before;
  for (auto& e : events) {
    std::string key(e->now->key());
    if (auto s = scene_.stateful_sets.find(key); s != scene_.stateful_sets.end())
      revisions_before[key] = s->second.revision;
    if (key.starts_with("pods/")) {
      auto hit = scene_.pods.find(key);
      pods_before.emplace_back(key,
                               hit == scene_.pods.end() ? std::optional<pod_shape>{} : hit->second);
    } else if (key.starts_with("replicasets.apps/")) {
      auto hit = scene_.sets.find(key);
      sizes_before.emplace_back(key, hit == scene_.sets.end() ? 0 : hit->second.replicas.latest());
    }
  }
  scene_.hear(events, now);
  crons_.hear(events, scene_, now);
  volumes_.hear(events, scene_, now);
  for (auto& [key, was] : pods_before) {
    ++checked;
    auto hit = scene_.pods.find(key);
    pod_changed(was ? &*was : nullptr, hit == scene_.pods.end() ? nullptr : &hit->second);
  }
  preemption_.hear(
      events, scene_, now, [this](auto& which) { return lost_lately(true, which); },
      now > blind_until_);
  for (auto& [key, was] : sizes_before) {
    auto hit = scene_.sets.find(key);
    if (hit != scene_.sets.end()) set_resized(hit->second, was);
  }
  for (auto& [key, was] : revisions_before) {
    auto hit = scene_.stateful_sets.find(key);
    if (hit != scene_.stateful_sets.end() && !was.empty() && hit->second.revision != was)
      stateful_moved_on(hit->second, was);
  }
}

void rules::pod_changed(const pod_shape* was, const pod_shape* is) {
  if (was && is && was->uid != is->uid) fail(is->key + " became another one without having gone");
  if (is && is->preempted) excuse(is->uid);
  if (was && is && !was->node.empty() && was->node != is->node)
    fail(is->key + " was on " + was->node + " and is on " + is->node);
  if (was &&
      ((is_well(*was) && (!is || !is_well(*is))) || (was->counts() && (!is || !is->counts())))) {
    bool sent = !is || is->going;
    bool by_controller = sent && !excused(*was);
    lost_.push_back({clock_(), *was, by_controller});
    while (lost_.size() > 1 && lost_.front().when + reaction_time < clock_() &&
           (clock_() > blind_until_ || lost_.front().when < blind_since_))
      lost_.pop_front();
  }
  if (!was && is) pod_made(*is);
  if (is && !is->node.empty() && (!was || was->node.empty())) pod_bound(*is);
  if (was && was->counts() && (!is || is->going) && !excused(*was)) pod_sent_away(*was);
}

bool rules::excused(const pod_shape& p) const {
  if (excused_.contains(p.uid) || scene_.ending_spaces.contains(p.ns)) return true;
  auto node = scene_.nodes.find("nodes//" + p.node);
  return !p.node.empty() && (node == scene_.nodes.end() || node->second.sends_away);
}

int rules::lost_lately(bool by_controllers_too,
                       const std::function<bool(const pod_shape&)>& which) const {
  auto now = clock_();
  int out = 0;
  for (auto& x : lost_)
    if ((x.when + reaction_time >= now || (now <= blind_until_ && x.when >= blind_since_)) &&
        (by_controllers_too || !x.by_controller) && which(x.pod))
      ++out;
  return out;
}

void rules::pod_made(const pod_shape& p) {
  auto now = clock_();
  if (auto set = scene_.set_of(p)) {
    auto pods = scene_.pods_of(set->uid);
    auto active = std::count_if(pods.begin(), pods.end(), [](auto x) { return x->counts(); });
    if (active > set->replicas.most(now))
      fail(p.key + " is one too many: " + std::to_string(active) + " for " + set->key +
           ", which wants " + std::to_string(set->replicas.most(now)));
    // A set replaces what it loses by itself; and who is paused only follows its size.
    if (auto d = scene_.deployment_of(*set);
        d && recreates(*d) && !d->paused && !set->replicas.steady(now))
      for (auto other : scene_.pods_of(*d))
        if (other->controller.uid != set->uid && !other->over)
          fail(p.key + " was made while " + other->key + " of an older version is still there");
  }
  if (auto s = owner_of(scene_.stateful_sets, "statefulsets.apps", p))
    if (ordinal_of(p) < s->partition.least(now) && !s->revision.empty() &&
        p.revision != s->revision)
      fail(p.key + " was made of " + p.revision + ", but those below the partition are of " +
           s->revision);
  if (auto s = owner_of(scene_.stateful_sets, "statefulsets.apps", p); s && s->ordered)
    for (int i = 0; i < ordinal_of(p); ++i) {
      auto name = s->name + "-" + std::to_string(i);
      auto hit = scene_.pods.find("pods/" + s->ns + "/" + name);
      bool well = hit != scene_.pods.end() && is_well(hit->second);
      if (!well && lost_lately(false, [&](auto& x) { return x.name == name; }) == 0)
        fail(p.key + " was made although " + name + " is not ready");
    }
  for (auto& [_, q] : scene_.quotas) {
    if (q.ns != p.ns) continue;
    int pods = 0, cpu = 0;
    auto overdue = [&](auto& x) {
      return x.charged_until && latest_wall_ > timestamp{*x.charged_until, 0};
    };
    for (auto& [_, x] : scene_.pods)
      if (x.ns == q.ns && !x.over && !overdue(x)) ++pods, cpu += x.cpu_milli;
    if (pods > q.pods.most(now) || cpu > q.cpu_milli.most(now))
      fail(p.key + " goes beyond " + q.key + ": " + std::to_string(pods) + " pods of " +
           std::to_string(q.pods.most(now)) + ", " + std::to_string(cpu) + "m of " +
           std::to_string(q.cpu_milli.most(now)) + "m");
  }
}

/// Whether the deployment has been one that recreates for long enough to be held to it.
bool rules::recreates(const deployment_shape& d) const {
  return !d.rolls && d.replicas.steady(clock_());
}

void rules::pod_bound(const pod_shape& p) {
  auto node = scene_.nodes.find("nodes//" + p.node);
  if (node == scene_.nodes.end()) return; // it has just gone
  int pods = 0, cpu = 0;
  for (auto& [_, x] : scene_.pods)
    if (x.node == p.node && !x.over) ++pods, cpu += x.cpu_milli;
  if (pods > node->second.pods_max || cpu > node->second.cpu_milli)
    fail(p.key + " is too much for " + p.node + ": " + std::to_string(pods) + " pods of " +
         std::to_string(node->second.pods_max) + ", " + std::to_string(cpu) + "m of " +
         std::to_string(node->second.cpu_milli) + "m");
  if (auto d = owner_of(scene_.daemon_sets, "daemonsets.apps", p)) {
    auto all = scene_.pods_of(d->uid);
    auto here = std::count_if(all.begin(), all.end(),
                              [&](auto x) { return x->node == p.node && x->counts(); });
    if (here > 1 + (d->surge.most(clock_()) > 0 ? 1 : 0))
      fail(p.key + " is the " + std::to_string(here) + ". of its daemon set on " + p.node);
  }
}

void rules::pod_sent_away(const pod_shape& p) {
  auto now = clock_();
  if (auto set = scene_.set_of(p); set && !set->going) {
    auto pods = scene_.pods_of(set->uid);
    auto left = std::count_if(pods.begin(), pods.end(), [](auto x) { return x->counts(); });
    auto lost = lost_lately(false, [&](auto& x) { return x.controller.uid == set->uid; });
    if (left + lost < set->replicas.least(now))
      fail(p.key + " was sent away, which leaves " + std::to_string(left) + " to " + set->key +
           " of " + std::to_string(set->replicas.least(now)));
  }
  if (!p.ready) return;
  if (auto s = owner_of(scene_.stateful_sets, "statefulsets.apps", p); s && !s->going)
    stateful_pod_sent_away(*s, p);
  if (auto d = owner_of(scene_.daemon_sets, "daemonsets.apps", p);
      d && !d->going && d->surge.most(now) == 0) {
    int without = 0;
    auto pods = scene_.pods_of(d->uid);
    for (auto& [_, n] : scene_.nodes)
      if (n.ready && n.ready_since + reaction_time < now &&
          std::none_of(pods.begin(), pods.end(),
                       [&](auto x) { return x->node == n.name && is_well(*x); }))
        ++without;
    auto lost = lost_lately(false, [&](auto& x) { return x.controller.uid == d->uid; });
    if (without - lost > std::max(d->unavailable.most(now), 1))
      fail(p.key + " was sent away, which leaves " + std::to_string(without) +
           " nodes without a pod of " + d->key);
  }
}

void rules::stateful_pod_sent_away(const stateful_shape& s, const pod_shape& p) {
  auto now = clock_();
  auto wanted = s.replicas.least(now);
  if (ordinal_of(p) < wanted) { // an update: one at a time, in parallel with no eye to those below
    if (ordinal_of(p) < s.partition.least(now))
      fail(p.key + " was sent away, although it is below the partition of " + s.key);
    int missing = 0;
    for (int i = s.ordered ? 0 : ordinal_of(p); i < wanted; ++i) {
      auto hit = scene_.pods.find("pods/" + s.ns + "/" + s.name + "-" + std::to_string(i));
      if (i != ordinal_of(p) && (hit == scene_.pods.end() || !is_well(hit->second))) ++missing;
    }
    if (missing - lost_lately(false, [&](auto& x) { return x.controller.uid == s.uid; }) > 0)
      fail(p.key + " was sent away while " + std::to_string(missing) + " others of " + s.key +
           " are missing");
    return;
  }
  if (!s.ordered || ordinal_of(p) < s.replicas.most(now)) return;
  for (auto x : scene_.pods_of(s.uid))
    if (x->counts() && ordinal_of(*x) > ordinal_of(p))
      fail(p.key + " was sent away before " + x->key);
}

/// The version that pods below a partition keep is another one only when none is left of it.
void rules::stateful_moved_on(const stateful_shape& s, const std::string& from) {
  for (auto p : scene_.pods_of(s.uid))
    if (p->counts() && p->revision == from && ordinal_of(*p) < s.replicas.least(clock_()))
      fail(s.key + " forgets " + from + ", of which " + p->key + " still is");
}

/// The bounds of a rollout are kept by whoever decides the sizes of its sets.
void rules::set_resized(const set_shape& s, int before) {
  auto now = clock_();
  auto size = s.replicas.latest();
  auto d = scene_.deployment_of(s);
  if (!d || d->going || size == before || !d->rolls) return;
  // Of those who have only just got ready, nobody knows whether they counted as available.
  int sum = 0, well = 0, sure = 0, sure_before = 0;
  for (auto set : scene_.sets_of(*d)) {
    int ready = 0, available = 0;
    for (auto p : scene_.pods_of(set->uid)) {
      if (!is_well(*p)) continue;
      ++ready;
      available += p->ready_since + set->min_ready + reaction_time < now;
    }
    sum += set->replicas.latest();
    well += std::min(ready, set->replicas.latest());
    sure += std::min(available, set->replicas.latest());
    sure_before += std::min(available, set == &s ? before : set->replicas.latest());
  }
  if (size > before && sum > d->most(now))
    fail(s.key + " grew from " + std::to_string(before) + " to " + std::to_string(size) +
         ", which makes " + std::to_string(sum) + " in all; " + std::to_string(d->most(now)) +
         " are allowed");
  auto lost = lost_lately(false, [&](auto& x) {
    auto of = scene_.set_of(x);
    return of && of->controller.uid == d->uid;
  });
  // A deployment that is resized, or takes over sets, shares its size out among them as they are.
  if (d->replicas.steady(now) && sure < sure_before && well + lost < d->least(now))
    fail(s.key + " shrank from " + std::to_string(before) + " to " + std::to_string(size) +
         ", which leaves " + std::to_string(well) + " ready; " + std::to_string(d->least(now)) +
         " are promised");
}

void rules::granted(const pod_shape& pod) {
  granted_.insert(pod.uid);
  if (!is_well(pod) || clock_() <= blind_until_) return;
  for (auto& [key, b] : scene_.budgets) {
    if (!covers(b, pod)) continue;
    int well = 0;
    for (auto& [_, p] : scene_.pods)
      if (is_well(p) && covers(b, p)) ++well;
    auto lost =
        lost_lately(true, [&](auto& x) { return !granted_.contains(x.uid) && covers(b, x); });
    auto wanted = healthy_wanted(b, scene_, clock_());
    if (well + lost < wanted)
      fail("the eviction of " + pod.key + " was granted, which leaves " + std::to_string(well) +
           " healthy; " + key + " wants " + std::to_string(wanted));
  }
}

} // namespace troupe::sim
