// THE GATEWAY: the API server. Authenticates, authorizes, decodes, defaults, admits, validates, and
// sends one commit to the STORE; reads are answered from snapshots on the connection's own thread.
#pragma once

#include "actors/gateway/authentication.hpp"
#include "actors/gateway/call.hpp"
#include "actors/gateway/workers.hpp"
#include "messages/base/time.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <random>

namespace troupe::gateway {

/// What the gateway is given to work with.
struct environment {
  storage::store* store = nullptr;
  workers* work = nullptr;
  std::function<timestamp()> now;
  std::function<uint64_t()> random;
  authenticator authenticate;
};

/// What a write came to, on one snapshot: the change to commit, and the answer once it is durable.
struct change {
  storage::transaction tx;
  bool commit = true; ///< false: nothing to store (a dry run, or nothing changed); answer at once
  uint64_t revision = 0; ///< of the object as it stands, when there is nothing to store
  std::function<void(call&, uint64_t revision)> answer;
};

/// Prepares a write against one snapshot. Run again on a newer one when somebody else was faster.
using attempt = std::function<result<change>(call&, const storage::snapshot&)>;

class gateway {
public:
  explicit gateway(environment given);
  ~gateway();

  /// Takes one request; what http::server calls.
  void handle(http::request request, http::responder responder);

  /// Runs `prepare` on the current snapshot and commits what it yields, again and again until it is
  /// not overtaken, then answers.
  void write(call_ptr c, attempt prepare);

  std::shared_ptr<const schema::registry> kinds() const { return std::atomic_load(&kinds_); }

  environment given;

private:
  void dispatch(call_ptr c);
  void resource(call_ptr c);

  std::shared_ptr<const schema::registry> kinds_;
};

} // namespace troupe::gateway
