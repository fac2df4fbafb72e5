// The history of a template, kept in ControllerRevision objects in the form that `kubectl rollout
// history` and `undo` read. Pure.
#pragma once

#include "messages/api/controller_revision.pb.h"
#include "messages/api/pod.pb.h"
#include "storage/entry.hpp"

#include <memory>
#include <string>
#include <vector>

namespace troupe::controllers {

struct revision_view {
  storage::entry_ptr entry;
  std::string_view key;
  bool going = false;
  std::string name;
  int64_t number = 0;
  std::string data;

  static revision_view of(storage::entry_ptr entry);
};

/// A template as a revision keeps it, and back.
std::string revision_data(const k8s::core::v1::PodTemplateSpec& wanted);
k8s::core::v1::PodTemplateSpec template_of(const std::string& data);

/// What the history has to become for a template to be the newest in it.
struct history_plan {
  std::string current; ///< the name of the template's revision
  std::string hash;    ///< the end of that name
  std::unique_ptr<k8s::apps::v1::ControllerRevision> create; ///< if it is not there
  const revision_view* renumber = nullptr;                   ///< if it is there, but not the newest
  int64_t number = 0;                                        ///< of the template's revision
};
history_plan plan_history(const std::string& owner, const std::string& data, int collisions,
                          const std::vector<const revision_view*>& known);

/// Those beyond the limit, the oldest first; `in_use` are kept.
std::vector<const revision_view*> outdated(std::vector<const revision_view*> known,
                                           const std::vector<std::string>& in_use, int limit);

} // namespace troupe::controllers
