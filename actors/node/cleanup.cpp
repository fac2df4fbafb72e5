// Ending everything that a node has left on its machine, with or without an agent: by what lies in
// its directories, not by what anybody remembers.
#include "actors/node/agent.hpp"
#include "actors/node/place.hpp"

#include <csignal>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

/// Shims first: without them no container is started again, and none is waited for.
void end_shims(const paths& where) {
  std::error_code bad;
  for (auto& e : fs::directory_iterator(where.pods(), bad)) {
    auto uid = e.path().filename().string();
    if (!shim_lives(where, uid)) continue;
    auto text = read_file(e.path() / "shim");
    if (int pid = text ? atoi(text->c_str()) : 0; pid > 1) kill(pid, SIGKILL);
  }
}

void end_shared_namespaces(const paths& where) {
  std::error_code bad;
  for (auto& e : fs::directory_iterator(where.pods(), bad))
    if (auto text = read_file(e.path() / "pause.run"))
      if (process_lives(*text)) kill(atoi(text->c_str()), SIGKILL);
}

} // namespace

result<void> cleanup(const settings& given, bool with_data) {
  paths where{given.run_directory, given.data_directory};
  end_shims(where);
  end_shared_namespaces(where);
  std::error_code bad;
  runtime::cgroups groups(runtime::find_layout());
  // By each pod's own group: another cluster of this machine may share the root.
  for (auto& e : fs::directory_iterator(where.pods(), bad))
    if (auto group = read_file(e.path() / "cgroup");
        group && group->starts_with("/" + given.cgroup_root + "/"))
      groups.remove(*group);
  for (auto group : {"/burstable", "/besteffort", ""})
    groups.remove_if_empty("/" + given.cgroup_root + group);
  if (given.network)
    for (auto& e : fs::directory_iterator(where.pods(), bad))
      given.network->detach(e.path().filename());
  for (auto& top : {where.run, where.data})
    for (auto& point : mounts_below(top)) unmount(point);
  for (auto& dir : {where.pods(), where.objects(), where.runtime_root()}) remove_tree(dir);
  remove_tree(where.data / "pods");
  if (with_data) remove_tree(where.data);
  rmdir(where.run.c_str()); // if it is ours alone
  if (fs::exists(where.pods(), bad))
    return error{errc::unavailable, "something is still in use below " + where.pods().string()};
  return {};
}

} // namespace troupe::node
