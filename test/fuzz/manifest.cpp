// Manifests: any bytes become objects and findings; every finding has a message, and valid objects
// can be defaulted and validated.
#include "messages/codec/manifest.hpp"
#include "test/fuzz/target.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe;
  if (size > 1 << 16) return 0;
  auto read = codec::read_manifests(fuzz::text(data, size));
  for (auto& f : read.findings) fuzz::holds(!f.message.empty(), "a finding says something");
  for (auto& m : read.objects)
    for (auto& f : codec::validate_manifest(m))
      fuzz::holds(!f.reason.empty(), "a fault has a reason");
  return 0;
}
