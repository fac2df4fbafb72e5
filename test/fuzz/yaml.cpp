// YAML: what is read is JSON, and JSON written as YAML is read back as the same value.
#include "messages/base/json.hpp"
#include "messages/codec/yaml.hpp"
#include "test/fuzz/target.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe;
  yaml::limits most;
  most.text_bytes_max = 1 << 16;
  auto documents = yaml::to_json(fuzz::text(data, size), most);
  if (!documents) return 0;
  for (auto& d : *documents) {
    auto value = json::parse(d.json);
    if (!value) continue; // a number that no double holds
    auto block = yaml::from_json(d.json);
    fuzz::holds(block.has_value(), "JSON can be written as YAML");
    auto back = yaml::to_json(*block);
    if (value->is_null()) continue; // an empty document
    fuzz::holds(back.has_value() && back->size() == 1, "written YAML can be read");
    auto again = json::parse(back->at(0).json);
    // 1.0 is written as 1, so the value is compared as it reads once written.
    fuzz::holds(again && *again == *json::parse(json::write(*value)),
                "reading back gives the same value");
  }
  return 0;
}
