#include "storage/live_state.hpp"

#include <algorithm>

namespace troupe::storage {

struct live_state::group {
  std::string_view resource;
  std::shared_ptr<event_ring> ring;
  std::vector<event_ptr> events;
  uint64_t end_number = 0;
};

void live_state::reset(state loaded) {
  std::lock_guard lock{rings_mutex_};
  for (auto& [_, ring] : rings_) ring->forget(loaded.revision);
  working_ = std::move(loaded);
  unpublished_.clear();
  covered_after_ = working_.revision;
  published_.publish(snapshot{working_});
  settled_.store(working_.revision, std::memory_order_release);
}

outcome live_state::apply(transaction change, uint64_t term) {
  return storage::apply(working_, std::move(change), term, unpublished_);
}

std::vector<event_ptr> live_state::publish() {
  auto events = std::exchange(unpublished_, {});
  if (events.empty()) return events;
  // A watcher that hears of a change finds it in the current snapshot.
  published_.publish(snapshot{working_});
  auto groups = grouped(events);
  for (auto& x : groups) x.end_number = x.ring->append(x.events);
  settled_.store(working_.revision, std::memory_order_release);
  for (auto& x : groups) x.ring->wake(x.events, x.end_number);
  return events;
}

result<watch> live_state::subscribe(watch_options options) {
  {
    std::lock_guard lock{rings_mutex_};
    if (rings_.size() >= rings_max && !rings_.contains(options.resource))
      return error{errc::too_many_requests,
                   "more than " + std::to_string(rings_max) + " resources"};
  }
  auto of = ring(options.resource);
  return of->subscribe(std::move(options));
}

std::shared_ptr<event_ring> live_state::ring(std::string_view resource) {
  std::lock_guard lock{rings_mutex_};
  auto at = rings_.find(resource);
  if (at == rings_.end())
    at = rings_.emplace(resource, std::make_shared<event_ring>(limits_, covered_after_, settled_))
             .first;
  return at->second;
}

/// Parts the events of a batch by resource, keeping their order. Few resources: a linear search.
std::vector<live_state::group> live_state::grouped(const std::vector<event_ptr>& events) {
  std::vector<group> groups;
  for (auto& x : events) {
    auto resource = resource_of(x->now->key());
    auto at = std::ranges::find(groups, resource, &group::resource);
    if (at == groups.end()) at = groups.insert(at, group{resource, ring(resource)});
    at->events.push_back(x);
  }
  return groups;
}

} // namespace troupe::storage
