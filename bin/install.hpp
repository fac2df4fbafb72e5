// `troupe install`: this machine becomes a server or an agent for good: the programs, a
// configuration file and a unit of the service manager. `troupe uninstall` takes them away again.
#pragma once

#include "bin/options.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace troupe {

/// Where an installation puts its files; all below `root`, which is "/" but in tests and where
/// several machines share their files.
struct installation {
  std::filesystem::path root = "/";

  std::filesystem::path at(const char* path) const { return root / path; }
  std::filesystem::path program() const { return at("usr/local/bin/troupe"); }
  std::filesystem::path config() const { return at("etc/troupe/config.yaml"); }
  std::filesystem::path unit(const std::string& role) const {
    return at("etc/systemd/system") / ("troupe-" + role + ".service");
  }
  std::filesystem::path data() const { return at("var/lib/troupe"); }
  std::filesystem::path run() const { return at("run/troupe"); }
  std::filesystem::path log(const std::string& role) const {
    return at("var/log") / ("troupe-" + role + ".log");
  }
};

/// The configuration file that holds these settings, and where its data is if that is unusual.
result<std::string> config_text(const installation& where, const std::string& role,
                                const std::vector<setting>& settings);

/// The unit of a role. Its containers outlive it: only the process itself is ended with it.
std::string unit_text(const installation& where, const std::string& role);

int install_command(const std::vector<std::string>& arguments);

/// Stops and removes what install_command() made, but the program itself and the data.
void remove_installation(const installation& where);

} // namespace troupe
