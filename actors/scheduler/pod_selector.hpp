// Which other pods a rule of a pod is about: affinity terms and spread constraints, compiled. Pure.
#pragma once

#include "messages/base/selector.hpp"
#include "storage/entry.hpp"

#include <functional>
#include <string>
#include <vector>

namespace k8s::core::v1 {
class PodAffinityTerm;
class Pod;
class TopologySpreadConstraint;
} // namespace k8s::core::v1

namespace troupe::scheduler {

/// What the key of an object says.
std::string_view namespace_of(const storage::entry& of);
std::string_view name_of(const storage::entry& of);

/// Looks up the object of a namespace by name; null if there is none.
using namespace_lookup = std::function<const storage::entry*(std::string_view)>;

/// A set of pods: all conditions hold.
struct pod_selector {
  std::vector<std::string> namespaces; ///< these, and those that the selector finds
  bool has_namespace_selector = false;
  label_selector namespace_selector;
  label_selector labels;
  std::string owner;    ///< if given: pods that this controller made
  bool staying = false; ///< pods that are on their way out do not count

  bool matches(const storage::entry& pod, std::string_view pod_owner,
               const namespace_lookup& spaces) const;
  /// Equal texts are equal sets.
  std::string text() const;
};

/// The pods that an affinity term of `of` is about.
pod_selector selector_of(const k8s::core::v1::PodAffinityTerm& term, const k8s::core::v1::Pod& of);
pod_selector selector_of(const k8s::core::v1::TopologySpreadConstraint& constraint,
                         const k8s::core::v1::Pod& of);
/// The pods that have the same controller as `of`.
pod_selector siblings(std::string_view ns, std::string_view owner);

} // namespace troupe::scheduler
