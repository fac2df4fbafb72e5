// JSON: a text that is read is written and read again as the same value; typed decoding never
// disagrees about what is well-formed, and what it makes is read back.
#include "messages/api/pod.pb.h"
#include "messages/base/json.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/json_encode.hpp"
#include "test/fuzz/target.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe;
  auto text = fuzz::text(data, size);
  auto parsed = json::parse(text);
  if (parsed) {
    auto written = json::write(*parsed);
    auto again = json::parse(written);
    fuzz::holds(again.has_value(), "what is written can be read");
    // 1.0 is written as 1, which is read as a whole number: the texts are what is compared.
    fuzz::holds(json::write(*again) == written, "reading back gives the same value");
    fuzz::holds(json::compact(json::indent(written)) == written,
                "indenting changes nothing but space");
  }
  k8s::core::v1::Pod pod;
  auto decoded = codec::from_json(text, pod);
  if (!decoded) return 0;
  fuzz::holds(parsed.has_value(), "a text that decodes is JSON");
  auto out = codec::to_json(pod, {"v1", "Pod", {}});
  k8s::core::v1::Pod copy;
  auto back = codec::from_json(out, copy);
  fuzz::holds(back.has_value(), "an encoded pod decodes");
  // What is always written stands at the end when nobody said it: order has no meaning in JSON.
  fuzz::holds(*json::parse(codec::to_json(copy, {"v1", "Pod", {}})) == *json::parse(out),
              "and is the same pod");
  return 0;
}
