// What is to be done on which host, so that a list of hosts becomes a cluster. Pure: what was seen
// on the hosts goes in, steps come out; see command.cpp for who carries them out.
#pragma once

#include "messages/base/error.hpp"

#include <map>
#include <string>
#include <vector>

namespace troupe::deploy {

inline constexpr size_t hosts_max = 1'000;

struct ssh_way {
  std::string user = "root", key;
  uint16_t port = 22;
  std::vector<std::string> options; ///< of ssh -o
};

struct host {
  std::string address; ///< by which the others reach it, too
  std::string role;    ///< "server" or "agent"
  std::string name;    ///< of the node; empty: what the host calls itself
  std::string root = "/";
  ssh_way way;
};

/// Reads hosts.yaml. Says which host is wrong, and how.
result<std::vector<host>> read_hosts(const std::string& yaml);

/// What a look at a host found.
struct facts {
  std::string problem; ///< why nothing can be done there; empty if all is well
  std::string machine, kernel, user, runc, name;
  std::string program; ///< SHA-256 of the installed program; empty if there is none
  std::string config;  ///< SHA-256 of its settings
  std::string part;    ///< "server" or "agent" if it has joined a cluster as one
  bool cgroups = false, overlay = false, running = false;
};

/// The commands that find out; their output is read by read_facts().
std::string look_script(const std::string& root);
facts read_facts(const std::string& output);

/// Why this host cannot be what it is to be; empty if it can. `machine` is ours, whose program is
/// copied.
std::string unfit(const host& h, const facts& seen, const std::string& machine);

struct step {
  enum class kind { copy, install };
  kind what = kind::copy;
  size_t host = 0;
  std::string why;
  bool joins = false; ///< a cluster that other hosts have made
};

struct wanted {
  std::string program;              ///< SHA-256 of ours
  std::vector<std::string> configs; ///< SHA-256 of the settings of each host
};

/// Programs first, then servers one after another, then agents. On hosts that are as they should be
/// there is nothing to do. Planning again after all is done returns nothing.
std::vector<step> plan(const std::vector<host>& hosts, const std::vector<facts>& seen,
                       const wanted& want);
/// The server that the others join: one that is a member already, else the first.
size_t first_server(const std::vector<host>& hosts, const std::vector<facts>& seen);

} // namespace troupe::deploy
