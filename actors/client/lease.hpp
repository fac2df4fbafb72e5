// One of many leads: whoever holds a Lease and renews it. Pure; the caller reads, writes and waits.
#pragma once

#include "messages/base/json.hpp"
#include "messages/base/time.hpp"

#include <chrono>
#include <string>

namespace troupe::client {

struct lease_step {
  bool leads = false;
  bool write = false;  ///< `lease` is to be stored, at the revision that it was seen at
  bool create = false; ///< it is not there yet
  json::value lease;
};

/// What `self` does about the lease as it is (null: there is none). A holder that has not renewed
/// for `time`, counted from when this process saw it change last, is given up.
class lease_keeper {
public:
  lease_keeper(std::string ns, std::string name, std::string self, std::chrono::milliseconds time)
      : ns_{std::move(ns)}, name_{std::move(name)}, self_{std::move(self)}, time_{time} {}

  /// `steady` is a clock that never jumps; `now` is what is written.
  lease_step look(const json::value* lease, std::chrono::milliseconds steady, timestamp now);
  const std::string& ns() const { return ns_; }
  const std::string& name() const { return name_; }

private:
  json::value made(const json::value* old, timestamp now, bool taken_over) const;

  std::string ns_, name_, self_;
  std::chrono::milliseconds time_;
  std::string seen_; ///< the renewal that was seen last
  std::chrono::milliseconds seen_at_{0};
};

} // namespace troupe::client
