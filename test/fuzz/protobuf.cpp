// Protobuf: envelopes and wire bytes from outside are refused or become objects that can be
// written, defaulted and validated.
#include "messages/api/deployment.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/base/json.hpp"
#include "messages/codec/envelope.hpp"
#include "messages/codec/json_encode.hpp"
#include "messages/schema/defaults.hpp"
#include "messages/schema/validate.hpp"
#include "test/fuzz/target.hpp"

namespace {

template<class Object> void run(std::string_view bytes) {
  using namespace troupe;
  Object object;
  if (!object.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  schema::set_defaults(object);
  auto once = codec::to_wire(object);
  schema::set_defaults(object);
  fuzz::holds(codec::to_wire(object) == once, "defaulting twice changes nothing");
  schema::validate_create(object);
  schema::validate_update(object, object);
  schema::validate_status(object, object);
}

} // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe;
  auto bytes = fuzz::text(data, size);
  if (auto envelope = codec::open_envelope(bytes)) bytes = envelope->raw;
  run<k8s::core::v1::Pod>(bytes);
  run<k8s::apps::v1::Deployment>(bytes);
  std::string json;
  codec::wire_to_json(schema::of<k8s::core::v1::Pod>(), bytes, {"v1", "Pod", {}}, json);
  return 0;
}
