#include "actors/node/start.hpp"

#include "actors/node/place.hpp"
#include "actors/node/users.hpp"
#include "actors/runtime/shim_client.hpp"

#include <fcntl.h>
#include <sstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace troupe::node {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds start_patience{60'000};
constexpr size_t termination_message_max = 4096, log_tail_max = 2048;

using outcome = boost::system::result<container_started, start_failure>;

start_failure config_failure(const error& why, const char* reason = "CreateContainerConfigError") {
  return {start_stage::config, reason, why.message};
}

result<void> mount_rootfs(const context& with, const image& from, const fs::path& rootfs,
                          const fs::path& written) {
  auto layers = with.images.layer_directories(from);
  auto upper = written / "upper", work = written / "work";
  for (auto& d : {upper, work, rootfs})
    if (auto made = make_directories(d, 0755); !made) return made;
  std::string lower;
  for (auto l = layers.rbegin(); l != layers.rend(); ++l) lower += (lower.empty() ? "" : ":") + *l;
  if (lower.empty()) { // an image without layers: an empty root
    if (mount(upper.c_str(), rootfs.c_str(), nullptr, MS_BIND, nullptr))
      return system_error("mount", rootfs);
    return {};
  }
  auto options = "lowerdir=" + lower + ",upperdir=" + upper.string() + ",workdir=" + work.string();
  if (options.size() >= static_cast<size_t>(getpagesize()))
    return error{errc::too_large, "the image has too many layers for one mount; make the data "
                                  "directory's path shorter or the image of fewer layers"};
  if (mount("overlay", rootfs.c_str(), "overlay", 0, options.c_str()))
    return system_error("mount the image at", rootfs);
  return {};
}

/// Block devices that the container asks for.
result<void> add_block_devices(const start_request& what, const Container& spec,
                               runtime::container_setup& to) {
  for (auto& d : spec.volume_devices()) {
    auto hit = what.volumes.find(d.name());
    struct stat st {};
    if (hit == what.volumes.end() || stat(hit->second.path.c_str(), &st) || !S_ISBLK(st.st_mode))
      return error{errc::invalid, "the volume \"" + d.name() + "\" is no block device"};
    to.devices.push_back({d.device_path(), 'b', static_cast<int64_t>(major(st.st_rdev)),
                          static_cast<int64_t>(minor(st.st_rdev)), 0660, 0, 0});
  }
  return {};
}

/// A process may only work in a directory that is there.
void make_cwd(const std::string& rootfs, const std::string& cwd) {
  auto root = open_directory(rootfs);
  if (root) (void)make_directory_in_root(root->get(), cwd);
}

std::string first_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  auto at = text.rfind('\n');
  return at == text.npos ? text : text.substr(at + 1);
}

struct starter {
  context& with;
  const start_request& what;
  const Pod& pod = *what.pod;
  std::string id = container_id(pod.metadata().uid(), what.container, what.attempt);
  fs::path bundle = with.where.bundle(pod.metadata().uid(), id);
  fs::path rootfs = bundle / "rootfs";

  outcome run() {
    auto spec = container_of(pod, what.container);
    if (!spec)
      return start_failure{start_stage::config, "CreateContainerConfigError", "no such container"};
    auto node = with.view(what.ips);
    auto env = make_environment(pod, *spec, with.told, node);
    if (!env) return config_failure(env.error());
    auto written = with.where.pod_data(pod.metadata().uid()) / "containers" / id;
    // An earlier process of ours may have asked for it and not have lived to hear the answer.
    if (std::error_code bad; fs::exists(bundle / "config.json", bad)) {
      if (fs::exists(with.where.pod(pod.metadata().uid()) / (id + ".run"), bad))
        return take_over(*spec, {"ran"});
      auto known = runtime::ask_shim(with.where.pod(pod.metadata().uid()), {"await", "1", id},
                                     start_patience);
      if (known && heard_of(*known)) return take_over(*spec, *known);
      if (auto program = with.runtime_for(pod))
        remove_container(with, pod.metadata().uid(), id, what.place.cgroup, *program);
    }
    if (auto done = mount_rootfs(with, *what.from, rootfs, written); !done)
      return config_failure(done.error(), "CreateContainerError");
    auto user = identity_in_rootfs();
    if (!user) return config_failure(user.error(), "CreateContainerError");
    auto mounts = container_mounts(what.volumes, *spec, *env, bundle);
    if (!mounts) return config_failure(mounts.error());
    auto log = bundle / "termination-log";
    if (auto done = write_file(log, "", 0666); !done) return config_failure(done.error());
    auto place = what.place;
    if (what.sees) {
      auto process = read_file(with.where.pod(pod.metadata().uid()) / (*what.sees + ".run"));
      if (!process || !process_lives(*process))
        return config_failure({errc::unavailable, "the container whose processes it is to see does "
                                                  "not run"},
                              "CreateContainerError");
      place.pid_path = "/proc/" + std::to_string(atoi(process->c_str())) + "/ns/pid";
    }
    auto setup = plan_container({pod, *spec, *what.from, *user, *env, *mounts, with.machine, place,
                                 id, rootfs, log, seccomp(*spec)});
    if (!setup) return config_failure(setup.error());
    if (auto done = add_block_devices(what, *spec, *setup); !done)
      return config_failure(done.error());
    make_cwd(rootfs, setup->cwd);
    if (auto done = write_file(bundle / "config.json", config_json(*setup)); !done)
      return config_failure(done.error(), "CreateContainerError");
    // What exec needs later, without planning again.
    if (auto done = write_file(bundle / "process.json", exec_json(*setup, {"@"}, false)); !done)
      return config_failure(done.error(), "CreateContainerError");
    return ask(*spec, *setup);
  }

  outcome ask(const Container& spec, const runtime::container_setup& setup) {
    auto program = with.runtime_for(pod);
    if (!program) return config_failure(program.error(), "CreateContainerError");
    (void)write_file(bundle / "runtime", program->path);
    auto file = log_file_of(with.where, pod, what.container, what.attempt);
    if (auto made = make_directories(file.parent_path()); !made)
      return config_failure(made.error());
    std::string flags = "oe";
    if (spec.stdin()) flags += "i";
    if (spec.stdin_once()) flags += "1";
    if (spec.tty()) flags += "t";
    std::vector<std::string> words{"run",
                                   "1",
                                   id,
                                   flags,
                                   file.string(),
                                   std::to_string(with.given.log_bytes_max),
                                   std::to_string(with.given.log_files_max)};
    auto command = runtime::run_command(*program, id, "bundles/" + id, spec.tty());
    words.insert(words.end(), command.begin(), command.end());
    auto answer = runtime::ask_shim(with.where.pod(pod.metadata().uid()), words, start_patience);
    if (!answer) return config_failure(answer.error(), "RunContainerError");
    if (answer->front() == "ran")
      return container_started{id,   setup.uid, setup.gid, setup.groups, what.from->stop_signal,
                               false};
    return not_started(*answer);
  }

  /// It has been started, or not, by whoever was here before us.
  outcome take_over(const Container& spec, const std::vector<std::string>& answer) {
    if (answer.front() != "ran") return not_started(answer);
    auto user = identity_in_rootfs();
    if (!user) return config_failure(user.error(), "CreateContainerError");
    auto setup = plan_container({pod,
                                 spec,
                                 *what.from,
                                 *user,
                                 {},
                                 {},
                                 with.machine,
                                 what.place,
                                 id,
                                 rootfs,
                                 bundle / "termination-log",
                                 seccomp(spec)});
    if (!setup) return config_failure(setup.error());
    return container_started{id,  setup->uid, setup->gid, setup->groups, what.from->stop_signal,
                             true};
  }

  /// Shims of former versions do not know the question.
  static bool heard_of(const std::vector<std::string>& answer) {
    return answer.front() != "unknown" && (answer.size() < 4 || answer[3] != "unknown word");
  }

  start_failure not_started(const std::vector<std::string>& answer) const {
    auto text = answer.size() > 3 ? first_line(answer[3]) : "the runtime has failed";
    return {start_stage::run, "StartError", "failed to start container \"" + id + "\": " + text};
  }

  result<identity> identity_in_rootfs() const {
    return find_identity(wanted_user(pod, *container_of(pod, what.container), *what.from),
                         read_in_root(rootfs, "/etc/passwd"), read_in_root(rootfs, "/etc/group"));
  }

  std::string seccomp(const Container& spec) const {
    auto name = localhost_profile(pod, spec);
    if (name.empty()) return {};
    auto dir = open_directory(with.where.data / "seccomp");
    if (!dir) return {};
    return read_in_root((with.where.data / "seccomp").string(), name);
  }
};

/// The end of a container's own log, for those whose message comes from there.
std::string log_tail(const fs::path& file) {
  auto text = read_file(file);
  if (!text) return {};
  std::string out;
  std::istringstream lines(text->size() > 16'384 ? text->substr(text->size() - 16'384) : *text);
  for (std::string line; std::getline(lines, line);) {
    auto at = line.find(' ');
    for (int i = 0; i < 2 && at != line.npos; ++i) at = line.find(' ', at + 1);
    if (at != line.npos) out += line.substr(at + 1) + "\n";
  }
  if (out.size() > log_tail_max) out.erase(0, out.size() - log_tail_max);
  return out;
}

timestamp from_nanos(uint64_t nanos) {
  return {static_cast<int64_t>(nanos / 1'000'000'000), static_cast<int32_t>(nanos % 1'000'000'000)};
}

} // namespace

outcome start(context& with, const start_request& what) {
  starter s{with, what};
  auto out = s.run();
  if (!out) {
    remove_tree(s.bundle / "config.json");
    for (auto& point : mounts_below(s.bundle)) unmount(point);
  }
  return out;
}

fs::path log_file_of(const paths& where, const Pod& pod, const std::string& container,
                     int attempt) {
  auto& m = pod.metadata();
  return where.pod_logs(m.namespace_(), m.name(), m.uid()) / container /
         (std::to_string(attempt) + ".log");
}

std::optional<ending> read_ending(context& with, const Pod& pod, const Container& spec,
                                  const std::string& id, const std::string& cgroup, timestamp now) {
  auto dir = with.where.pod(pod.metadata().uid());
  auto run = read_file(dir / (id + ".run")), end = read_file(dir / (id + ".exit"));
  ending out;
  out.container_id = id;
  if (run) {
    std::istringstream in(*run);
    long long pid = 0, start = 0;
    uint64_t nanos = 0;
    in >> pid >> start >> nanos;
    out.started = from_nanos(nanos);
  }
  if (end) {
    std::istringstream in(*end);
    uint64_t nanos = 0;
    int signal = 0;
    in >> out.exit_code >> signal >> nanos;
    out.finished = from_nanos(nanos);
  } else {
    if (shim_lives(with.where, pod.metadata().uid())) return std::nullopt;
    out.exit_code = 137; // its parent is gone, and nobody knows
    out.finished = now;
    out.reason = "ContainerStatusUnknown";
    out.message = "The container's shim has ended; how the container did is not known";
    return out;
  }
  out.reason = out.exit_code == 0 ? "Completed" : "Error";
  auto own = cgroup + "/" + id.substr(id.find('.') + 1);
  if (out.exit_code != 0 && with.groups.oom_kills(own) > 0) out.reason = "OOMKilled";
  // The file belongs to whoever ran: no links, no more than a message.
  descriptor log(open((with.where.bundle(pod.metadata().uid(), id) / "termination-log").c_str(),
                      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (log) {
    out.message.resize(termination_message_max);
    auto n = read(log.get(), out.message.data(), out.message.size());
    out.message.resize(n > 0 ? static_cast<size_t>(n) : 0);
  }
  if (out.message.empty() && out.exit_code != 0 &&
      spec.termination_message_policy() == "FallbackToLogsOnError") {
    auto attempt = atoi(id.substr(id.rfind('.') + 1).c_str());
    out.message = log_tail(log_file_of(with.where, pod, spec.name(), attempt));
  }
  return out;
}

} // namespace troupe::node
