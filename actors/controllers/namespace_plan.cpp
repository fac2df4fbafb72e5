#include "actors/controllers/namespace_plan.hpp"

#include <map>

namespace troupe::controllers {

namespace {

std::string counted(const std::map<std::string, int>& counts, const char* between) {
  std::string out;
  for (auto& [name, count] : counts)
    out.append(out.empty() ? "" : ", ")
        .append(name)
        .append(between)
        .append(std::to_string(count))
        .append(" resource instances");
  return out;
}

} // namespace

std::vector<namespace_action> plan(const namespace_view& observed) {
  std::vector<namespace_action> actions;
  if (!observed.terminating || observed.released) return actions;
  std::map<std::string, int> remaining, holding;
  for (auto& c : observed.contents) {
    if (c.finalizers.empty() && !c.on_node) {
      actions.push_back(erase_object{c.key});
      continue;
    }
    ++remaining[c.resource];
    for (auto& f : c.finalizers) ++holding[f];
    if (!c.going) actions.push_back(mark_object{c.key});
  }
  if (!remaining.empty())
    actions.push_back(tell_remaining{counted(remaining, " has "), counted(holding, " in ")});
  else if (observed.contents.empty())
    actions.push_back(release_namespace{});
  return actions;
}

} // namespace troupe::controllers
