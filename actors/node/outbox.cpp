#include "actors/node/outbox.hpp"

namespace troupe::node {

void outbox::on_waiting(std::function<void()> call) {
  std::lock_guard lock(mutex_);
  wake_ = std::move(call);
}

void outbox::put(cluster::Report report) {
  std::function<void()> wake;
  {
    std::lock_guard lock(mutex_);
    auto& all = *waiting_.mutable_reports();
    if (report.has_pod())
      for (auto& r : all)
        if (r.has_pod() && r.pod().uid() == report.pod().uid()) {
          r = std::move(report);
          return;
        }
    // Statuses are told again when a server is found; events are not worth a fight.
    if (static_cast<size_t>(all.size()) >= reports_waiting_max &&
        report.what_case() == cluster::Report::kEvent)
      return;
    if (all.empty()) wake = wake_;
    *all.Add() = std::move(report);
  }
  if (wake) wake();
}

void outbox::wake() {
  std::unique_lock lock(mutex_);
  auto call = wake_;
  lock.unlock();
  if (call) call();
}

cluster::FromNode outbox::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

} // namespace troupe::node
