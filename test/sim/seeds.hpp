// What every simulation's program does: takes seeds from the command line, plays each on some
// thread, and tells of those that fail, or whether a bug that is there on purpose is caught.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace troupe::sim {

struct seeds {
  uint64_t first = 1;
  uint64_t count = 200;
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  bool expect_caught = false; ///< a seed has to fail

  /// Takes an option; false if it is none of these.
  bool take(std::string_view name, const char* value) {
    auto number = std::strtoull(value, nullptr, 10);
    if (name == "--seed")
      first = number, count = 1;
    else if (name == "--from")
      first = number;
    else if (name == "--seeds")
      count = number;
    else if (name == "--threads")
      threads = std::max(1u, static_cast<unsigned>(number));
    else
      return false;
    return true;
  }

  /// Plays all of them; `play` throws what is wrong with a seed. The exit code of the program.
  int play_all(const std::function<void(uint64_t seed)>& play) const {
    std::atomic<uint64_t> next = first, failures = 0, played = 0;
    auto began = std::chrono::steady_clock::now();
    auto work = [&] {
      for (auto seed = next++; seed < first + count; seed = next++) {
        if (expect_caught && failures > 0) return;
        ++played;
        try {
          play(seed);
        } catch (const std::exception& broken) {
          ++failures;
          std::printf("%s --seed %llu: %s\n", expect_caught ? "caught" : "FAILED",
                      static_cast<unsigned long long>(seed), broken.what());
        }
      }
    };
    {
      std::vector<std::jthread> all;
      for (unsigned i = 0; i < threads; ++i) all.emplace_back(work);
    }
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("%llu seeds, %llu failures, %.1f s\n",
                static_cast<unsigned long long>(played.load()),
                static_cast<unsigned long long>(failures.load()), took.count());
    return (failures > 0) == expect_caught ? 0 : 1;
  }
};

} // namespace troupe::sim
