// Where connections to the addresses of services go, as maps in the kernel: which door leads to
// which backends. Opening or closing a door, or changing what stands behind it, edits a few
// elements in place; the chains stay as they are. It knows addresses and ports, not services.
//
//   doors:  (address, protocol, port) -> the chain that picks one of so many backends
//   slots:  (address, protocol, port, n) -> backend n
//   guarded: (address, protocol, port) -> the chain that drops whom the door is not for
//   sticky: (address, protocol, port) -> the chain that notes where a client was led
//   stuck:  (address, protocol, port, client) -> the backend it comes back to
#pragma once

#include "messages/base/address.hpp"
#include "net/dataplane/nft.hpp"

#include <compare>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace troupe::dataplane {

/// What a client connects to.
struct door {
  address ip; ///< IPv4
  uint8_t protocol = 6;
  uint16_t port = 0;

  auto operator<=>(const door&) const = default;
};

struct backend {
  address ip;
  uint16_t port = 0;

  auto operator<=>(const backend&) const = default;
};

/// What stands behind a door.
struct behind {
  std::vector<backend> backends; ///< in any order, each once
  int sticky_seconds = 0;        ///< how long a client comes back to the same one; 0: it does not
  bool silent = false;           ///< without backends: drop instead of refusing
  std::vector<network> allowed;  ///< whom clients from outside must belong to; empty: anybody

  bool operator==(const behind&) const = default;
};

struct service_table_settings {
  std::string table = "troupe";
  network own_pods; ///< addresses of this machine's pods
  network all_pods; ///< addresses of all pods
};

/// More backends of one door than this are reached through slots shared as evenly as they go.
inline constexpr uint32_t exact_backends_max = 64;
inline constexpr uint32_t shared_slots = 4096;
inline constexpr size_t doors_max = 200'000;

/// One thread at a time. In the network namespace in which it was opened.
class service_table {
public:
  /// The first commit makes the table anew, with all that was put until then: what an earlier
  /// process has left stands till that moment.
  static result<service_table> open(service_table_settings given);

  /// Sets what stands behind a door, from the next commit() on.
  void put(const door& at, behind what);
  void erase(const door& at);
  const std::map<door, behind>& doors() const { return wanted_; }

  /// Makes the kernel's maps agree, in one transaction. On failure the table is made anew from
  /// what is wanted at the next commit.
  result<void> commit();

  /// Removes the table. Nothing of ours stays.
  result<void> remove();

private:
  struct placed {
    std::vector<backend> slots; ///< exact: one a backend; shared: none is kept, see `count`
    behind what;
  };

  service_table(service_table_settings given, netlink_socket socket)
      : given_{std::move(given)}, socket_{std::move(socket)} {}

  void make_skeleton(nft::transaction& to);
  void change(nft::transaction& to, const door& at);
  void close_door(nft::transaction& to, const door& at, placed& old);
  void open_door(nft::transaction& to, const door& at, placed& fresh);
  std::string stick_chain(nft::transaction& to, uint32_t slots);
  std::string note_chain(nft::transaction& to, int seconds);
  std::string guard_chain(nft::transaction& to, const std::vector<network>& allowed);
  void forget_flows();
  void forget_stuck(nft::transaction& to);
  void count_hairpins(nft::transaction& to, const std::vector<backend>& backends, int by);
  result<void> rebuild();

  service_table_settings given_;
  netlink_socket socket_;
  std::map<door, behind> wanted_;
  std::set<door> dirty_;
  std::map<door, placed> placed_;
  std::map<address, int> hairpins_;           ///< addresses of this machine's backends
  std::map<std::string, std::string> guards_; ///< chains by the networks they let in
  std::set<std::string> made_chains_;         ///< beyond the skeleton
  /// Keys of doors whose clients may be stuck to a backend that left.
  std::set<std::string> sticky_changed_;
  std::set<door> flows_stale_; ///< doors of UDP that have changed
  bool broken_ = true; ///< what the kernel has is not known: the next commit makes all of it anew
};

} // namespace troupe::dataplane
