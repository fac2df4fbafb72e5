// Tokens of service accounts: asked of the servers, answered some time later. Any thread.
#pragma once

#include "actors/node/outbox.hpp"

#include <atomic>
#include <map>

namespace troupe::node {

class token_desk {
public:
  using answer = std::function<void(const cluster::Token&)>;

  explicit token_desk(outbox& reports) : reports_{reports} {}

  /// Asks; `request` of `what` is set here. `call` is called once, if ever.
  void ask(cluster::TokenWanted what, answer call);
  void heard(const cluster::Token& token);
  /// A new server knows nothing of what was asked of the old one.
  void ask_again();

private:
  struct waiter {
    cluster::TokenWanted what;
    answer call;
  };
  void report(const cluster::TokenWanted& what);

  outbox& reports_;
  std::mutex mutex_;
  uint64_t next_ = 1;
  std::map<uint64_t, waiter> waiting_;
};

} // namespace troupe::node
