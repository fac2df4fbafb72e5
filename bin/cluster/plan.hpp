// A cluster on one machine, as it is laid out: which members, which addresses, which names in the
// kernel, which command starts each. Pure; see cluster.cpp for who carries it out.
#pragma once

#include "messages/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace troupe::clusters {

inline constexpr unsigned servers_max = 9;
inline constexpr unsigned agents_max = 100;
inline constexpr unsigned numbers_max = 250; ///< of clusters on one machine
inline constexpr size_t name_size_max = 40;

/// What is remembered of a cluster: everything else follows from it.
struct book {
  std::string name;
  unsigned number = 0; ///< its own on this machine: 10.89.<number>.0/24
  unsigned servers = 1;
  unsigned agents = 1;
  uint16_t port = 0; ///< of the API, on this machine's loopback

  std::string text() const;
  static result<book> parse(const std::string& text);
};

struct places {
  std::filesystem::path data; ///< of all clusters
  std::filesystem::path run;  ///< gone after a reboot

  std::filesystem::path of(const book& b) const { return data / b.name; }
};

/// One process with a network namespace of its own.
struct member {
  enum class kind { server, agent };
  kind what = kind::server;
  unsigned number = 0;
  std::string name;    ///< "server-1"
  std::string address; ///< on the cluster's bridge
  std::string space;   ///< its network namespace, as `ip netns` knows it
  std::string port;    ///< its link on the bridge
  std::filesystem::path data, run, log;
};

/// A word that can be part of every name that is made of it, or why not.
result<void> check_name(const std::string& name);
result<void> check(const book& b);

std::string bridge_of(const book& b);
std::string gateway_of(const book& b);
/// All its addresses: "10.89.7.0/24".
std::string network_of(const book& b);
/// The kernel's table by which its members reach networks outside.
std::string way_out_of(unsigned number);
std::string api_url(const book& b);
std::vector<member> members_of(const book& b, const places& at);

/// What starts a member: the arguments behind the program's name.
std::vector<std::string> command_of(const member& m, const book& b, const places& at);
/// Where its servers take links, as HOST:PORT.
std::vector<std::string> links_of(const book& b, const places& at);
/// What leads from this machine's loopback to whichever server is there.
std::vector<std::string> relay_command(const book& b, const places& at);

/// A number that none of these has: the same name gets the same one if it can.
result<unsigned> free_number(const std::string& name, const std::vector<unsigned>& taken);

} // namespace troupe::clusters
