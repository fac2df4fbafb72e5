// A host at the other end of ssh: commands run there, files copied there. ssh and scp are the
// system's own; they ask nothing, and fail instead.
#pragma once

#include "bin/deploy/plan.hpp"

#include <chrono>
#include <filesystem>

namespace troupe::deploy {

class ssh {
public:
  explicit ssh(const host& at) : at_{at} {}

  /// What the script wrote; an error with its last words if it failed.
  result<std::string> run(const std::string& script, std::chrono::seconds patience) const;
  result<void> copy(const std::vector<std::filesystem::path>& files, const std::string& to) const;

private:
  std::vector<std::string> words(const char* program, const char* port_flag) const;
  std::string target() const;

  const host& at_;
};

} // namespace troupe::deploy
