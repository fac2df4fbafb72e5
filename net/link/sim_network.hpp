// Links in memory, for simulations: same interface as the real ones, one thread, a clock that is
// told, and faults from a seed. The same calls with the same seed give the same history.
#pragma once

#include "net/link/link.hpp"

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::link {

/// How bad the network is. Probabilities are for each message; a real link loses, repeats and
/// reorders nothing while it is up, so these are harsher than life.
struct sim_faults {
  std::chrono::microseconds delay_min{100}, delay_max{500};
  double loss = 0;
  double duplication = 0;
  double reordering = 0; ///< chance that a message may overtake or be overtaken
};

struct sim_settings {
  uint64_t seed = 1;
  sim_faults faults;
  mux_settings mux; ///< queue and message limits, and after what silence a link is dead
  std::chrono::milliseconds redial_after{50};
};

class sim_network {
public:
  sim_network(sim_settings settings, time_point now);
  ~sim_network();

  /// Adds a machine; `up` is called for each of its links.
  void add(const std::string& name, on_link up);
  /// Keeps a link up between two machines.
  void connect(const std::string& one, const std::string& other);
  /// All links of `name` end, and none come up until it is started again.
  void crash(const std::string& name);
  void start(const std::string& name);

  /// What is sent from here to there vanishes (one way only) until it is healed.
  void cut(const std::string& from, const std::string& to);
  void heal(const std::string& from, const std::string& to);
  void heal_all();
  /// What is sent from here to there waits until `until`.
  void clog(const std::string& from, const std::string& to, time_point until);
  void set_faults(const sim_faults& faults) { settings_.faults = faults; }

  /// Lets everything happen that is due by `now`, in order.
  void advance(time_point now);
  /// When the next thing is due; nothing may ever be.
  std::optional<time_point> next_event() const;
  time_point now() const { return now_; }

  struct counters {
    uint64_t sent = 0, delivered = 0, lost = 0, duplicated = 0, links = 0;
  };
  const counters& counted() const { return counted_; }

private:
  class end;
  struct pair;
  struct machine {
    on_link up;
    bool running = true;
  };
  using direction = std::pair<std::string, std::string>;

  void at(time_point when, std::function<void()> call);
  void try_link(pair& which);
  void take_down(pair& which, const std::string& why);
  void check_alive(pair& which, uint64_t generation);
  void carry(end& from, stream on, payload message);
  bool chance(double probability);
  bool is_cut(const std::string& from, const std::string& to) const;

  sim_settings settings_;
  time_point now_;
  std::mt19937_64 random_;
  uint64_t generation_ = 0;
  uint64_t order_ = 0;
  std::map<std::pair<time_point, uint64_t>, std::function<void()>> events_;
  std::map<std::string, machine> machines_;
  std::vector<std::unique_ptr<pair>> pairs_;
  std::map<direction, time_point> cut_since_;
  std::map<direction, time_point> clogged_until_;
  counters counted_;
};

} // namespace troupe::link
