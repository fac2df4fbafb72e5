// Patches: a document and a patch, split by a line with three dashes. No patch crashes, and what a
// patch makes of a document is within bounds.
#include "messages/api/deployment.pb.h"
#include "messages/base/json.hpp"
#include "messages/patch/json_patch.hpp"
#include "messages/patch/strategic.hpp"
#include "test/fuzz/target.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe;
  auto text = fuzz::text(data, size);
  constexpr std::string_view rule = "\n---\n";
  auto split = text.find(rule);
  if (split == text.npos) return 0;
  auto document = json::parse(text.substr(0, split));
  auto patch = json::parse(text.substr(split + rule.size()));
  if (!document || !patch) return 0;
  auto copy = *document;
  if (patch->is_array() && patch::apply_json_patch(copy, *patch))
    fuzz::holds(json::write(copy).size() <= text.size() + (8u << 20),
                "a JSON patch does not blow up");
  copy = *document;
  patch::apply_merge_patch(copy, *patch);
  auto merged = copy;
  patch::apply_merge_patch(copy, *patch);
  fuzz::holds(copy == merged, "merging twice changes nothing");
  copy = *document;
  if (copy.is_object() && patch->is_object())
    (void)patch::apply_strategic_patch(copy, *patch, schema::of<k8s::apps::v1::Deployment>());
  return 0;
}
