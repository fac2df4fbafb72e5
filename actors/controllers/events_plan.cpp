#include "actors/controllers/events_plan.hpp"

#include <algorithm>

namespace troupe::controllers {

std::vector<std::string> plan(std::vector<event_view> observed, timestamp now, size_t erased_max) {
  std::erase_if(observed, [&](auto& e) { return e.last_told + event_life.count() > now.seconds; });
  std::sort(observed.begin(), observed.end(),
            [](auto& a, auto& b) { return a.last_told < b.last_told; });
  std::vector<std::string> out;
  for (auto& e : observed)
    if (out.size() < erased_max) out.push_back(std::move(e.key));
  return out;
}

} // namespace troupe::controllers
