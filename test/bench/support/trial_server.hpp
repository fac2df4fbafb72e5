// A server in a process of its own for a benchmark: started on an empty store, measured from
// outside, and gone when the benchmark ends, however that ends.
#pragma once

#include "net/tls/context.hpp"
#include "test/storage/temporary_directory.hpp"

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::bench {

inline constexpr const char* admin_token = "bench-token"; ///< of a member of system:masters

class trial_server {
public:
  /// Starts `program server` with `more` arguments and waits until it is ready; ends the process if
  /// it is not in time.
  trial_server(const char* program, const std::vector<std::string>& more);
  ~trial_server();
  trial_server(const trial_server&) = delete;

  /// Of all threads that it has.
  double cpu_seconds() const;
  double memory_mib() const;

  uint16_t port = 0;
  double ready_after_seconds = 0;
  std::shared_ptr<const tls::context> tls; ///< for its clients

private:
  test::temporary_directory where_;
  pid_t child_ = 0;
};

} // namespace troupe::bench
