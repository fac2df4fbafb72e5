// The parts of the admission chain, each in the file of its name. A part looks at the kinds that
// concern it and lets everything else pass.
#pragma once

#include "actors/gateway/admission.hpp"
#include "actors/gateway/decoded.hpp"

namespace troupe::gateway {

result<void> admit_service_account(const admission_request& r);  // service_account.cpp
result<void> review_service_account(const admission_request& r); // the same: secrets of pods
result<void> admit_limit_range(const admission_request& r);      // limit_range.cpp: defaults
result<void> review_limit_range(const admission_request& r);     // the same: bounds
result<void> admit_priority(const admission_request& r);         // priority.cpp: pods
result<void> review_priority_class(const admission_request& r);  // the same: classes
result<void> admit_runtime_class(const admission_request& r);    // runtime_class.cpp
result<void> review_runtime_class(const admission_request& r);   // the same: overheads
result<void> admit_tolerations(const admission_request& r); // tolerations.cpp: pods and new nodes
result<void> admit_storage(const admission_request& r);  // storage.cpp: default class, protection
result<void> review_storage(const admission_request& r); // the same: claims that grow
result<void> admit_ingress_class(const admission_request& r); // ingress_class.cpp
result<void> admit_certificate(const admission_request& r);   // certificate.cpp
result<void> admit_escalation(const admission_request& r);    // escalation.cpp: roles and bindings
result<void> admit_service(const admission_request& r); // service.cpp: addresses and node ports
result<void>
admit_node_restriction(const admission_request& r);    // node_restriction.cpp: first of all
result<void> review_quota(const admission_request& r); // quota.cpp: last, when all is known

/// The object as `Object` if it is one of the core kind `name`, else null.
template<class Object> Object* as(const admission_request& r) {
  return r.object.GetDescriptor() == Object::descriptor() ? static_cast<Object*>(&r.object)
                                                          : nullptr;
}
template<class Object> const Object* old_as(const admission_request& r) {
  return static_cast<const Object*>(r.old);
}

/// Calls `visit` with every object of a kind in a namespace, and its entry.
template<class Object, class Visit>
void each_object(const admission_request& r, std::string_view group, std::string_view version,
                 std::string_view plural, std::string_view ns, Visit visit) {
  auto kind = r.c.kinds->by_resource(group, version, plural);
  for (auto& entry : r.now.list(prefix_of(*kind, ns))) visit(*decoded<Object>(entry), entry);
}

/// One object by name, or null.
template<class Object>
std::shared_ptr<const Object> find_object(const admission_request& r, std::string_view group,
                                          std::string_view version, std::string_view plural,
                                          std::string_view ns, std::string_view name) {
  auto kind = r.c.kinds->by_resource(group, version, plural);
  auto entry = r.now.find(key_of(*kind, ns, name));
  return entry ? decoded<Object>(*entry) : nullptr;
}

} // namespace troupe::gateway
