#include "actors/node/agent.hpp"

#include "actors/insight/trace_words.hpp"
#include "actors/node/door.hpp"
#include "actors/node/images/import.hpp"
#include "actors/node/images/watch.hpp"
#include "actors/node/manifest_watch.hpp"
#include "actors/node/node_status.hpp"
#include "actors/node/place.hpp"
#include "actors/node/pod.hpp"
#include "actors/volumes/binding.hpp"
#include "actors/insight/metered.hpp"
#include "messages/base/log.hpp"

#include <algorithm>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds arrive_again{500};
constexpr std::chrono::seconds arrive_patience{10};
constexpr std::chrono::milliseconds network_look_max{1'000};
constexpr std::chrono::milliseconds restart_after{1'000}; ///< of a POD that has failed
constexpr std::chrono::seconds mirror_again{10}; ///< while the servers do not show a static pod
/// How long static pods that may run already wait for the servers to tell what they know of them.
constexpr std::chrono::seconds mirror_patience{3};

struct held_pod {
  std::string ns, name;
  pod_actor actor;
};

struct agent_state {
  agent_state(node_agent_actor::pointer self, context_ptr with)
      : self{self}, with{std::move(with)} {
    self->set_down_handler([this](caf::down_msg& gone) { down(gone); });
    this->with->company.put({"agent", "node/" + this->with->given.name, true,
                             caf::actor_cast<caf::weak_actor_ptr>(self->address())});
    this->with->reports.on_waiting(
        [handle = node_agent_actor{self}] { caf::anon_send(handle, resync_atom_v); });
  }

  /// Its PODs end with it; their pods do not.
  ~agent_state() {
    with->reports.on_waiting({});
    for (auto& [uid, held] : pods) caf::anon_send_exit(held.actor, caf::exit_reason::user_shutdown);
  }

  // SERVERS

  void arrive() {
    arriving = telling_all = true;
    told_now.clear();
    cluster::Arrived word;
    word.set_node(node_object(*with).SerializeAsString());
    word.set_wants_network(with->given.wants_network);
    word.set_answers_marks(with->given.wants_network);
    auto settle = [this](const caf::strong_actor_ptr& handle) {
      arriving = false;
      node = caf::actor_cast<node_actor>(handle);
      self->monitor(node);
      with->tokens.ask_again();
      with->taken_in.ask_again();
      tell_node_status(*with); // what it arrived with may have changed since
      flush();
    };
    auto give_up = [this](const caf::error&) {
      arriving = false;
      retry();
    };
    self->request(with->given.nodes, arrive_patience, arrived_atom_v, word.SerializeAsString(),
                  caf::actor_cast<caf::strong_actor_ptr>(self))
        .then(settle, give_up);
  }

  void retry() { self->delayed_send(self, arrive_again, resync_atom_v); }

  void down(const caf::down_msg& gone) {
    if (node && node.address() == gone.source) {
      node = nullptr;
      return retry();
    }
    for (auto& [uid, held] : pods)
      if (held.actor.address() == gone.source) return pod_down(uid, gone.reason);
  }

  // FACTS

  void told(const std::string& bytes) {
    if (with->given.overhear) with->given.overhear(bytes);
    cluster::ToNode all;
    if (!all.ParseFromString(bytes)) {
      log::warn("node", "what the servers tell cannot be read; it is ignored");
      return;
    }
    std::set<std::string> changed;
    for (auto& fact : all.facts()) {
      if (fact.has_stands()) {
        auto& n = fact.stands().name();
        auto key = facts::key_of(n.resource(), n.namespace_(), n.name());
        with->told.stand(fact.stands());
        if (telling_all) told_now.insert(key);
        changed.insert(key);
      } else if (fact.has_gone()) {
        auto& n = fact.gone();
        auto key = facts::key_of(n.resource(), n.namespace_(), n.name());
        with->told.gone(key);
        changed.insert(key);
      } else if (fact.has_token()) {
        with->tokens.heard(fact.token());
      } else if (fact.what_case() == cluster::Fact::kTakenInEverywhere) {
        with->taken_in.heard(fact.taken_in_everywhere());
      } else if (fact.has_all_told()) {
        for (auto& key : with->told.keys())
          if (!told_now.contains(key)) {
            with->told.gone(key);
            changed.insert(key);
          }
        telling_all = false;
        everything_told = true;
        told_now.clear();
      }
    }
    watch_network(); // it may have got its addresses from this very message
    pass_on(changed);
    if (!std::exchange(everything_told, false)) return;
    was_told = true;
    tend_static_pods();
    remove_orphans();
  }

  void pass_on(const std::set<std::string>& changed) {
    std::set<std::string> namespaces; ///< where something pods refer to has changed
    bool everywhere = false;
    for (auto& key : changed) {
      if (key.starts_with("pods/")) {
        pod_changed(key);
      } else if (key == "nodes//" + with->given.name) {
        own_node_changed();
      } else if (key.starts_with("configmaps/") || key.starts_with("secrets/") ||
                 key.starts_with("persistentvolumeclaims/")) {
        auto begin = key.find('/') + 1;
        namespaces.insert(key.substr(begin, key.find('/', begin) - begin));
      } else if (key.starts_with("persistentvolumes/")) {
        volume_changed(key);
        everywhere = true;
      }
    }
    if (!everywhere && namespaces.empty()) return;
    for (auto& [uid, held] : pods)
      if (everywhere || namespaces.contains(held.ns)) tell(held);
  }

  /// A volume that was made as a directory of this node and is deleted: the directory goes first.
  void volume_changed(const std::string& key) {
    auto name = key.substr(key.rfind('/') + 1);
    auto v = with->told.find<k8s::core::v1::PersistentVolume>("persistentvolumes", "", name);
    if (!v || !v->metadata().has_deletion_timestamp() ||
        volumes::node_of_own(*v) != with->given.name)
      return;
    auto& kept = v->metadata().finalizers();
    if (std::find(kept.begin(), kept.end(), volumes::directory_finalizer) == kept.end()) return;
    if (kept.size() > 1) return; // somebody still uses it
    with->work.run([with = with, v] {
      fs::path path = v->spec().persistent_volume_source().host_path().path();
      bool ours =
          path.is_absolute() && path.filename().string().starts_with(v->metadata().name() + "_");
      if (ours && v->spec().persistent_volume_reclaim_policy() == "Delete") remove_tree(path);
      cluster::Report r;
      r.set_volume_gone(v->metadata().name());
      with->reports.put(std::move(r));
    });
  }

  /// What the servers show of this node is what it last told, unless that was overtaken by
  /// something older: then it is told again.
  void own_node_changed() {
    auto shown = with->told.find<k8s::core::v1::Node>("nodes", "", with->given.name);
    if (!shown || !node) return;
    for (auto& c : shown->status().conditions())
      if (c.type() == "Ready" && (c.status() == "True") != network_ready)
        return tell_node_status(*with);
  }

  void pod_changed(const std::string& key) {
    auto rest = key.substr(5);
    auto slash = rest.find('/');
    auto ns = rest.substr(0, slash), name = rest.substr(slash + 1);
    auto object = with->told.find<Pod>("pods", ns, name);
    for (auto& [uid, held] : pods)
      if (held.ns == ns && held.name == name) tell(held);
    if (!object || !mirrored_by(*object).empty()) return tend_static_pods();
    if (pods.contains(object->metadata().uid())) return;
    if (object->metadata().uid().find('/') != std::string::npos) return; // it becomes a path
    begin_pod(object);
  }

  std::string own_name() const { return "agent/" + with->given.name; }
  static std::string directory_name(const std::string& ns, const std::string& name) {
    return "pod/" + ns + "/" + name;
  }

  /// Something that concerns the pod has changed.
  void tell(const held_pod& held) {
    if (trace::on())
      trace::pass({.from = own_name(),
                   .to = directory_name(held.ns, held.name),
                   .verb = "tells",
                   .key = trace::pod_key(held.ns, held.name)});
    self->send(held.actor, told_atom_v);
  }

  void begin_pod(const std::shared_ptr<const Pod>& object) {
    auto& uid = object->metadata().uid();
    auto& status = object->status();
    bool adopted = fs::exists(with->where.pod(uid)) || !status.container_statuses().empty();
    held_pod held{object->metadata().namespace_(), object->metadata().name(), {}};
    held.actor = insight::spawn(self->system(), pod, with, object, adopted);
    self->monitor(held.actor);
    if (trace::on())
      trace::pass({.from = own_name(),
                   .to = directory_name(held.ns, held.name),
                   .verb = adopted ? "adopts" : "begins",
                   .key = trace::pod_key(held.ns, held.name)});
    with->company.put({directory_name(held.ns, held.name), own_name(), true,
                       caf::actor_cast<caf::weak_actor_ptr>(held.actor)});
    pods[uid] = std::move(held);
  }

  void pod_down(const std::string& uid, const caf::error& reason) {
    auto held = pods[uid];
    pods.erase(uid);
    with->company.drop(directory_name(held.ns, held.name));
    if (!reason) { // it has done its work
      with->manifests.forget(uid);
      return tend_static_pods(); // a newer one may have waited for its end
    }
    if (reason == caf::exit_reason::user_shutdown) return;
    log::error("node", "the actor of a pod has failed; it is started again",
               {{"pod", held.name}, {"namespace", held.ns}, {"reason", caf::to_string(reason)}});
    with->manifests.forget(uid);
    failed.push_back(held.ns + "/" + held.name);
    self->delayed_send(self, restart_after, resync_atom_v);
  }

  // STATIC PODS

  /// Begins and ends static pods as the files want it, and has the servers show them.
  void tend_static_pods() {
    for (auto& uid : with->manifests.end_unwanted(with->given.now()))
      if (auto held = pods.find(uid); held != pods.end()) tell(held->second);
    bool unseen = false;
    auto wanted = with->manifests.wanted();
    for (auto& [uid, pod] : wanted) {
      auto& m = pod->metadata();
      auto shown = with->told.find<Pod>("pods", m.namespace_(), m.name());
      if (!pods.contains(uid)) begin_static_pod(uid, pod, shown);
      if (shown && mirrored_by(*shown) == uid && !shown->metadata().has_deletion_timestamp())
        continue;
      unseen = true;
      if (!was_told || self->clock().now() < next_mirror[uid]) continue;
      next_mirror[uid] = self->clock().now() + mirror_again;
      if (shown && mirrored_by(*shown).empty())
        log::warn("node", "a static pod is not shown: another pod has its name",
                  {{"pod", m.namespace_() + "/" + m.name()}});
      if (shown) continue;
      cluster::Report r;
      r.set_mirror(mirror_of(*pod).SerializeAsString());
      with->reports.put(std::move(r));
    }
    std::erase_if(next_mirror, [&](auto& one) { return !wanted.contains(one.first); });
    remove_stale_mirrors(wanted);
    if (!unseen || self->clock().now() < mirror_wake) return;
    auto pause = was_told ? mirror_again : mirror_patience;
    mirror_wake = self->clock().now() + pause;
    self->delayed_send(self, pause, resync_atom_v);
  }

  void begin_static_pod(const std::string& uid, const static_pods::pod_ptr& pod,
                        const std::shared_ptr<const Pod>& shown) {
    auto& m = pod->metadata();
    for (auto& [other, held] : pods)
      if (held.ns == m.namespace_() && held.name == m.name()) return; // it is on its way out
    bool may_run = fs::exists(with->where.pod(uid));
    if (may_run && !was_told && self->clock().now() < began + mirror_patience) return;
    auto known = std::make_shared<Pod>(*pod);
    if (shown && mirrored_by(*shown) == uid) *known->mutable_status() = shown->status();
    with->manifests.begin(uid, known);
    begin_pod(known);
  }

  /// Mirrors of what is not wanted any more, and such as somebody has deleted: they come back.
  void remove_stale_mirrors(const std::map<std::string, static_pods::pod_ptr>& wanted) {
    std::erase_if(ends_told, [&](auto& one) { return one.second < self->clock().now(); });
    for (auto& object : with->told.list<Pod>("pods")) {
      auto of = mirrored_by(*object);
      bool stale = !wanted.contains(of) && !pods.contains(of);
      if (of.empty() || !(stale || object->metadata().has_deletion_timestamp())) continue;
      next_mirror.erase(of);
      if (auto& said = ends_told[object->metadata().uid()]; self->clock().now() < said)
        continue;
      else
        said = self->clock().now() + mirror_again;
      cluster::Report r;
      r.mutable_stopped()->set_namespace_(object->metadata().namespace_());
      r.mutable_stopped()->set_name(object->metadata().name());
      r.mutable_stopped()->set_uid(object->metadata().uid());
      with->reports.put(std::move(r));
    }
  }

  /// Pods that nobody knows any more, from before this process.
  void remove_orphans() {
    std::set<std::string> uids;
    std::error_code bad;
    for (auto& dir : {with->where.pods(), with->where.data / "pods", with->where.objects()})
      for (auto& e : fs::directory_iterator(dir, bad)) uids.insert(e.path().filename());
    for (auto& uid : uids) {
      if (pods.contains(uid)) continue;
      auto group = read_file(with->where.pod(uid) / "cgroup");
      auto cgroup = group ? *group : std::string{};
      with->work.run(
          [with = with, uid, cgroup] { (void)take_place_away(*with, uid, cgroup, true, {}); });
    }
    std::vector<std::string> logs;
    for (auto& e : fs::directory_iterator(with->where.logs(), bad)) {
      auto name = e.path().filename().string();
      auto uid = name.substr(name.rfind('_') + 1);
      if (!pods.contains(uid)) with->work.run([path = e.path()] { remove_tree(path); });
    }
  }

  // ITSELF

  void resync() {
    if (!node && !arriving) arrive();
    watch_network();
    tend_static_pods();
    for (auto& key : std::exchange(failed, {})) pod_changed("pods/" + key);
    flush();
    auto now = self->clock().now();
    if (now >= next_status) {
      next_status = now + with->given.status_period;
      self->delayed_send(self, with->given.status_period, resync_atom_v);
      if (node) tell_node_status(*with);
      with->work.run([with = with] { collect_images(*with); });
    }
  }

  /// Tells when the network of pods has become ready, or has ceased to be; while it is not, it is
  /// looked at again, more and more rarely.
  void watch_network() {
    bool ready = with->given.network->ready().has_value();
    if (ready != std::exchange(network_ready, ready)) {
      if (node) tell_node_status(*with);
      for (auto& [uid, held] : pods) tell(held);
    }
    if (ready || self->clock().now() < next_look) return;
    next_look = self->clock().now() + network_look;
    self->delayed_send(self, network_look, resync_atom_v);
    network_look = std::min(network_look * 2, network_look_max);
  }

  void flush() {
    if (!node) return; // it waits in the outbox
    auto all = with->reports.take();
    if (!all.reports().empty()) self->send(node, reported_atom_v, all.SerializeAsString());
  }

  node_agent_actor::pointer self;
  context_ptr with;
  node_actor node;
  bool arriving = false, everything_told = false;
  std::chrono::milliseconds network_look{5};
  caf::actor_clock::time_point next_look{};
  bool telling_all = false, network_ready = false;
  std::set<std::string> told_now;       ///< since the last arrival, until all is told
  std::map<std::string, held_pod> pods; ///< by uid
  std::vector<std::string> failed;
  bool was_told = false; ///< all that the servers know, at least once
  caf::actor_clock::time_point began = self->clock().now(), mirror_wake{};
  std::map<std::string, caf::actor_clock::time_point> next_mirror; ///< by uid of the static pod
  std::map<std::string, caf::actor_clock::time_point> ends_told;   ///< by uid of the mirror
  caf::actor_clock::time_point next_status{};
};

node_agent_actor::behavior_type
agent_body(node_agent_actor::stateful_pointer<std::unique_ptr<agent_state>> self,
           context_ptr with) {
  self->state = std::make_unique<agent_state>(self, std::move(with));
  auto state = self->state.get();
  state->resync();
  return {
      [state](told_atom, const std::string& bytes) { state->told(bytes); },
      [state](resync_atom) { state->resync(); },
  };
}

result<void> prepare_directories(const context& with) {
  auto& w = with.where;
  for (auto& d : {w.run, w.pods(), w.runtime_root(), w.data, w.data / "pods", w.logs()})
    if (auto made = make_directories(d, 0711); !made) return made;
  if (auto made = make_directories(w.objects(), 0711); !made) return made;
  // Secrets never reach a disk.
  if (mounts_below(w.objects()).empty() &&
      mount("tmpfs", w.objects().c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0711"))
    return system_error("mount memory at", w.objects());
  return {};
}

/// The image with which a first pod runs without any registry.
void import_hello(context& with) {
  constexpr const char* name = "troupe.dev/hello:latest";
  auto program = fs::path(with.given.shim_path).parent_path() / "troupe-hello";
  if (!fs::exists(program)) return;
  auto work = with.images.work_directory();
  if (!work) return;
  chmod(work->c_str(), 0755);
  std::error_code bad;
  fs::copy_file(program, *work / "hello", bad);
  // The same program makes the same image: nothing is written twice.
  for (auto& f : {*work, *work / "hello"}) fs::last_write_time(f, fs::file_time_type{}, bad);
  auto built = build_image(with.images, *work, {name, {"/hello"}, {}, {}, {}, {}});
  if (!built)
    log::warn("node", "the built-in image cannot be made", {{"why", built.error().message}});
  remove_tree(*work);
}

} // namespace

result<void> settings::validate() const {
  auto bad = [](std::string why) { return error{errc::bad_request, std::move(why)}; };
  if (name.empty()) return bad("the node needs a name");
  if (!fs::exists(shim_path)) return bad("there is no troupe-shim at \"" + shim_path + "\"");
  if (cgroup_root.empty() || cgroup_root.find('/') != cgroup_root.npos || cgroup_root[0] == '.')
    return bad("the root of the control groups is one plain name");
  if (!nodes) return bad("the node must know NODES, to whom it reports");
  if (!network || !now || !random) return bad("the node needs a network, a clock and chance");
  if (images.percent_low > images.percent_high)
    return bad("images go until the disk is no fuller than the low threshold: it must not be above "
               "the high one");
  if (pods_max < 1 || log_files_max < 1) return bad("limits of pods and log files begin at 1");
  if (data_directory.string().size() > 120 ||
      data_directory.string().find_first_of(":,\\") != std::string::npos)
    return bad(
        "the data directory's path must be shorter than 120 characters, without ':' and ','");
  return {};
}

result<agent> start_agent(caf::actor_system& system, settings given) {
  if (auto good = given.validate(); !good) return good.error();
  if (getuid() != 0) return error{errc::forbidden, "running pods needs root"};
  if (given.node_ip.empty()) given.node_ip = own_address();
  auto with = std::make_shared<context>(std::move(given));
  if (auto done = prepare_directories(*with); !done) return done.error();
  if (auto done = with->images.open(); !done) return done.error();
  import_hello(*with);
  watch_images(with);
  watch_manifests(with);
  with->given.network->on_taken_in([weak = std::weak_ptr(with)](uint64_t mark) {
    cluster::Report r;
    r.set_taken_in(mark);
    if (auto with = weak.lock()) with->reports.put(std::move(r));
  });
  agent out;
  out.actor = insight::spawn(system, agent_body, with);
  out.door = make_door(with);
  out.keeps = with;
  return out;
}

void stop_agent(agent& which) {
  auto with = std::static_pointer_cast<context>(which.keeps);
  if (!with) return;
  caf::anon_send_exit(which.actor, caf::exit_reason::user_shutdown);
  with->reports.on_waiting({});
  with->given.network->on_taken_in({});
  with->loop.stop();
  with->work.stop();
  with->pulls.stop();
  which = {};
}

} // namespace troupe::node
