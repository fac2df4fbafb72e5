// Admission: what the cluster as a whole asks of an object before it is stored. Two ordered chains
// of small parts: those of the first may change the object before its own rules are judged, those
// of the second say yes or no to what passed them. Each may add to the transaction, or refuse.
#pragma once

#include "actors/gateway/gateway.hpp"

namespace k8s::core::v1 {
class Service;
}

namespace troupe::gateway {

/// A write on its way into the store.
struct admission_request {
  gateway& g;
  call& c;
  google::protobuf::Message& object;
  const google::protobuf::Message* old; ///< null when the object is new
  const storage::snapshot& now;
  storage::transaction& tx; ///< for changes that must happen together with this one, or not at all
  bool dry_run;

  bool creating() const { return old == nullptr; }
};

/// Runs the first chain.
result<void> admit(const admission_request& request);

/// Runs the second chain, on an object that breaks no rule of its kind.
result<void> review(const admission_request& request);

/// Gives back what a service holds, when it is deleted.
void release_service(const storage::snapshot& now, const schema::registry& kinds,
                     const k8s::core::v1::Service& service, storage::transaction& tx);

} // namespace troupe::gateway
