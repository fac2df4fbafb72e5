// Cron: the next time lies in the future, and the one after it further on.
#include "messages/base/cron.hpp"
#include "test/fuzz/target.hpp"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe;
  auto read = cron::parse(fuzz::text(data, size));
  if (!read) return 0;
  std::chrono::local_seconds now{std::chrono::seconds(1'800'000'000)};
  auto first = read->next(now);
  if (!first) return 0;
  fuzz::holds(*first > now, "the next time lies ahead");
  auto second = read->next(*first);
  fuzz::holds(!second || *second > *first, "and the one after it further on");
  return 0;
}
