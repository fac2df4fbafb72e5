// Runs seeds: `sim --seeds 2000`, `sim --seed 17 --trace`, `sim --bug skip_sync --seeds 300`, which
// succeeds when the bug is caught. A failure prints its seed; the same seed replays it.
#include "messages/base/log.hpp"
#include "test/sim/world.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

using namespace troupe;
using namespace troupe::sim;

namespace {

struct options {
  uint64_t first = 1;
  uint64_t count = 200;
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  world_settings world;
  bool expect_caught = false;
};

bool parse(int argc, char** argv, options& out) {
  for (int i = 1; i < argc; ++i) {
    std::string_view name = argv[i];
    auto value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--trace") {
      out.world.trace = true;
      continue;
    }
    ++i;
    if (name == "--seed")
      out.first = std::strtoull(value, nullptr, 10), out.count = 1;
    else if (name == "--from")
      out.first = std::strtoull(value, nullptr, 10);
    else if (name == "--seeds")
      out.count = std::strtoull(value, nullptr, 10);
    else if (name == "--threads")
      out.threads = static_cast<unsigned>(std::atoi(value));
    else if (name == "--ms")
      out.world.duration_ms = std::strtoull(value, nullptr, 10);
    else if (name == "--bug") {
      out.expect_caught = true;
      std::string_view text = value;
      if (text == "skip_sync")
        out.world.seeded = bug::skip_sync;
      else if (text == "commit_old_terms")
        out.world.seeded = bug::commit_old_terms;
      else if (text == "read_without_quorum")
        out.world.seeded = bug::read_without_quorum;
      else
        return false;
    } else
      return false;
  }
  return true;
}

} // namespace

int main(int argc, char** argv) {
  options asked;
  if (!parse(argc, argv, asked)) {
    std::fprintf(stderr, "usage: sim [--seeds N | --seed N] [--from N] [--ms N] [--threads N] "
                         "[--trace] [--bug skip_sync|commit_old_terms|read_without_quorum]\n");
    return 2;
  }
  log::threshold(log::level::error);
  std::atomic<uint64_t> next = asked.first, failures = 0, events = 0, commits = 0;
  auto began = std::chrono::steady_clock::now();
  auto work = [&] {
    for (auto seed = next++; seed < asked.first + asked.count; seed = next++) {
      if (asked.expect_caught && failures > 0) return;
      auto settings = asked.world;
      settings.seed = seed;
      world w{settings};
      try {
        w.run();
      } catch (const violation& broken) {
        ++failures;
        std::printf("%s --seed %llu: %s\n", asked.expect_caught ? "caught" : "FAILED",
                    static_cast<unsigned long long>(seed), broken.what());
      }
      events += w.events();
      commits += w.commits();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < asked.threads; ++i) threads.emplace_back(work);
  }
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%llu seeds, %llu events, %llu entries agreed on, %llu failures, %.1f s\n",
              static_cast<unsigned long long>(asked.count), static_cast<unsigned long long>(events),
              static_cast<unsigned long long>(commits), static_cast<unsigned long long>(failures),
              took.count());
  return (failures > 0) == asked.expect_caught ? 0 : 1;
}
