// What all parts of one node share: settings, facts, threads, images, control groups.
#pragma once

#include "actors/directory.hpp"
#include "actors/node/agent.hpp"
#include "actors/node/container_plan.hpp"
#include "actors/node/facts.hpp"
#include "actors/node/images/garbage.hpp"
#include "actors/node/images/image_store.hpp"
#include "actors/node/namespaces.hpp"
#include "actors/node/outbox.hpp"
#include "actors/node/paths.hpp"
#include "actors/node/pod_files.hpp"
#include "actors/node/pool.hpp"
#include "actors/node/probes/counts.hpp"
#include "actors/node/static_pods.hpp"
#include "actors/node/taken_in_desk.hpp"
#include "actors/node/token_desk.hpp"
#include "actors/node/usage_meter.hpp"
#include "actors/runtime/cgroups.hpp"
#include "actors/runtime/command_lines.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>
#include <thread>

namespace troupe::node {

/// One thread for everything that waits without blocking: shims, probes, streams.
class event_loop {
public:
  event_loop() : guard_{context.get_executor()}, thread_{[this] { context.run(); }} {}
  ~event_loop() { stop(); }
  void stop() {
    guard_.reset();
    context.stop();
    if (thread_.joinable()) thread_.join();
  }

  boost::asio::io_context context;

private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::thread thread_;
};

class image_puller;

/// A pod that runs here, as the door and the metrics see it. Replaced as a whole.
struct pod_card {
  std::shared_ptr<const Pod> pod;
  std::vector<container_record> containers;
  std::vector<std::string> ips;
  std::string cgroup;
};

struct context {
  explicit context(settings given);
  ~context();

  settings given;
  paths where;
  machine_view machine;
  runtime::cgroups groups;
  image_store images;
  std::mutex garbage_mutex;
  image_garbage garbage; ///< under garbage_mutex
  facts told;
  static_pods manifests;
  usage_meter usage;
  probe_counts probes;
  outbox reports;
  directory company; ///< the agent and its PODs, as "agent" and "pod/NAMESPACE/NAME"
  token_desk tokens{reports};
  taken_in_desk taken_in{reports};
  event_loop loop;
  pool work;  ///< mounting, starting, removing: short
  pool pulls; ///< pulling and unpacking: long
  std::optional<namespace_reserve> reserve;
  std::unique_ptr<image_puller> puller;

  /// The runtime that the pod's class names; not_found if this node has none of that name.
  result<runtime::program> runtime_for(const Pod& pod) const;
  runtime::program usual_runtime() const;
  node_view view(const std::vector<std::string>& pod_ips) const;
  dns_view dns() const;

  void show(const std::string& uid, std::shared_ptr<const pod_card> card);
  void forget(const std::string& uid);
  std::shared_ptr<const pod_card> card(const std::string& ns, const std::string& name) const;
  std::vector<std::shared_ptr<const pod_card>> cards() const;

  int64_t allocatable_cpu_milli() const { return machine.cpu_milli - given.reserved_cpu_milli; }
  int64_t allocatable_memory_bytes() const {
    return machine.memory_bytes - given.reserved_memory_bytes;
  }

private:
  mutable std::mutex cards_mutex_;
  std::map<std::string, std::shared_ptr<const pod_card>> cards_;
};

using context_ptr = std::shared_ptr<context>;

} // namespace troupe::node
