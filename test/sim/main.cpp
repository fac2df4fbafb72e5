// The store's simulation: `sim --seeds 2000`, `sim --seed 17 --trace`, `sim --bug skip_sync --seeds
// 300`, which succeeds when the bug is caught. A failure prints its seed; the same seed replays it.
#include "messages/base/log.hpp"
#include "test/sim/seeds.hpp"
#include "test/sim/world.hpp"

using namespace troupe;
using namespace troupe::sim;

namespace {

bool parse(int argc, char** argv, seeds& which, world_settings& world) {
  for (int i = 1; i < argc; ++i) {
    std::string_view name = argv[i];
    if (name == "--trace") {
      world.trace = true;
      continue;
    }
    auto value = i + 1 < argc ? argv[++i] : "";
    if (which.take(name, value)) continue;
    std::string_view text = value;
    if (name == "--ms")
      world.duration_ms = std::strtoull(value, nullptr, 10);
    else if (name == "--bug" && text == "skip_sync")
      world.seeded = bug::skip_sync;
    else if (name == "--bug" && text == "commit_old_terms")
      world.seeded = bug::commit_old_terms;
    else if (name == "--bug" && text == "read_without_quorum")
      world.seeded = bug::read_without_quorum;
    else
      return false;
  }
  which.expect_caught = world.seeded != bug::none;
  return true;
}

} // namespace

int main(int argc, char** argv) {
  seeds which;
  world_settings given;
  if (!parse(argc, argv, which, given)) {
    std::fprintf(stderr, "usage: sim [--seeds N | --seed N] [--from N] [--ms N] [--threads N] "
                         "[--trace] [--bug skip_sync|commit_old_terms|read_without_quorum]\n");
    return 2;
  }
  log::threshold(log::level::error);
  std::atomic<uint64_t> events = 0, commits = 0, healed = 0;
  auto code = which.play_all([&](uint64_t seed) {
    auto settings = given;
    settings.seed = seed;
    world w{settings};
    w.run();
    events += w.events();
    commits += w.commits();
    healed += w.healed();
  });
  std::printf("%llu events, %llu entries agreed on, rotten bits healed %llu times\n",
              static_cast<unsigned long long>(events.load()),
              static_cast<unsigned long long>(commits.load()),
              static_cast<unsigned long long>(healed.load()));
  return code;
}
