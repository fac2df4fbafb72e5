// Selectors: what is read can be written and read as the same.
#include "messages/base/selector.hpp"
#include "test/fuzz/target.hpp"

#include <map>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe;
  auto text = fuzz::text(data, size);
  if (auto read = label_selector::parse(text)) {
    auto again = label_selector::parse(read->text());
    fuzz::holds(again.has_value(), "a written selector can be read");
    fuzz::holds(again->text() == read->text(), "and is the same");
    std::map<std::string, std::string> labels{{"app", "web"}, {"tier", "a"}};
    fuzz::holds(again->matches_map(labels) == read->matches_map(labels), "and matches the same");
  }
  (void)parse_field_selector(text);
  return 0;
}
