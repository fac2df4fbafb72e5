// The seam between pods and the network of their machine: who gives a pod's network namespace its
// interfaces and addresses, and takes them away again.
#pragma once

#include "messages/base/error.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace troupe::node {

/// A port of the machine that leads into a pod.
struct host_port {
  std::string protocol; ///< "TCP", "UDP", "SCTP"
  std::string host_ip;  ///< empty: every address of the machine
  uint16_t host = 0;
  uint16_t container = 0;

  bool operator==(const host_port&) const = default;
};

struct attach_request {
  std::string pod_uid;
  std::string pod_namespace;
  std::string pod_name;
  /// A bind-mounted network namespace in which only a loopback interface is, already up.
  std::string netns_path;
  std::vector<host_port> ports;
  /// Attached before this process began, with these addresses: take it over, change nothing.
  std::vector<std::string> adopted_ips;
};

/// Called from threads that may block, for different pods at the same time.
class pod_network {
public:
  virtual ~pod_network() = default;

  /// Whether pods may be attached yet, and if not, why (for the pods' conditions).
  virtual result<void> ready() { return {}; }

  /// Gives the pod its interfaces. Returns its addresses, the primary one first. Harmless to
  /// repeat.
  virtual result<std::vector<std::string>> attach(const attach_request& what) = 0;

  /// The pod is about to stop: waits until this machine sends no new connections to it, but no
  /// longer than `patience`. False if it has not sent any of late.
  virtual bool drain(const std::string& pod_uid, std::chrono::milliseconds patience) {
    (void)pod_uid, (void)patience;
    return false;
  }

  /// Who is to hear that the network does as it was told before a mark; nobody, if empty.
  virtual void on_taken_in(std::function<void(uint64_t mark)> call) { (void)call; }

  /// Takes everything of the pod back; its namespace may be gone already. Harmless to repeat.
  virtual void detach(const std::string& pod_uid) = 0;
};

/// A network for machines without one: each pod has its loopback interface and the address
/// 127.0.0.1, and reaches nothing else.
class loopback_network : public pod_network {
public:
  result<std::vector<std::string>> attach(const attach_request&) override {
    return std::vector<std::string>{"127.0.0.1"};
  }
  void detach(const std::string&) override {}
};

} // namespace troupe::node
