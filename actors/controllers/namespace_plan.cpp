#include "actors/controllers/namespace_plan.hpp"

#include "actors/controllers/conditions.hpp"

#include <algorithm>
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

/// "pods." or "widgets.example.com": a group follows the dot, and the oldest one has no name.
std::string with_group(const std::string& resource) {
  return resource.find('.') == resource.npos ? resource + "." : resource;
}

} // namespace

void put_progress(google::protobuf::RepeatedPtrField<k8s::core::v1::NamespaceCondition>& conditions,
                  const tell_remaining& remaining, timestamp now) {
  struct row {
    const char* type;
    std::string trouble;
    const char* reason; ///< of the trouble
    const char* good_reason;
    const char* good_message;
  };
  auto after = [](const char* head, const std::string& list) {
    return list.empty() ? "" : head + list;
  };
  // Kinds are never hidden from us here, and what is to go is taken from the store itself: the
  // first three can only be well.
  const row rows[] = {
      {"NamespaceDeletionDiscoveryFailure", "", "", "ResourcesDiscovered",
       "All resources successfully discovered"},
      {"NamespaceDeletionGroupVersionParsingFailure", "", "", "ParsedGroupVersions",
       "All legacy kube types successfully parsed"},
      {"NamespaceDeletionContentFailure", "", "", "ContentDeleted",
       "All content successfully deleted, may be waiting on finalization"},
      {"NamespaceContentRemaining", after("Some resources are remaining: ", remaining.what),
       "SomeResourcesRemain", "ContentRemoved", "All content successfully removed"},
      {"NamespaceFinalizersRemaining",
       after("Some content in the namespace has finalizers remaining: ", remaining.finalizers),
       "SomeFinalizersRemain", "ContentHasNoFinalizers",
       "All content-preserving finalizers finished"},
  };
  for (auto& r : rows) {
    bool well = r.trouble.empty();
    set_condition(conditions, r.type, !well, well ? r.good_reason : r.reason,
                  well ? r.good_message : r.trouble, now);
  }
}

std::vector<namespace_action> plan(const namespace_view& observed) {
  std::vector<namespace_action> actions;
  if (!observed.terminating || observed.released) return actions;
  std::map<std::string, int> remaining, holding;
  auto pods_left = std::any_of(observed.contents.begin(), observed.contents.end(),
                               [](auto& c) { return c.resource == "pods"; });
  for (auto& c : observed.contents) {
    // What protects pods or serves them stays as long as one is there.
    if (pods_left && c.resource != "pods") continue;
    if (c.finalizers.empty() && !c.on_node) {
      actions.push_back(erase_object{c.key});
      continue;
    }
    ++remaining[with_group(c.resource)];
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
