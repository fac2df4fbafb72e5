#include "actors/runtime/cgroups.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <sstream>
#include <thread>
#include <unistd.h>

namespace troupe::runtime {

namespace fs = std::filesystem;

namespace {

std::string read_text(const fs::path& file) {
  std::string out;
  int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return out;
  char chunk[8192];
  for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0;)
    out.append(chunk, static_cast<size_t>(n));
  close(fd);
  return out;
}

bool write_text(const fs::path& file, const std::string& text) {
  int fd = open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool ok = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return ok;
}

uint64_t number_in(const std::string& text) { return strtoull(text.c_str(), nullptr, 10); }

/// The number behind `key` in lines of "key number".
uint64_t value_of(const std::string& text, std::string_view key) {
  std::istringstream lines(text);
  for (std::string name, value; lines >> name >> value;)
    if (name == key) return number_in(value);
  return 0;
}

/// Version 2: what a group hands down to those below it.
void hand_down(const fs::path& group) {
  for (auto c : {"+cpu", "+memory", "+pids", "+io", "+cpuset", "+hugetlb"})
    write_text(group / "cgroup.subtree_control", c);
}

void make_directories(const fs::path& tree, const std::string& group, bool unified) {
  fs::path at = tree;
  std::error_code ignored;
  if (unified) hand_down(at);
  for (auto& part : fs::path(group).relative_path()) {
    at /= part;
    bool fresh = fs::create_directory(at, ignored);
    if (unified) hand_down(at);
    // A version 1 cpuset without CPUs takes nobody in.
    if (fresh && fs::exists(at / "cpuset.cpus", ignored))
      for (auto f : {"cpuset.cpus", "cpuset.mems"})
        write_text(at / f, read_text(at.parent_path() / f));
  }
}

/// From the leaves up; directories only: the files in them are the kernel's.
void remove_directories(const fs::path& top) {
  std::error_code bad;
  for (auto& entry : fs::directory_iterator(top, bad))
    if (entry.is_directory(bad) && !entry.is_symlink(bad)) remove_directories(entry.path());
  rmdir(top.c_str());
}

void collect(const fs::path& top, std::set<int>& into) {
  std::istringstream in(read_text(top / "cgroup.procs"));
  for (int pid; in >> pid;) into.insert(pid);
  std::error_code bad;
  for (auto& entry : fs::directory_iterator(top, bad))
    if (entry.is_directory(bad)) collect(entry.path(), into);
}

} // namespace

std::vector<fs::path> cgroup_layout::trees() const {
  std::set<fs::path> out;
  for (auto& [name, path] : v1) out.insert(path);
  if (!v2.empty()) out.insert(v2);
  return {out.begin(), out.end()};
}

bool cgroup_layout::has(const std::string& controller) const {
  if (!unified()) return v1.contains(controller);
  std::istringstream words(read_text(v2 / "cgroup.controllers"));
  for (std::string word; words >> word;)
    if (word == controller) return true;
  return false;
}

cgroup_layout read_layout(std::string_view mountinfo) {
  cgroup_layout out;
  fs::path unified;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    auto dash = line.find(" - ");
    if (dash == line.npos) continue;
    std::istringstream left(line.substr(0, dash)), right(line.substr(dash + 3));
    std::string skip, root, point, type, source, options;
    left >> skip >> skip >> skip >> root >> point;
    right >> type >> source >> options;
    if (type == "cgroup2" && unified.empty()) unified = point;
    if (type != "cgroup") continue;
    static const std::set<std::string> known = {
        "cpu",  "cpuacct", "cpuset",  "memory",   "devices",    "freezer", "blkio",
        "pids", "hugetlb", "net_cls", "net_prio", "perf_event", "rdma",    "name=systemd"};
    std::istringstream words(options);
    for (std::string word; std::getline(words, word, ',');)
      if (known.contains(word)) out.v1.emplace(word, point);
  }
  // In the hybrid layout the tree of version 2 has no controllers, but runtimes put groups there.
  out.v2 = unified;
  return out;
}

cgroup_layout find_layout() { return read_layout(read_text("/proc/self/mountinfo")); }

uint64_t cpu_weight_of(int64_t shares) {
  auto s = std::clamp<int64_t>(shares, 2, 262'144);
  return static_cast<uint64_t>(1 + (s - 2) * 9'999 / 262'142);
}

fs::path cgroups::at(const char* controller, const std::string& group) const {
  auto relative = fs::path(group).relative_path();
  if (layout_.unified()) return layout_.v2 / relative;
  auto hit = layout_.v1.find(controller);
  return hit == layout_.v1.end() ? fs::path{} : hit->second / relative;
}

result<void> cgroups::make(const std::string& group, const limits& of) const {
  if (layout_.unified()) {
    make_directories(layout_.v2, group, true);
    auto dir = layout_.v2 / fs::path(group).relative_path();
    write_text(dir / "cpu.weight", std::to_string(cpu_weight_of(of.cpu_shares)));
    write_text(dir / "cpu.max",
               of.cpu_quota_us ? std::to_string(of.cpu_quota_us) + " 100000" : "max 100000");
    write_text(dir / "memory.max", of.memory_bytes ? std::to_string(of.memory_bytes) : "max");
    write_text(dir / "pids.max", of.pids ? std::to_string(of.pids) : "max");
    if (!fs::exists(dir))
      return error{errc::internal, "the control group " + dir.string() + " cannot be made"};
    return {};
  }
  // Only the trees where a pod as a whole has a limit: runtimes make the others' groups themselves.
  for (auto controller : {"cpu", "memory", "pids"})
    if (auto hit = layout_.v1.find(controller); hit != layout_.v1.end())
      make_directories(hit->second, group, false);
  auto cpu = at("cpu", group), memory = at("memory", group), pids = at("pids", group);
  if (!cpu.empty()) {
    write_text(cpu / "cpu.shares", std::to_string(of.cpu_shares));
    if (of.cpu_quota_us) write_text(cpu / "cpu.cfs_quota_us", std::to_string(of.cpu_quota_us));
  }
  if (!memory.empty() && of.memory_bytes)
    write_text(memory / "memory.limit_in_bytes", std::to_string(of.memory_bytes));
  if (!pids.empty() && of.pids) write_text(pids / "pids.max", std::to_string(of.pids));
  return {};
}

void cgroups::set_cpu_shares(const std::string& group, int64_t shares) const {
  auto dir = at("cpu", group);
  if (dir.empty()) return;
  make_directories(layout_.unified() ? layout_.v2 : layout_.v1.at("cpu"), group, layout_.unified());
  if (layout_.unified())
    write_text(dir / "cpu.weight", std::to_string(cpu_weight_of(shares)));
  else
    write_text(dir / "cpu.shares", std::to_string(shares));
}

cgroup_usage cgroups::usage(const std::string& group) const {
  cgroup_usage out;
  auto memory = at("memory", group);
  if (layout_.unified()) {
    out.cpu_nanos = value_of(read_text(memory / "cpu.stat"), "usage_usec") * 1000;
    auto stat = read_text(memory / "memory.stat");
    out.memory_bytes = number_in(read_text(memory / "memory.current"));
    auto inactive = value_of(stat, "inactive_file");
    out.working_set_bytes = out.memory_bytes > inactive ? out.memory_bytes - inactive : 0;
    out.rss_bytes = value_of(stat, "anon");
    out.page_faults = value_of(stat, "pgfault");
    out.major_page_faults = value_of(stat, "pgmajfault");
  } else {
    out.cpu_nanos = number_in(read_text(at("cpuacct", group) / "cpuacct.usage"));
    if (!memory.empty()) {
      auto stat = read_text(memory / "memory.stat");
      out.memory_bytes = number_in(read_text(memory / "memory.usage_in_bytes"));
      auto inactive = value_of(stat, "total_inactive_file");
      out.working_set_bytes = out.memory_bytes > inactive ? out.memory_bytes - inactive : 0;
      out.rss_bytes = value_of(stat, "total_rss");
      out.page_faults = value_of(stat, "total_pgfault");
      out.major_page_faults = value_of(stat, "total_pgmajfault");
    }
  }
  out.processes = number_in(read_text(at("pids", group) / "pids.current"));
  out.oom_kills = oom_kills(group);
  return out;
}

uint64_t cgroups::oom_kills(const std::string& group) const {
  auto dir = at("memory", group);
  if (dir.empty()) return 0;
  return layout_.unified() ? value_of(read_text(dir / "memory.events"), "oom_kill")
                           : value_of(read_text(dir / "memory.oom_control"), "oom_kill");
}

std::vector<int> cgroups::processes(const std::string& group) const {
  std::set<int> out;
  for (auto& tree : layout_.trees()) collect(tree / fs::path(group).relative_path(), out);
  return {out.begin(), out.end()};
}

void cgroups::remove(const std::string& group) const {
  if (group.empty() || group == "/") return; // never the whole machine
  constexpr int rounds_max = 200;
  for (int round = 0; round < rounds_max; ++round) {
    auto all = processes(group);
    for (int pid : all)
      if (pid > 1) kill(pid, SIGKILL);
    bool left = false;
    for (auto& tree : layout_.trees()) {
      auto dir = tree / fs::path(group).relative_path();
      std::error_code bad;
      if (!fs::exists(dir, bad)) continue;
      remove_directories(dir);
      left = left || fs::exists(dir, bad);
    }
    if (!left) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5)); // the kernel lets go a little later
  }
}

void cgroups::remove_if_empty(const std::string& group) const {
  if (group.empty() || group == "/") return;
  for (auto& tree : layout_.trees()) rmdir((tree / fs::path(group).relative_path()).c_str());
}

std::vector<std::string> cgroups::children(const std::string& group) const {
  std::set<std::string> out;
  std::error_code bad;
  for (auto& tree : layout_.trees())
    for (auto& entry : fs::directory_iterator(tree / fs::path(group).relative_path(), bad))
      if (entry.is_directory(bad)) out.insert(entry.path().filename().string());
  return {out.begin(), out.end()};
}

} // namespace troupe::runtime
