// The control plane's simulation: `sim_company --seeds 500`, `sim_company --seed 17 --trace`,
// `sim_company --bug free_quota`, which succeeds when the bug is caught; `--kills 500` plays each
// seed twice, once with so many actors killed, and compares the ends; `--twice` whether a seed
// leads to the same history again.
#include "messages/base/log.hpp"
#include "test/sim/company/drama.hpp"
#include "test/sim/seeds.hpp"

using namespace troupe;
using namespace troupe::sim;

namespace {

constexpr std::pair<std::string_view, company_bug> bugs[] = {
    {"unbounded_rollout", company_bug::unbounded_rollout},
    {"surplus_replicas", company_bug::surplus_replicas},
    {"bind_anywhere", company_bug::bind_anywhere},
    {"forget_terminating", company_bug::forget_terminating},
    {"free_evictions", company_bug::free_evictions},
    {"free_quota", company_bug::free_quota},
    {"keep_orphans", company_bug::keep_orphans},
    {"blind_slices", company_bug::blind_slices},
    {"preempt_anybody", company_bug::preempt_anybody},
    {"shared_volume", company_bug::shared_volume},
    {"overlapping_runs", company_bug::overlapping_runs},
    {"bold_partition", company_bug::bold_partition},
    {"deaf_to_budgets", company_bug::deaf_to_budgets},
    {"stray_pods", company_bug::stray_pods},
    {"leaked_volumes", company_bug::leaked_volumes},
    {"hoarded_claims", company_bug::hoarded_claims},
    {"lost_claims", company_bug::lost_claims},
};

struct options {
  seeds which;
  drama_settings drama;
  unsigned kills = 0;
  bool twice = false;
};

bool parse(int argc, char** argv, options& out) {
  for (int i = 1; i < argc; ++i) {
    std::string_view name = argv[i];
    if (name == "--trace" || name == "--twice") {
      (name == "--trace" ? out.drama.trace : out.twice) = true;
      continue;
    }
    auto value = i + 1 < argc ? argv[++i] : "";
    if (out.which.take(name, value)) continue;
    if (name == "--kills")
      out.kills = static_cast<unsigned>(std::atoi(value));
    else if (name == "--bug") {
      for (auto& [text, bug] : bugs)
        if (text == value) out.drama.bug = bug;
      if (out.drama.bug == company_bug::none) return false;
    } else
      return false;
  }
  out.which.expect_caught = out.drama.bug != company_bug::none;
  return true;
}

/// Killing actors makes no difference in the end.
void compare_with_kills(drama_settings given, unsigned kills) {
  given.faults = false;
  auto undisturbed = play(given);
  given.kills = kills;
  auto disturbed = play(given);
  if (undisturbed.summary != disturbed.summary)
    throw broken_rule{"with " + std::to_string(disturbed.kills) +
                      " kills the end is another; without:\n" + undisturbed.summary + "with:\n" +
                      disturbed.summary};
}

} // namespace

int main(int argc, char** argv) {
  options asked;
  if (!parse(argc, argv, asked)) {
    std::string all;
    for (auto& [text, _] : bugs) all.append(all.empty() ? "" : "|").append(text);
    std::fprintf(stderr,
                 "usage: sim_company [--seeds N | --seed N] [--from N] [--threads N] [--trace] "
                 "[--twice] [--kills N] [--bug %s]\n",
                 all.c_str());
    return 2;
  }
  log::threshold(log::level::error);
  std::atomic<uint64_t> turns = 0, commits = 0, broken = 0;
  auto code = asked.which.play_all([&](uint64_t seed) {
    auto given = asked.drama;
    given.seed = seed;
    if (asked.kills > 0) return compare_with_kills(given, asked.kills);
    auto first = play(given);
    if (asked.twice && play(given).digest != first.digest)
      throw broken_rule{"the same seed leads to another history"};
    turns += first.turns;
    commits += first.commits;
    broken += first.budgets_broken;
  });
  std::printf("%llu turns of actors, %llu transactions, %llu budgets broken by preemption because "
              "there was no other way\n",
              static_cast<unsigned long long>(turns.load()),
              static_cast<unsigned long long>(commits.load()),
              static_cast<unsigned long long>(broken.load()));
  return code;
}
