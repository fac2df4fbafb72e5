#include "actors/scheduler/preemption.hpp"

#include <algorithm>
#include <limits>

namespace troupe::scheduler {

namespace {

constexpr size_t candidates_min = 100; // enough of them are compared, not all
constexpr size_t candidates_share = 10;

constexpr const char* no_help = "Preemption is not helpful for scheduling";
constexpr const char* no_victims = "No preemption victims found for incoming pod";

/// Who stays if not all can: the more important one, then the one that has been there for longer.
bool more_important(const pod_ptr& a, const pod_ptr& b) {
  auto x = a->form->priority, y = b->form->priority;
  if (x != y) return x > y;
  if (a->started != b->started) return a->started < b->started;
  return a->key() < b->key();
}

void say(verdict& why, const std::map<std::string, size_t>& reasons) {
  verdict as_text;
  as_text.nodes = why.nodes;
  as_text.reasons = reasons;
  why.preemption = as_text.message();
}

} // namespace

void preemptor::put_budget(std::string_view key, disruption_budget budget) {
  budgets_[std::string(key)] = std::move(budget);
}

void preemptor::erase_budget(std::string_view key) {
  if (auto hit = budgets_.find(key); hit != budgets_.end()) budgets_.erase(hit);
}

std::vector<bool> preemptor::protected_by_budget(const std::vector<pod_ptr>& victims) const {
  std::vector<bool> out(victims.size());
  if (budgets_.empty()) return out;
  std::unordered_map<const disruption_budget*, int> left;
  for (size_t i = 0; i < victims.size(); ++i) {
    auto& pod = *victims[i];
    for (auto& [key, b] : budgets_) {
      if (b.ns != pod.ns() || b.pods.empty() || b.disturbed.contains(std::string(pod.name())))
        continue;
      if (!b.pods.matches([&](const std::string& k) { return pod.entry->label(k); })) continue;
      auto& room = left.try_emplace(&b, b.allowed).first->second;
      if (--room < 0) out[i] = true;
    }
  }
  return out;
}

std::optional<preemptor::candidate> preemptor::try_node(const pod_facts& pod, node_index n,
                                                        verdict& why) {
  std::vector<pod_ptr> victims;
  for (auto& p : table_.pods(n))
    if (p->form->priority < pod.form->priority) victims.push_back(p);
  if (victims.empty()) {
    ++why.reasons[no_victims];
    return {};
  }
  std::sort(victims.begin(), victims.end(), more_important);
  std::string node(table_.name(n));
  for (auto& v : victims) table_.erase_pod(v->key());
  auto restore = [&](const std::vector<pod_ptr>& pods) {
    for (auto& p : pods) table_.put_pod(p, node);
  };
  if (auto f = places_.fault_at(pod, n)) {
    for (auto& r : f.reasons) ++why.reasons[r];
    restore(victims);
    return {};
  }
  // Back they come, the protected ones first, as long as the pod still fits.
  auto is_protected = protected_by_budget(victims);
  candidate out;
  out.way.where = n;
  out.highest = std::numeric_limits<int32_t>::min();
  for (bool round_of_protected : {true, false})
    for (size_t i = 0; i < victims.size(); ++i) {
      if (is_protected[i] != round_of_protected) continue;
      table_.put_pod(victims[i], node);
      if (places_.fits(pod, n)) continue;
      table_.erase_pod(victims[i]->key());
      out.way.victims.push_back(victims[i]);
      out.budgets_broken += round_of_protected;
    }
  restore(out.way.victims);
  for (auto& v : out.way.victims) {
    auto p = v->form->priority;
    out.sum += int64_t{p} - std::numeric_limits<int32_t>::min();
    if (p > out.highest) {
      out.highest = p;
      out.latest_start = v->started;
    } else if (p == out.highest) {
      out.latest_start = std::min(out.latest_start, v->started);
    }
  }
  return out;
}

bool preemptor::better(const candidate& a, const candidate& b) {
  if (a.budgets_broken != b.budgets_broken) return a.budgets_broken < b.budgets_broken;
  if (a.highest != b.highest) return a.highest < b.highest;
  if (a.sum != b.sum) return a.sum < b.sum;
  if (a.way.victims.size() != b.way.victims.size())
    return a.way.victims.size() < b.way.victims.size();
  return a.latest_start > b.latest_start;
}

bool preemptor::eligible(const pod_facts& pod, verdict& why) const {
  if (!pod.form->may_preempt) {
    why.preemption = "not eligible due to preemptionPolicy=Never.";
    return false;
  }
  auto n = pod.nominated.empty() ? no_node : table_.find(pod.nominated);
  // A node that nobody's going would open is no reason to wait.
  if (std::find(why.open.begin(), why.open.end(), n) == why.open.end()) return true;
  for (auto& p : table_.pods(n))
    if (p->going && p->preempted && p->form->priority < pod.form->priority) {
      why.preemption = "not eligible due to a terminating pod on the nominated node.";
      return false;
    }
  return true;
}

std::optional<preemption> preemptor::plan(const pod_facts& pod, verdict& why) {
  verdict tried;
  tried.nodes = why.nodes;
  tried.reasons[no_help] = why.nodes - why.open.size();
  if (tried.reasons[no_help] == 0) tried.reasons.clear();
  // Nobody is less important: no need to look at each node.
  if (table_.lowest_priority() >= pod.form->priority) {
    if (!why.open.empty()) tried.reasons[no_victims] = why.open.size();
    say(why, tried.reasons);
    return {};
  }
  auto enough = std::max(candidates_min, why.nodes / candidates_share);
  std::optional<candidate> best;
  size_t found = 0;
  for (auto n : why.open) {
    auto c = try_node(pod, n, tried);
    if (!c) continue;
    if (!best || better(*c, *best)) best = std::move(c);
    if (++found >= enough && best->budgets_broken == 0) break;
  }
  if (best) return std::move(best->way);
  say(why, tried.reasons);
  return {};
}

} // namespace troupe::scheduler
