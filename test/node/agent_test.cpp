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
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < end)
      if (log(pod, container).find(text) != std::string::npos) return true;
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

BOOST_FIXTURE_TEST_CASE(a_pod_that_comes_to_its_end_has_succeeded, company) {
  auto pod = servers->pod(R"({metadata: {name: job}, spec: {restartPolicy: Never, containers: [
    {name: main, image: "test/busybox:1", command: [sh, -c, "echo done; echo said > /dev/termination-log"]}]}})");
  BOOST_TEST(servers->wait_phase("job", "Succeeded"));
  auto s = servers->status("job");
  BOOST_TEST(s.container_statuses(0).state().terminated().reason() == "Completed");
  BOOST_TEST(s.container_statuses(0).state().terminated().message() == "said\n");
  BOOST_TEST(servers->remove(pod));
}

BOOST_AUTO_TEST_SUITE_END()
