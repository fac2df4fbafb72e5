// Custom resources in the gateway: definitions become kinds that are served, and their objects are
// pruned, defaulted and validated by their schemas.
#pragma once

#include "actors/gateway/gateway.hpp"

#include <map>

namespace k8s::apiextensions::v1 {
class CustomResourceDefinition;
}

namespace troupe::gateway {

/// Kinds that definitions serve, compiled once per revision of a definition.
class custom_kinds {
public:
  /// The registry that fits this state of the store.
  std::shared_ptr<const schema::registry> registry_of(const storage::snapshot& now,
                                                      const schema::kind& definitions);

private:
  std::mutex mutex_;
  std::map<std::string, std::pair<uint64_t, std::vector<schema::kind>>> compiled_;
};

bool is_definition(const schema::kind& kind);

/// Fills in the status of a definition: which names are accepted, and, unless the status is what
/// the client writes, which versions are stored.
void settle_definition(k8s::apiextensions::v1::CustomResourceDefinition& definition,
                       const schema::registry& kinds, bool status_alone, timestamp now);

/// The fields of a custom object that its schema does not know.
std::vector<std::string> unknown_in_custom(const call& c, const google::protobuf::Message& object);
/// Prunes and defaults a custom object; reports what was pruned as the client chose.
result<void> shape_custom(call& c, google::protobuf::Message& object, field_validation mode);
std::vector<cause> validate_custom(const schema::kind& kind,
                                   const google::protobuf::Message& object);

} // namespace troupe::gateway
