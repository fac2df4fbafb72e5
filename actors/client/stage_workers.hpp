// Workers of a gateway on a test's stage: what they are given is done between the turns of actors,
// in the same thread, and timers run by its clock.
#pragma once

#include "actors/client/test_stage.hpp"
#include "actors/gateway/workers.hpp"

namespace troupe::client {

class stage_workers final : public gateway::workers {
public:
  explicit stage_workers(test_stage& on) : on_{on} {}

  void post(std::function<void()> work) override { (void)later({}, std::move(work), here_); }
  void post_at_pulse(std::function<void()> work) override { post(std::move(work)); }
  [[nodiscard]] timer after(std::chrono::milliseconds delay, std::function<void()> work) override {
    return later(delay, std::move(work), std::make_shared<char>());
  }

private:
  /// Nothing of it happens when the handle or these workers are gone.
  timer later(std::chrono::milliseconds delay, std::function<void()> work, timer handle) {
    on_.at(delay,
           [work = std::move(work), handle = std::weak_ptr(handle), here = std::weak_ptr(here_)] {
             if (!handle.expired() && !here.expired()) work();
           });
    return handle;
  }

  test_stage& on_;
  timer here_ = std::make_shared<char>();
};

} // namespace troupe::client
