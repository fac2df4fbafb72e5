#include "actors/scheduler/pod_queue.hpp"

#include "storage/labels.hpp"

#include <algorithm>

namespace troupe::scheduler {

void pod_queue::activate(item& i) {
  leave(i);
  i.at = state::active;
  active_.emplace(place(i), &i);
}

void pod_queue::leave(item& i) {
  if (i.at == state::active) {
    active_.erase(place(i));
  } else if (i.at == state::parked) {
    auto list = parked_.find(i.pod->form.get());
    list->second.erase(place(i));
    --parked_count_;
    if (list->second.empty()) parked_.erase(list);
    told_.erase({i.failed, &i});
  } else if (i.at == state::backing_off) {
    for (auto [x, end] = waiting_.equal_range(i.due); x != end; ++x)
      if (x->second == &i) {
        waiting_.erase(x);
        break;
      }
  }
  i.at = state::out;
}

void pod_queue::park(item& i) {
  i.at = state::parked;
  parked_[i.pod->form.get()].emplace(place(i), &i);
  ++parked_count_;
  if (!i.pod->gated) told_.emplace(i.failed, &i);
}

void pod_queue::put(pod_ptr pod) {
  auto [hit, fresh] = all_.try_emplace(std::string(pod->key()));
  auto& i = hit->second;
  if (fresh) {
    i.number = ++numbers_;
    i.at = state::out;
    i.pod = std::move(pod);
    return activate(i);
  }
  bool same = i.pod->uid == pod->uid && i.pod->gated == pod->gated && i.pod->form == pod->form &&
              i.pod->claims == pod->claims && storage::same_labels(*i.pod->entry, *pod->entry);
  auto before = i.at;
  if (!same) i.attempts = 0;
  if (same && before == state::out) {
    i.pod = std::move(pod);
    return;
  }
  leave(i);
  i.pod = std::move(pod);
  if (!same || before == state::active) return activate(i);
  if (before == state::parked) return park(i);
  i.at = before;
  waiting_.emplace(i.due, &i);
}

void pod_queue::erase(std::string_view key) {
  auto hit = all_.find(std::string(key));
  if (hit == all_.end()) return;
  leave(hit->second);
  all_.erase(hit);
}

pod_ptr pod_queue::pop() {
  if (active_.empty()) return nullptr;
  auto& i = *active_.begin()->second;
  leave(i);
  return i.pod;
}

void pod_queue::park(std::string_view key, filter_set reasons, moment now) {
  auto hit = all_.find(std::string(key));
  if (hit == all_.end()) return;
  auto& i = hit->second;
  leave(i);
  ++i.attempts;
  i.reasons = reasons;
  i.failed = now;
  park(i);
}

void pod_queue::retry(std::string_view key, moment now) {
  auto hit = all_.find(std::string(key));
  if (hit == all_.end()) return;
  auto& i = hit->second;
  leave(i);
  ++i.attempts;
  i.failed = now;
  after_back_off(i, now);
}

/// The first hope costs nothing; every one that was in vain makes the next wait longer.
void pod_queue::after_back_off(item& i, moment now) {
  moment delay{0};
  if (i.attempts > 1)
    delay = std::min<moment>(back_off_first * (1 << std::min(i.attempts - 2, 10)), back_off_max);
  i.due = i.failed + delay;
  if (i.due <= now) return activate(i);
  i.at = state::backing_off;
  waiting_.emplace(i.due, &i);
}

void pod_queue::help(const std::function<bool(const pod_facts&, filter_set)>& visit, moment now) {
  std::vector<item*> helped;
  for (auto& [form, items] : parked_) {
    // Pods of one shape have the same chances, unless they have volumes of their own.
    bool alike = items.begin()->second->pod->claims.empty();
    bool helps = alike && visit(*items.begin()->second->pod, items.begin()->second->reasons);
    for (auto& [place, i] : items)
      if (alike ? helps : visit(*i->pod, i->reasons)) helped.push_back(i);
  }
  for (auto i : helped) {
    leave(*i);
    after_back_off(*i, now);
  }
}

std::optional<moment> pod_queue::wake(moment now) {
  while (!waiting_.empty() && waiting_.begin()->first <= now) activate(*waiting_.begin()->second);
  while (!told_.empty() && told_.begin()->first + parked_max <= now)
    activate(*told_.begin()->second);
  std::optional<moment> next;
  if (!waiting_.empty()) next = waiting_.begin()->first;
  if (!told_.empty() && (!next || told_.begin()->first + parked_max < *next))
    next = told_.begin()->first + parked_max;
  return next;
}

} // namespace troupe::scheduler
