// Starting one container: its image mounted, its variables and mounts made, config.json written,
// the shim asked to run it. And hearing how it ended. Blocking; on the pool.
#pragma once

#include "actors/node/context.hpp"
#include "actors/node/volumes/volume_mounts.hpp"

#include <optional>
#include <stdexcept>

namespace troupe::node {

struct start_request {
  std::shared_ptr<const Pod> pod;
  std::string container;
  int attempt = 0;
  image_ptr from;
  place_view place;
  volume_places volumes;
  std::vector<std::string> ips;
  std::optional<std::string> sees; ///< the id of the container whose processes it is to see
};

struct container_started {
  std::string id;
  int64_t uid = 0, gid = 0;
  std::vector<int64_t> groups;
  std::string stop_signal; ///< of the image, may be empty
  bool taken_over = false; ///< begun by an earlier process of ours: it may have ended meanwhile
};

enum class start_stage : uint8_t { config, run };
struct start_failure {
  start_stage at = start_stage::config; ///< config: it waits and is tried again; run: it has ended
  std::string reason;                   ///< "CreateContainerConfigError", "StartError", ...
  std::string message;
};

[[noreturn]] inline void throw_exception_from_error(const start_failure& failure,
                                                    const boost::source_location&) {
  throw std::runtime_error(failure.message);
}

boost::system::result<container_started, start_failure> start(context& with,
                                                              const start_request& what);

/// How the container ended, by the shim's file, its control group and its termination message.
/// Nothing while it has not.
std::optional<ending> read_ending(context& with, const Pod& pod, const Container& spec,
                                  const std::string& id, const std::string& cgroup, timestamp now);

/// The file of a container's log.
std::filesystem::path log_file_of(const paths& where, const Pod& pod, const std::string& container,
                                  int attempt);

} // namespace troupe::node
