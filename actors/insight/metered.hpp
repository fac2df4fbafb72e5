// Actors whose mailbox can be looked at while they play: how much waits there, since when, how fast
// it goes, and what is being worked on. The library keeps none of this (Debian builds it without
// its profiler), so the actors that the DIRECTORY names count for themselves.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/mailbox_element.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace troupe::insight {

class mailbox_meter {
public:
  using clock = std::chrono::steady_clock;

  void arrived();
  void begins(const caf::mailbox_element& what);
  void ended(size_t answers_awaited);

  struct reading {
    size_t waiting = 0;                       ///< messages that nobody has begun
    std::chrono::microseconds oldest_waits{}; ///< of these, the first
    uint64_t handled = 0;
    double per_second = 0; ///< over the last ten seconds
    std::string works_on;  ///< the message, by its first word; empty: nothing
    std::chrono::microseconds works_for{};
    size_t answers_awaited = 0; ///< to its own questions
  };
  reading read() const;

private:
  static constexpr size_t seconds_kept = 10;
  struct second {
    int64_t when = -1;
    uint32_t handled = 0;
  };

  mutable std::mutex mutex_;
  std::vector<clock::time_point> arrivals_; ///< from first_ on
  size_t first_ = 0;
  uint64_t handled_ = 0;
  std::array<second, seconds_kept + 1> seconds_;
  bool works_ = false;
  caf::atom_value word_{};
  clock::time_point since_;
  size_t answers_awaited_ = 0;
};

/// What a metered actor is, whatever its type.
class metered_actor {
public:
  const mailbox_meter& meter() const { return meter_; }

protected:
  ~metered_actor() = default;
  mailbox_meter meter_;
};

template<class Base> class metered : public Base, public metered_actor {
public:
  using Base::Base;

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* on) override {
    this->meter_.arrived();
    Base::enqueue(std::move(what), on);
  }
  caf::invoke_message_result consume(caf::mailbox_element& what) override {
    this->meter_.begins(what);
    auto out = Base::consume(what);
    this->meter_.ended(this->awaited_responses_.empty() ? this->multiplexed_responses_.size()
                                                        : this->multiplexed_responses_.size() + 1);
    return out;
  }
};

/// As actor_system::spawn() does it, but metered.
template<caf::spawn_options Options = caf::no_spawn_options, class Behaviour, class... Args>
auto spawn(caf::actor_system& system, Behaviour behaviour, Args&&... args) {
  using actor = caf::infer_impl_from_fun_t<Behaviour>;
  caf::actor_config config;
  caf::detail::init_fun_factory<actor, Behaviour> begin;
  config.init_fun = begin(std::move(behaviour), std::forward<Args>(args)...);
  return system.spawn_class<metered<actor>, Options>(config);
}

} // namespace troupe::insight
