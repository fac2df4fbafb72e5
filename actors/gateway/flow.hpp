// How many requests are worked on at once: those beyond wait in a queue of their user's, and users
// take turns; who asks for more than a queue holds is told to come back. Whoever runs the cluster
// never waits, so that an overload can be ended.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace troupe::gateway {

struct flow_limits {
  unsigned reading = 400;           ///< at once; 0: no limit
  unsigned writing = 200;           ///< at once; 0: no limit
  unsigned waiting_of_user = 200;   ///< of one kind
  unsigned waiting = 10'000;        ///< of one kind
  unsigned watching_of_user = 5000; ///< watches, logs, streams; 0: no limit
};

enum class flow_kind : uint8_t { reading, writing, watching };

/// Any thread.
class flow_control {
public:
  enum class entry : uint8_t { go, wait, refuse };

  explicit flow_control(flow_limits limits) : limits_{limits} {}

  /// `go`: the caller goes on at once. `wait`: `later` is called when it is its turn. Either way
  /// leave() follows when the request is answered.
  entry enter(flow_kind kind, const std::string& user, std::function<void()> later);
  /// One is done. Returns whose turn it is, which the caller must call; empty if nobody waits.
  std::function<void()> leave(flow_kind kind, const std::string& user);

  struct counts {
    uint64_t running = 0, waiting = 0, refused = 0;
  };
  counts count(flow_kind kind) const;

private:
  struct lane {
    unsigned running = 0;
    unsigned waiting = 0;
    uint64_t refused = 0;
    std::map<std::string, std::deque<std::function<void()>>> queues; ///< by user, none is empty
    std::string last; ///< the user who had the last turn
  };
  lane& of(flow_kind kind) { return lanes_[static_cast<int>(kind)]; }

  const flow_limits limits_;
  mutable std::mutex mutex_;
  lane lanes_[3];
  std::map<std::string, unsigned> watching_; ///< by user
};

} // namespace troupe::gateway
