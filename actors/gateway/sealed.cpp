#include "actors/gateway/sealed.hpp"

#include "messages/codec/envelope.hpp"

namespace troupe::gateway {

std::string sealed(const schema::kind& kind, const media& as, std::string_view object) {
  if (as.what != shape::partial) return codec::seal_envelope(kind.api_version(), kind.name, object);
  return codec::seal_envelope("meta.k8s.io/" + as.table_version, "PartialObjectMetadata",
                              codec::metadata_alone(object));
}

} // namespace troupe::gateway
