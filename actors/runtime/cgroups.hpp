// The machine's control groups, in whatever layout they are: version 1 (a tree for each
// controller), version 2 (one tree), or both. Plain file operations; a pod is one directory in each
// tree that matters.
#pragma once

#include "actors/runtime/container_setup.hpp"
#include "messages/base/error.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace troupe::runtime {

/// Where the trees are: read once.
struct cgroup_layout {
  /// Controller name to its tree, for version 1; empty on a pure version 2 machine.
  std::map<std::string, std::filesystem::path> v1;
  std::filesystem::path v2; ///< the one tree, if controllers live there; else empty

  bool unified() const { return v1.empty() && !v2.empty(); }
  /// Whether groups can be limited by this controller.
  bool has(const std::string& controller) const;
  /// Every tree that may hold our groups.
  std::vector<std::filesystem::path> trees() const;
};

/// From the text of /proc/self/mountinfo; `controllers_of` reads a v2 tree's cgroup.controllers.
cgroup_layout read_layout(std::string_view mountinfo);
cgroup_layout find_layout();

struct cgroup_usage {
  uint64_t cpu_nanos = 0;
  uint64_t memory_bytes = 0;
  uint64_t working_set_bytes = 0; ///< without what can be dropped at once
  uint64_t rss_bytes = 0;
  uint64_t page_faults = 0, major_page_faults = 0;
  uint64_t processes = 0;
  uint64_t oom_kills = 0;
};

/// `group` is a path below the trees, as "/troupe/burstable/podUID".
class cgroups {
public:
  explicit cgroups(cgroup_layout layout) : layout_{std::move(layout)} {}

  const cgroup_layout& layout() const { return layout_; }
  /// Makes the group with these limits, its parents too; harmless to repeat with others.
  result<void> make(const std::string& group, const limits& of) const;
  void set_cpu_shares(const std::string& group, int64_t shares) const;
  cgroup_usage usage(const std::string& group) const;
  uint64_t oom_kills(const std::string& group) const;
  /// Everybody in the group and below.
  std::vector<int> processes(const std::string& group) const;
  /// Kills everybody in it, again and again until it is empty, and removes it and what is below.
  void remove(const std::string& group) const;
  /// Removes the group unless somebody is in it or below it.
  void remove_if_empty(const std::string& group) const;
  /// The groups directly below.
  std::vector<std::string> children(const std::string& group) const;

private:
  std::filesystem::path at(const char* controller, const std::string& group) const;
  cgroup_layout layout_;
};

/// Version 2 counts in weights from 1 to 10,000, version 1 in shares from 2 to 262,144.
uint64_t cpu_weight_of(int64_t shares);

} // namespace troupe::runtime
