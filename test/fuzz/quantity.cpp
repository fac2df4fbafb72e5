// Quantities: the canonical form is read as the same amount, and is its own canonical form. But a
// binary amount that no suffix divides, such as 62.5Ki, is told as plain digits, which read
// decimal.
#include "messages/base/quantity.hpp"
#include "test/fuzz/target.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe;
  auto read = quantity::parse(fuzz::text(data, size));
  if (!read) return 0;
  auto text = read->text();
  auto again = quantity::parse(text);
  fuzz::holds(again.has_value(), "the canonical form is a quantity");
  fuzz::holds(*again == *read, "of the same amount");
  bool plain = text.find_first_not_of("-0123456789") == text.npos;
  fuzz::holds(plain || again->text() == text, "and its own canonical form");
  fuzz::holds(read->rounded_up_to_milli() >= *read || read->negative(), "rounding goes up");
  return 0;
}
