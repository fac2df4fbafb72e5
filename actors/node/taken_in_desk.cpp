#include "actors/node/taken_in_desk.hpp"

namespace troupe::node {

void taken_in_desk::ask(uint64_t request) {
  cluster::Report r;
  r.set_everywhere_wanted(request);
  reports_.put(std::move(r));
}

void taken_in_desk::wait_for_all(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  auto own = next_++;
  waiting_.insert(own);
  lock.unlock();
  ask(own);
  lock.lock();
  answered_.wait_for(lock, patience, [&] { return !waiting_.contains(own); });
  waiting_.erase(own);
}

void taken_in_desk::heard(uint64_t request) {
  {
    std::lock_guard lock(mutex_);
    waiting_.erase(request);
  }
  answered_.notify_all();
}

void taken_in_desk::ask_again() {
  std::lock_guard lock(mutex_);
  for (auto request : waiting_) ask(request);
}

} // namespace troupe::node
