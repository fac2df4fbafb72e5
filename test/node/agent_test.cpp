// A whole agent with real containers under runc; the servers are played by the test. Needs root,
// runc and busybox; without them nothing is proven and the test says so.
#include "actors/node/agent.hpp"
#include "actors/node/context.hpp"
#include "actors/node/images/import.hpp"
#include "test/support/fake_servers.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <random>
#include <unistd.h>

using namespace troupe;
namespace fs = std::filesystem;

namespace {

bool can_run() {
  return getuid() == 0 && fs::exists("/usr/sbin/runc") && fs::exists("/usr/bin/busybox") &&
         fs::exists(TROUPE_SHIM);
}

boost::test_tools::assertion_result runnable(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result out(can_run());
  out.message() << "needs root, runc, busybox and " << TROUPE_SHIM;
  return out;
}

struct company {
  company() {
    config.add_message_types<caf::id_block::troupe>();
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", 2);
    system.emplace(config);
    servers.emplace(*system);
    char name[] = "/tmp/troupe-node-XXXXXX";
    top = mkdtemp(name);
    root = "troupe-test-" + top.filename().string().substr(12);
    start();
    auto held = std::static_pointer_cast<node::context>(agent->keeps);
    with = held.get();
    auto files = top / "busybox";
    fs::create_directories(files / "bin");
    fs::create_directories(files / "tmp");
    fs::create_directories(files / "etc");
    fs::copy_file("/usr/bin/busybox", files / "bin" / "busybox");
    for (auto word : {"sh", "sleep", "cat", "echo", "id", "ls", "hostname", "true", "false", "env",
                      "touch", "test", "wget", "nc", "httpd", "kill", "mkdir", "stat", "mount"})
      fs::create_symlink("busybox", files / "bin" / word);
    std::ofstream(files / "etc" / "passwd")
        << "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n";
    std::ofstream(files / "etc" / "group") << "root:x:0:\napp:x:1000:\nextra:x:2000:app\n";
    auto built =
        node::build_image(with->images, files, {"test/busybox:1", {}, {"/bin/sh"}, {}, {}, {}});
    BOOST_REQUIRE_MESSAGE(built, (built ? "" : built.error().message));
  }
  ~company() {
    stop();
    auto done = node::cleanup(given(), true);
    BOOST_CHECK_MESSAGE(done, (done ? "" : done.error().message));
    servers.reset();
    system.reset();
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);)
      BOOST_CHECK_MESSAGE(line.find(top.string()) == line.npos, "left behind: " + line);
    fs::remove_all(top);
  }

  node::settings given() {
    node::settings out;
    out.name = "machine";
    out.data_directory = top / "data";
    out.run_directory = top / "run";
    out.shim_path = TROUPE_SHIM;
    out.cgroup_root = root;
    out.node_ip = "127.0.0.1";
    out.cluster_dns = {"10.96.0.10"};
    out.nodes = servers->nodes();
    out.now = [] { return timestamp{time(nullptr), 0}; };
    out.random = [] { return std::random_device{}(); };
    out.log_bytes_max = 64 << 10;
    out.manifest_directory = top / "manifests";
    return out;
  }
  void start() {
    auto made = node::start_agent(*system, given());
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
    agent = std::move(*made);
    with = static_cast<node::context*>(agent->keeps.get());
  }
  void stop() {
    if (agent) node::stop_agent(*agent);
    agent.reset();
  }
  std::string log(const testing::fake_servers::Pod& pod, const std::string& container,
                  int attempt = 0) {
    auto& m = pod.metadata();
    auto text = node::read_file(with->where.pod_logs(m.namespace_(), m.name(), m.uid()) /
                                container / (std::to_string(attempt) + ".log"));
    return text ? *text : "";
  }
  bool wait_log(const testing::fake_servers::Pod& pod, const std::string& container,
                const std::string& text) {
    if (becomes([&] { return log(pod, container).find(text) != std::string::npos; })) return true;
    BOOST_TEST_MESSAGE(log(pod, container).substr(0, 3000));
    return false;
  }
  /// For facts of the disk, of which nobody tells.
  template<class Fact> static bool becomes(Fact fact) {
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < end)
      if (fact()) return true;
    return false;
  }

  caf::actor_system_config config;
  std::optional<caf::actor_system> system;
  std::optional<testing::fake_servers> servers;
  fs::path top;
  std::string root;
  std::optional<node::agent> agent;
  node::context* with = nullptr;
};

} // namespace

BOOST_AUTO_TEST_SUITE(agent_test, *boost::unit_test::precondition(runnable))

BOOST_FIXTURE_TEST_CASE(a_pod_runs_is_reported_and_goes, company) {
  auto pod = servers->pod(R"({metadata: {name: web}, spec: {containers: [
    {name: main, image: "test/busybox:1", command: [sh, -c, "echo hello; exec sleep 1000"]}]}})");
  BOOST_TEST(servers->wait_ready("web"));
  auto s = servers->status("web");
  BOOST_TEST(s.phase() == "Running");
  BOOST_TEST(s.pod_ip() == "127.0.0.1");
  BOOST_TEST(s.container_statuses_size() == 1);
  BOOST_TEST(s.container_statuses(0).state().has_running());
  BOOST_TEST(wait_log(pod, "main", "stdout F hello"));
  BOOST_TEST(servers->saw_event("Started"));
  BOOST_TEST(servers->remove(pod, 1));
  BOOST_TEST(!fs::exists(with->where.pod(pod.metadata().uid())));
}

BOOST_FIXTURE_TEST_CASE(a_static_pod_lives_as_long_as_its_file, company) {
  auto write = [&](const std::string& said) {
    std::ofstream(top / "manifests" / ".new")
        << R"({apiVersion: v1, kind: Pod, metadata: {name: own}, spec: {terminationGracePeriodSeconds: 1,
      containers: [{name: main, image: "test/busybox:1", command: [sh, -c, "echo )"
        << said << R"(; exec sleep 1000"]}]}})";
    fs::rename(top / "manifests" / ".new", top / "manifests" / "own.yaml");
  };
  auto log_of = [&](const std::string& said) {
    return servers->wait([&] {
      for (auto& e : fs::directory_iterator(with->where.logs())) {
        auto text = node::read_file(e.path() / "main" / "0.log");
        if (text && text->find(said) != std::string::npos) return true;
      }
      return false;
    });
  };
  write("first");
  BOOST_TEST(servers->wait_ready("own-machine"));
  BOOST_TEST(log_of("first"));
  std::string mirror;
  servers->wait([&] { return !(mirror = servers->mirrors["own-machine"]).empty(); });
  // Who deletes the mirror sees it come back; the containers do not notice.
  auto id = servers->status("own-machine").container_statuses(0).container_id();
  auto shown = with->told.find<node::Pod>("pods", "default", "own-machine");
  BOOST_REQUIRE(shown);
  BOOST_TEST(servers->remove(*shown, 0));
  BOOST_TEST(servers->wait([&] { return servers->mirrors["own-machine"] != mirror; }));
  BOOST_TEST(servers->status("own-machine").container_statuses(0).container_id() == id);
  // It is adopted, with what the servers knew of it.
  stop();
  start();
  BOOST_TEST(servers->wait_ready("own-machine"));
  BOOST_TEST(servers->status("own-machine").container_statuses(0).container_id() == id);
  // Another text is another pod; a text that is none changes nothing.
  write("second");
  BOOST_TEST(servers->wait([&] {
    auto& s = servers->statuses["own-machine"];
    return s.container_statuses_size() && s.container_statuses(0).state().has_running() &&
           s.container_statuses(0).container_id() != id;
  }));
  BOOST_TEST(log_of("second"));
  auto second = servers->status("own-machine").container_statuses(0).container_id();
  std::ofstream(top / "manifests" / "own.yaml") << "{kind: Pod";
  std::ofstream(top / "manifests" / "secret.yaml")
      << "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: a, image: b, "
         "envFrom: [{secretRef: {name: s}}]}]}}";
  fs::remove(top / "manifests" / "own.yaml");
  BOOST_TEST(servers->wait([&] {
    for (auto& uid : servers->stopped)
      if (second.find(uid) != std::string::npos) return true;
    return false;
  }));
  BOOST_TEST(fs::is_empty(with->where.pods()));
}

BOOST_FIXTURE_TEST_CASE(a_pod_that_comes_to_its_end_has_succeeded, company) {
  auto pod = servers->pod(R"({metadata: {name: job}, spec: {restartPolicy: Never, containers: [
    {name: main, image: "test/busybox:1", command: [sh, -c, "echo done; echo said > /dev/termination-log"]}]}})");
  BOOST_TEST(servers->wait_phase("job", "Succeeded"));
  auto s = servers->status("job");
  BOOST_TEST(s.container_statuses(0).state().terminated().reason() == "Completed");
  BOOST_TEST(s.container_statuses(0).state().terminated().message() == "said\n");
  BOOST_TEST(servers->remove(pod));
}

BOOST_FIXTURE_TEST_CASE(variables_and_volumes_come_from_objects_and_follow_them, company) {
  servers->stands("", "v1", "configmaps",
                  "{metadata: {name: conf}, data: {greeting: hello, file: one}}");
  servers->stands("", "v1", "secrets", "{metadata: {name: key}, data: {word: c2VjcmV0}}");
  auto pod = servers->pod(
      R"({metadata: {name: web, labels: {app: shop}}, spec: {serviceAccountName: me, containers: [
    {name: main, image: "test/busybox:1", env: [
      {name: A, valueFrom: {configMapKeyRef: {name: conf, key: greeting}}},
      {name: B, value: "$(A) world"},
      {name: C, valueFrom: {secretKeyRef: {name: key, key: word}}},
      {name: D, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}},
      {name: E, valueFrom: {resourceFieldRef: {resource: limits.memory}}}],
     resources: {limits: {memory: 64Mi, cpu: 100m}},
     volumeMounts: [{name: conf, mountPath: /conf}, {name: all, mountPath: /all}, {name: tmp, mountPath: /scratch},
       {name: mem, mountPath: /mem}, {name: conf, mountPath: /one, subPath: file}],
     command: [sh, -c, "echo \"B=$B C=$C D=$D E=$E\"; cat /conf/file /all/token /all/word /one; echo; cat /all/labels; touch /scratch/x /mem/y && echo written; while true; do cat /conf/file; echo; sleep 0.05; done"]}],
    volumes: [{name: conf, configMap: {name: conf}}, {name: tmp, emptyDir: {}}, {name: mem, emptyDir: {medium: Memory, sizeLimit: 1Mi}},
      {name: all, projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 600}}, {secret: {name: key}},
        {downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}]}}]}})");
  BOOST_TEST(servers->wait_ready("web"));
  BOOST_TEST(wait_log(pod, "main", "B=hello world C=secret D=shop E=67108864"));
  BOOST_TEST(wait_log(pod, "main", "onetoken of mesecretone"));
  BOOST_TEST(wait_log(pod, "main", "app=\"shop\""));
  BOOST_TEST(wait_log(pod, "main", "written"));
  servers->stands("", "v1", "configmaps",
                  "{metadata: {name: conf}, data: {greeting: hello, file: changed}}");
  BOOST_TEST(wait_log(pod, "main", "changed"));
  BOOST_TEST(servers->remove(pod, 0));
}

BOOST_FIXTURE_TEST_CASE(what_is_missing_is_named_and_waited_for, company) {
  auto a = servers->pod(
      R"({metadata: {name: a}, spec: {containers: [{name: main, image: "test/busybox:1",
    command: [sleep, "100"], envFrom: [{configMapRef: {name: later}}]}]}})");
  auto b = servers->pod(
      R"({metadata: {name: b}, spec: {containers: [{name: main, image: "test/busybox:1",
    command: [sleep, "100"]}], volumes: [{name: v, secret: {secretName: lost}}]}})");
  auto c = servers->pod(
      R"({metadata: {name: c}, spec: {containers: [{name: main, image: "none:1", imagePullPolicy: Never}]}})");
  auto d = servers->pod(
      R"({metadata: {name: d}, spec: {containers: [{name: main, image: "test/busybox:1",
    command: [/no/such], imagePullPolicy: Never}], restartPolicy: Never}})");
  auto waits = [&](const char* pod, const char* reason) {
    return servers->wait([&] {
      auto& s = servers->statuses[pod];
      return s.container_statuses_size() &&
             s.container_statuses(0).state().waiting().reason() == reason;
    });
  };
  BOOST_TEST(waits("a", "CreateContainerConfigError"));
  BOOST_TEST(servers->saw_event("Failed", "configmap \"later\" not found"));
  BOOST_TEST(servers->saw_event("FailedMount", "secret \"lost\" not found"));
  BOOST_TEST(waits("c", "ErrImageNeverPull"));
  BOOST_TEST(servers->wait_phase("d", "Failed"));
  BOOST_TEST(servers->status("d").container_statuses(0).state().terminated().reason() ==
             "StartError");
  servers->stands("", "v1", "configmaps", "{metadata: {name: later}, data: {x: z}}");
  BOOST_TEST(servers->wait_ready("a"));
  for (auto& pod : {a, b, c, d}) BOOST_TEST(servers->remove(pod, 0));
}

BOOST_FIXTURE_TEST_CASE(a_container_that_takes_too_much_memory_is_shown_as_such, company) {
  auto pod = servers->pod(
      R"({metadata: {name: eater}, spec: {restartPolicy: Never, containers: [{name: main,
    image: "troupe.dev/hello", args: [eat, "200"], resources: {limits: {memory: 32Mi}}}]}})");
  BOOST_TEST(servers->wait_phase("eater", "Failed"));
  BOOST_TEST(servers->status("eater").container_statuses(0).state().terminated().reason() ==
             "OOMKilled");
  BOOST_TEST(servers->remove(pod, 0));
}

BOOST_FIXTURE_TEST_CASE(a_restart_of_the_agent_touches_no_container, company) {
  auto pod = servers->pod(R"({metadata: {name: web}, spec: {containers: [
    {name: main, image: "test/busybox:1", command: [sh, -c, "exec sleep 1000"]}]}})");
  auto job = servers->pod(R"({metadata: {name: job}, spec: {restartPolicy: Never, containers: [
    {name: main, image: "test/busybox:1", volumeMounts: [{name: v, mountPath: /v}],
     command: [sh, -c, "while ! test -e /v/go; do sleep 0.05; done; exit 7"]}], volumes: [{name: v, emptyDir: {}}]}})");
  BOOST_TEST(servers->wait_ready("web"));
  BOOST_TEST(servers->wait_ready("job"));
  auto run = [&] {
    return *node::read_file(with->where.pod(pod.metadata().uid()) /
                            (node::container_id(pod.metadata().uid(), "main", 0) + ".run"));
  };
  auto before = run();
  auto shared = with->where.pod_data(job.metadata().uid()) / "volumes" / "v";
  const auto& job_uid = job.metadata().uid();
  auto ended = with->where.pod(job_uid) / (node::container_id(job_uid, "main", 0) + ".exit");
  stop();
  std::ofstream(shared / "go") << "";
  BOOST_TEST(becomes([&] { return fs::exists(ended); })); // while nobody is there
  start();
  BOOST_TEST(servers->wait_phase("job", "Failed"));
  BOOST_TEST(servers->status("job").container_statuses(0).state().terminated().exit_code() == 7);
  BOOST_TEST(servers->wait_ready("web"));
  BOOST_TEST(run() == before);
  BOOST_TEST(servers->status("web").container_statuses(0).restart_count() == 0);
  BOOST_TEST(servers->remove(pod, 0));
  BOOST_TEST(servers->remove(job, 0));
}

BOOST_FIXTURE_TEST_CASE(probes_and_hooks_run_in_the_container, company) {
  auto pod = servers->pod(
      R"({metadata: {name: web}, spec: {containers: [{name: main, image: "test/busybox:1",
    command: [sh, -c, "while true; do test -e /tmp/dead && exit 3; sleep 0.05; done"],
    lifecycle: {postStart: {exec: {command: [touch, /tmp/ready]}}},
    readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1}}]}})");
  BOOST_TEST(servers->wait_ready("web"));
  BOOST_TEST(servers->remove(pod, 0));
}

BOOST_FIXTURE_TEST_CASE(processes_are_who_they_are_told_to_be, company) {
  auto pod = servers->pod(
      R"({metadata: {name: who}, spec: {restartPolicy: Never, hostname: me, shareProcessNamespace: true,
    securityContext: {runAsUser: 1000, fsGroup: 3000, supplementalGroups: [4000]},
    containers: [{name: main, image: "test/busybox:1", workingDir: /tmp,
      securityContext: {capabilities: {drop: [ALL]}, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true},
      command: [sh, -c, "id; hostname; touch /x || echo readonly; cat /proc/self/status; ls -ln /v; mount -t tmpfs x /tmp || echo nomount"],
      volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, emptyDir: {}}]}})");
  BOOST_TEST(servers->wait_phase("who", "Succeeded"));
  auto text = log(pod, "main");
  for (auto part : {"uid=1000", "3000", "4000", "me\n", "readonly", "NoNewPrivs:\t1", "Seccomp:\t2",
                    "CapEff:\t0000000000000000", "nomount"})
    BOOST_TEST(text.find(part) != std::string::npos, part << " in " << text);
  BOOST_TEST(servers->remove(pod, 0));
}

BOOST_FIXTURE_TEST_CASE(a_container_has_a_terminal_if_it_wants_one, company) {
  auto pod = servers->pod(
      R"({metadata: {name: screens}, spec: {restartPolicy: Never, containers: [
    {name: one, image: "test/busybox:1", tty: true, command: [sh, -c, "test -t 1 && echo a terminal"]},
    {name: two, image: "test/busybox:1", tty: true, command: [sh, -c, "test -t 1 && echo another"]},
    {name: three, image: "test/busybox:1", command: [sh, -c, "test -t 1 || echo none"]}]}})");
  BOOST_TEST(servers->wait_phase("screens", "Succeeded"));
  BOOST_TEST(wait_log(pod, "one", "a terminal"));
  BOOST_TEST(wait_log(pod, "two", "another"));
  BOOST_TEST(wait_log(pod, "three", "none"));
  BOOST_TEST(servers->remove(pod, 0));
}

BOOST_FIXTURE_TEST_CASE(many_pods_start_and_go_quickly, company) {
  std::vector<testing::fake_servers::Pod> pods;
  auto begin = std::chrono::steady_clock::now();
  auto ms = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 begin)
        .count();
  };
  pods.push_back(servers->pod(
      R"({metadata: {name: first}, spec: {containers: [{name: m, image: "troupe.dev/hello", args: [sleep]}]}})"));
  BOOST_TEST(servers->wait_ready("first"));
  BOOST_TEST_MESSAGE("one pod told to Ready: " << ms() << " ms");
  begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 30; ++i)
    pods.push_back(servers->pod(
        "{metadata: {name: p" + std::to_string(i) +
        R"(}, spec: {containers: [{name: m, image: "troupe.dev/hello", args: [sleep]}]}})"));
  for (int i = 0; i < 30; ++i) BOOST_TEST(servers->wait_ready("p" + std::to_string(i)));
  BOOST_TEST_MESSAGE("30 pods told to Ready: " << ms() << " ms");
  long shim_kib = 0;
  for (auto& p : pods) {
    auto pid = node::read_file(with->where.pod(p.metadata().uid()) / "shim");
    auto status = node::read_file("/proc/" + pid->substr(0, pid->find(' ')) + "/status");
    shim_kib = std::max(shim_kib, atol(status->c_str() + status->find("VmRSS:") + 6));
  }
  BOOST_TEST_MESSAGE("largest shim: " << shim_kib << " KiB resident");
  BOOST_TEST(shim_kib < 1024);
  begin = std::chrono::steady_clock::now();
  BOOST_TEST(servers->remove(pods[0], 30));
  BOOST_TEST_MESSAGE("one pod deleted to gone: " << ms() << " ms");
  begin = std::chrono::steady_clock::now();
  for (auto& p : pods) servers->ask_deletion(p, 30);
  BOOST_TEST(servers->wait([&] { return servers->stopped.size() == pods.size(); }));
  BOOST_TEST_MESSAGE("30 pods deleted to gone: " << ms() << " ms");
}

BOOST_AUTO_TEST_SUITE_END()
