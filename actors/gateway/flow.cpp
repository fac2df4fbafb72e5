#include "actors/gateway/flow.hpp"

namespace troupe::gateway {

flow_control::entry flow_control::enter(flow_kind kind, const std::string& user,
                                        std::function<void()> later) {
  std::lock_guard hold{mutex_};
  auto& lane = of(kind);
  if (kind == flow_kind::watching) {
    auto& own = watching_[user];
    if (limits_.watching_of_user > 0 && own >= limits_.watching_of_user) {
      ++lane.refused;
      return entry::refuse;
    }
    ++own;
    ++lane.running;
    return entry::go;
  }
  auto limit = kind == flow_kind::reading ? limits_.reading : limits_.writing;
  // Who comes while others wait does not overtake them.
  if (limit == 0 || (lane.running < limit && lane.waiting == 0)) {
    ++lane.running;
    return entry::go;
  }
  auto queue = lane.queues.find(user);
  if (lane.waiting >= limits_.waiting || limits_.waiting_of_user == 0 ||
      (queue != lane.queues.end() && queue->second.size() >= limits_.waiting_of_user)) {
    ++lane.refused;
    return entry::refuse;
  }
  if (queue == lane.queues.end()) queue = lane.queues.try_emplace(user).first;
  queue->second.push_back(std::move(later));
  ++lane.waiting;
  return entry::wait;
}

std::function<void()> flow_control::leave(flow_kind kind, const std::string& user) {
  std::lock_guard hold{mutex_};
  auto& lane = of(kind);
  --lane.running;
  if (kind == flow_kind::watching) {
    if (auto own = watching_.find(user); own != watching_.end() && --own->second == 0)
      watching_.erase(own);
    return {};
  }
  if (lane.waiting == 0) return {};
  auto next = lane.queues.upper_bound(lane.last);
  if (next == lane.queues.end()) next = lane.queues.begin();
  lane.last = next->first;
  auto turn = std::move(next->second.front());
  next->second.pop_front();
  if (next->second.empty()) lane.queues.erase(next);
  --lane.waiting;
  ++lane.running;
  return turn;
}

flow_control::counts flow_control::count(flow_kind kind) const {
  std::lock_guard hold{mutex_};
  auto& lane = lanes_[static_cast<int>(kind)];
  return {lane.running, lane.waiting, lane.refused};
}

} // namespace troupe::gateway
