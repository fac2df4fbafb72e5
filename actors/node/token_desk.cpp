#include "actors/node/token_desk.hpp"

namespace troupe::node {

void token_desk::report(const cluster::TokenWanted& what) {
  cluster::Report r;
  *r.mutable_token_wanted() = what;
  reports_.put(std::move(r));
}

void token_desk::ask(cluster::TokenWanted what, answer call) {
  {
    std::lock_guard lock(mutex_);
    what.set_request(next_++);
    waiting_[what.request()] = {what, std::move(call)};
  }
  report(what);
}

void token_desk::heard(const cluster::Token& token) {
  answer call;
  {
    std::lock_guard lock(mutex_);
    auto hit = waiting_.find(token.request());
    if (hit == waiting_.end()) return;
    call = std::move(hit->second.call);
    waiting_.erase(hit);
  }
  call(token);
}

void token_desk::ask_again() {
  std::lock_guard lock(mutex_);
  for (auto& [id, w] : waiting_) report(w.what);
}

} // namespace troupe::node
