// A POD that takes over what an earlier process of Troupe has left running: its containers, their
// ends and how often they were restarted, by the shim's files and the status last told.
#include "actors/node/pod.hpp"

#include <sstream>

namespace troupe::node {

namespace {

/// The latest attempt of each container that has left a trace.
std::map<std::string, int> attempts_in(const std::filesystem::path& dir, const std::string& uid) {
  std::map<std::string, int> out;
  std::error_code bad;
  for (auto& e : std::filesystem::directory_iterator(dir, bad)) {
    auto name = e.path().filename().string();
    if (!name.starts_with(uid + ".") || !name.ends_with(".run")) continue;
    name = name.substr(uid.size() + 1, name.size() - uid.size() - 5);
    auto dot = name.rfind('.');
    if (dot == name.npos) continue;
    auto& attempt = out.try_emplace(name.substr(0, dot), -1).first->second;
    attempt = std::max(attempt, atoi(name.c_str() + dot + 1));
  }
  return out;
}

std::optional<ending> ending_in(const k8s::core::v1::ContainerState& state) {
  if (!state.has_terminated()) return std::nullopt;
  auto& t = state.terminated();
  auto id = t.container_id();
  if (auto at = id.find("://"); at != id.npos) id = id.substr(at + 3);
  return ending{t.exit_code(),
                t.signal(),
                t.reason(),
                t.message(),
                {t.started_at().seconds(), 0},
                {t.finished_at().seconds(), 0},
                id};
}

const k8s::core::v1::ContainerStatus* status_in(const Pod& pod, const std::string& name) {
  auto& s = pod.status();
  for (auto* list :
       {&s.container_statuses(), &s.init_container_statuses(), &s.ephemeral_container_statuses()})
    for (auto& one : *list)
      if (one.name() == name) return &one;
  return nullptr;
}

} // namespace

void pod_state::adopt() {
  auto dir = with_->where.pod(uid());
  auto found = attempts_in(dir, uid());
  for (auto& c : record_.containers) {
    auto hit = found.find(c.name);
    auto known = status_in(*pod_, c.name);
    if (known) {
      c.image_name = known->image();
      c.image_id = known->image_id();
      c.uid = known->user().linux().uid();
      c.gid = known->user().linux().gid();
      for (auto g : known->user().linux().supplemental_groups()) c.groups.push_back(g);
      c.last_end = ending_in(known->last_state());
    }
    if (hit == found.end()) {
      // Nothing of it is here: what the servers know is all there is.
      auto end = known ? ending_in(known->state()) : std::nullopt;
      if (end) {
        c.attempt = known->restart_count();
        c.container_id = end->container_id;
        note_ended(c, *end, now());
      }
      continue;
    }
    taking_over_ = true;
    c.attempt = hit->second;
    c.container_id = container_id(uid(), c.name, c.attempt);
    for (int i = 1; i < c.attempt && c.backoff < backoff_max; ++i)
      c.backoff = next_backoff(c.backoff);
    auto run = read_file(dir / (c.container_id + ".run"));
    long long pid = 0, start = 0;
    uint64_t nanos = 0;
    if (run) std::istringstream(*run) >> pid >> start >> nanos;
    auto seconds = static_cast<int64_t>(nanos / 1'000'000'000);
    note_running(c, {seconds, 0},
                 now() - std::chrono::seconds(std::max<int64_t>(0, wall().seconds - seconds)));
    // What had passed is not asked to pass again before anybody may use it.
    if (known && known->started()) {
      c.post_start = progress::done;
      c.probe(probe_kind::startup).passed = true;
      if (known->ready()) c.probe(probe_kind::readiness).passed = true;
    }
    auto held = with_->images.find(c.image_id);
    if (held) stop_signals_[c.name] = held->stop_signal;
    c.image = progress::done;
    // Whether it still runs shows when its shim is watched; how it ended, in its file.
    place_.cgroup = pod_cgroup(with_->given.cgroup_root, *pod_);
    auto spec = container_of(*pod_, c.name);
    if (!spec) continue;
    if (auto end = read_ending(*with_, *pod_, *spec, c.container_id, place_.cgroup, wall())) {
      auto told = known ? ending_in(known->state()) : std::nullopt;
      if (!told && known) told = ending_in(known->last_state());
      note_ended(c, told && told->container_id == c.container_id ? *told : *end, now());
    }
  }
  // A pod whose end was told before has nothing running: what is left of it is taken away again.
  // Of one that goes no place is made again, and yet somebody must hear its containers end.
  if (is_alive(record_)) watch_shim();
}

} // namespace troupe::node
