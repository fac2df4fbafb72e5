// The small pure parts of a node: variables, identities, files of pods, logs, probes on the wire.
#include "actors/node/container_plan.hpp"
#include "actors/node/environment.hpp"
#include "actors/node/log_lines.hpp"
#include "actors/node/pod_files.hpp"
#include "actors/node/probes/prober.hpp"
#include "actors/node/users.hpp"
#include "actors/node/volumes/volume_mounts.hpp"
#include "actors/node/volumes/volume_writer.hpp"
#include "actors/node/files.hpp"
#include "actors/runtime/capabilities.hpp"
#include "actors/runtime/cgroups.hpp"
#include "actors/runtime/seccomp.hpp"
#include "messages/base/json.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>
#include <fcntl.h>
#include <sys/stat.h>

using namespace troupe;
using namespace troupe::node;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_SUITE(node_parts_test)

BOOST_AUTO_TEST_CASE(variables_are_put_in_where_they_are_known) {
  environment_list env{{"A", "1"}, {"B", "two"}};
  struct row {
    const char* text;
    const char* expected;
  } rows[] = {{"$(A)", "1"},  {"x$(A)y$(B)", "x1ytwo"}, {"$(C)", "$(C)"}, {"$$(A)", "$(A)"},
              {"$A", "$A"},   {"$(A", "$(A"},           {"$", "$"},       {"$$", "$"},
              {"$()", "$()"}, {"a$$b", "a$b"}};
  for (auto& r : rows) BOOST_TEST(expand(r.text, env) == r.expected, r.text);
}

BOOST_AUTO_TEST_CASE(users_are_found_by_name_and_number) {
  const char* passwd = "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/srv:/bin/sh\nbroken\n";
  const char* group = "root:x:0:\nstaff:x:50:app,other\nextra:x:60:app\n";
  struct row {
    const char* user;
    int64_t uid, gid;
    size_t groups;
  } rows[] = {{"", 0, 0, 0},        {"app", 1000, 1001, 2},     {"1000", 1000, 1001, 2},
              {"4711", 4711, 0, 0}, {"app:staff", 1000, 50, 0}, {"7:8", 7, 8, 0}};
  for (auto& r : rows) {
    auto id = find_identity(r.user, passwd, group);
    BOOST_REQUIRE(id);
    BOOST_TEST(id->uid == r.uid, r.user);
    BOOST_TEST(id->gid == r.gid, r.user);
    BOOST_TEST(id->groups.size() == r.groups, r.user);
  }
  BOOST_TEST(!find_identity("nobody", passwd, group));
  BOOST_TEST(!find_identity("app:none", passwd, group));
  BOOST_TEST(find_identity("99999999999", passwd, group).has_error());
}

BOOST_AUTO_TEST_CASE(capabilities_are_added_dropped_and_bounded) {
  auto all = ~uint64_t{0};
  auto has = [](const std::vector<std::string>& in, const char* name) {
    return std::find(in.begin(), in.end(), name) != in.end();
  };
  BOOST_TEST(runtime::container_capabilities({}, {}, false, all).size() == 14u);
  auto one = runtime::container_capabilities({"NET_BIND_SERVICE"}, {"ALL"}, false, all);
  BOOST_TEST(one.size() == 1u);
  BOOST_TEST(has(one, "CAP_NET_BIND_SERVICE"));
  BOOST_TEST(has(runtime::container_capabilities({"sys_admin"}, {}, false, all), "CAP_SYS_ADMIN"));
  BOOST_TEST(!has(runtime::container_capabilities({"ALL"}, {"KILL"}, false, all), "CAP_KILL"));
  BOOST_TEST(runtime::container_capabilities({}, {}, true, 0b11).size() == 2u);
}

BOOST_AUTO_TEST_CASE(the_default_profile_is_json_and_grants_by_capability) {
  auto plain = runtime::default_seccomp({}), admin = runtime::default_seccomp({"CAP_SYS_ADMIN"});
  BOOST_TEST(json::parse(plain).has_value());
  BOOST_TEST(plain.find("\"mount\"") == std::string::npos);
  BOOST_TEST(admin.find("\"mount\"") != std::string::npos);
  BOOST_TEST(plain.find("\"kexec_load\"") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_log_is_shown_as_it_was_asked_for) {
  const std::string raw = "2026-01-01T00:00:00.0Z stdout F one\n"
                          "2026-01-01T00:00:10.0Z stderr F two\n"
                          "2026-01-01T00:00:20.0Z stdout P thr\n"
                          "2026-01-01T00:00:21.0Z stdout F ee\n"
                          "half a li";
  auto shown = [&](log_query q) {
    std::string out;
    log_filter f(q);
    for (size_t at = 0; at < raw.size(); at += 7) // however it is cut
      if (!f.feed(std::string_view(raw).substr(at, 7), out)) break;
    return out;
  };
  BOOST_TEST(shown({}) == "one\ntwo\nthree\n");
  BOOST_TEST(shown({.stream = "Stderr"}) == "two\n");
  BOOST_TEST(shown({.limit_bytes = 5}) == "one\nt");
  BOOST_TEST(shown({.timestamps = true, .stream = "Stderr"}) == "2026-01-01T00:00:10.0Z two\n");
  BOOST_TEST(shown({.since = *parse_time("2026-01-01T00:00:05Z")}) == "two\nthree\n");
}

BOOST_AUTO_TEST_CASE(the_last_lines_begin_where_they_begin) {
  const std::string raw = "t stdout F a\nt stdout P b\nt stdout F b\nt stdout F c\n";
  struct row {
    int64_t lines;
    const char* rest;
  } rows[] = {{0, ""}, {1, "t stdout F c\n"}, {2, "t stdout P b\nt stdout F b\nt stdout F c\n"}};
  for (auto& r : rows) {
    auto lines = r.lines;
    auto at = tail_begin(raw, lines);
    BOOST_REQUIRE(at.has_value());
    BOOST_TEST(raw.substr(*at) == r.rest);
  }
  int64_t many = 10;
  BOOST_TEST(!tail_begin(raw, many).has_value());
  BOOST_TEST(many == 7);
}

BOOST_AUTO_TEST_CASE(names_are_resolved_by_policy) {
  dns_view dns{{"10.96.0.10"}, "cluster.local", "nameserver 1.1.1.1\nsearch home\noptions edns0\n"};
  k8s::core::v1::Pod pod;
  pod.mutable_metadata()->set_namespace_("shop");
  pod.mutable_metadata()->set_name("web");
  BOOST_TEST(
      resolv_file(pod, dns) ==
      "nameserver 10.96.0.10\n"
      "search shop.svc.cluster.local svc.cluster.local cluster.local home\noptions ndots:5\n");
  pod.mutable_spec()->set_host_network(true);
  BOOST_TEST(resolv_file(pod, dns) == "nameserver 1.1.1.1\nsearch home\noptions edns0\n");
  pod.mutable_spec()->set_dns_policy("ClusterFirstWithHostNet");
  BOOST_TEST(resolv_file(pod, dns).starts_with("nameserver 10.96.0.10"));
  pod.mutable_spec()->set_dns_policy("None");
  auto& own = *pod.mutable_spec()->mutable_dns_config();
  own.add_nameservers("9.9.9.9");
  auto& option = *own.add_options();
  option.set_name("ndots");
  option.set_value("2");
  BOOST_TEST(resolv_file(pod, dns) == "nameserver 9.9.9.9\noptions ndots:2\n");
}

BOOST_AUTO_TEST_CASE(control_groups_of_every_layout_are_found) {
  auto v1 = runtime::read_layout(
      "30 20 0:25 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "31 20 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "32 20 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  BOOST_TEST(v1.v1.at("cpuacct").string() == "/sys/fs/cgroup/cpu,cpuacct");
  BOOST_TEST(!v1.unified());
  BOOST_TEST(v1.trees().size() == 3u);
  auto v2 = runtime::read_layout("30 20 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  BOOST_TEST(v2.unified());
  BOOST_TEST(runtime::cpu_weight_of(2) == 1u);
  BOOST_TEST(runtime::cpu_weight_of(1024) == 39u);
  BOOST_TEST(runtime::cpu_weight_of(262'144) == 10'000u);
}

BOOST_AUTO_TEST_CASE(limits_reach_the_one_tree_of_version_2_and_the_trees_of_version_1) {
  char name[] = "/tmp/troupe-groups-XXXXXX";
  fs::path top = mkdtemp(name);
  auto text = [](const fs::path& file) {
    auto read = read_file(file);
    return read ? *read : "nothing";
  };
  // As the kernel does, a group has its files as soon as it is made: here they are made beforehand.
  auto group = [&](const fs::path& tree, std::initializer_list<const char*> files) {
    fs::create_directories(tree / "troupe/burstable/pod1");
    for (auto f : files) std::ofstream(tree / "troupe/burstable/pod1" / f);
  };
  runtime::limits some;
  some.cpu_shares = 512;
  some.cpu_quota_us = 50'000;
  some.memory_bytes = 64 << 20;
  some.pids = 100;
  group(top / "2", {"cpu.weight", "cpu.max", "memory.max", "pids.max"});
  runtime::cgroups unified({.v1 = {}, .v2 = top / "2"});
  BOOST_REQUIRE(unified.make("/troupe/burstable/pod1", some));
  auto in = top / "2/troupe/burstable/pod1";
  BOOST_TEST(text(in / "cpu.weight") == std::to_string(runtime::cpu_weight_of(512)));
  BOOST_TEST(text(in / "cpu.max") == "50000 100000");
  BOOST_TEST(text(in / "memory.max") == std::to_string(64 << 20));
  BOOST_TEST(text(in / "pids.max") == "100");
  BOOST_REQUIRE(unified.make("/troupe/burstable/pod1", {}));
  for (auto file : {"cpu.max", "memory.max", "pids.max"})
    BOOST_TEST(text(in / file).starts_with("max"), file);

  std::map<std::string, fs::path> trees;
  for (auto controller : {"cpu", "memory", "pids"}) trees[controller] = top / controller;
  group(top / "cpu", {"cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us"});
  group(top / "memory", {"memory.limit_in_bytes"});
  group(top / "pids", {"pids.max"});
  runtime::cgroups split({.v1 = trees, .v2 = {}});
  BOOST_REQUIRE(split.make("/troupe/burstable/pod1", some));
  auto below = [&](const char* controller) { return top / controller / "troupe/burstable/pod1"; };
  BOOST_TEST(text(below("cpu") / "cpu.shares") == "512");
  BOOST_TEST(text(below("cpu") / "cpu.cfs_quota_us") == "50000");
  BOOST_TEST(text(below("memory") / "memory.limit_in_bytes") == std::to_string(64 << 20));
  BOOST_TEST(text(below("pids") / "pids.max") == "100");
  std::ofstream(top / "2/cgroup.controllers") << "cpu memory hugetlb\n";
  BOOST_TEST(unified.layout().has("hugetlb"));
  BOOST_TEST(!unified.layout().has("huge"));
  BOOST_TEST(!split.layout().has("hugetlb"));
  fs::remove_all(top);
}

BOOST_AUTO_TEST_CASE(use_is_read_from_either_version) {
  char name[] = "/tmp/troupe-groups-XXXXXX";
  fs::path top = mkdtemp(name);
  fs::create_directories(top / "2/p");
  std::ofstream(top / "2/p/cpu.stat") << "usage_usec 1500\nuser_usec 1000\n";
  std::ofstream(top / "2/p/memory.current") << "1000000\n";
  std::ofstream(top / "2/p/memory.stat") << "anon 4096\ninactive_file 200000\npgfault 7\n";
  std::ofstream(top / "2/p/memory.events") << "low 0\noom 2\noom_kill 3\n";
  auto v2 = runtime::cgroups({.v1 = {}, .v2 = top / "2"}).usage("/p");
  BOOST_TEST(v2.cpu_nanos == 1'500'000u);
  BOOST_TEST(v2.memory_bytes == 1'000'000u);
  BOOST_TEST(v2.working_set_bytes == 800'000u);
  BOOST_TEST(v2.oom_kills == 3u);
  fs::create_directories(top / "cpuacct/p");
  fs::create_directories(top / "memory/p");
  std::ofstream(top / "cpuacct/p/cpuacct.usage") << "77\n";
  std::ofstream(top / "memory/p/memory.usage_in_bytes") << "5000\n";
  std::ofstream(top / "memory/p/memory.stat") << "total_inactive_file 1000\n";
  std::ofstream(top / "memory/p/memory.oom_control") << "oom_kill_disable 0\noom_kill 1\n";
  auto v1 =
      runtime::cgroups({.v1 = {{"cpuacct", top / "cpuacct"}, {"memory", top / "memory"}}, .v2 = {}})
          .usage("/p");
  BOOST_TEST(v1.cpu_nanos == 77u);
  BOOST_TEST(v1.memory_bytes == 5000u);
  BOOST_TEST(v1.working_set_bytes == 4000u);
  BOOST_TEST(v1.oom_kills == 1u);
  fs::remove_all(top);
}

BOOST_AUTO_TEST_CASE(tokens_are_replaced_before_they_end_and_when_they_are_a_day_old) {
  BOOST_TEST(refresh_time(1000, 1600) == 1480);
  BOOST_TEST(refresh_time(0, 3600) == 2880);
  BOOST_TEST(refresh_time(5, 5 + 365 * 86'400) == 5 + 86'400);
}

BOOST_AUTO_TEST_CASE(a_volume_shows_all_of_the_old_or_all_of_the_new) {
  char name[] = "/tmp/troupe-volume-XXXXXX";
  fs::path top = mkdtemp(name);
  BOOST_REQUIRE(write_volume(top, {{"a", {"1", 0400}}, {"dir/b", {"2"}}}, {}));
  BOOST_TEST(*read_file(top / "a") == "1");
  BOOST_TEST(fs::read_symlink(top / "dir") == "..data/dir");
  auto before = fs::read_symlink(top / "..data");
  BOOST_REQUIRE(write_volume(top, {{"a", {"1", 0400}}, {"dir/b", {"2"}}}, {}));
  BOOST_TEST(fs::read_symlink(top / "..data") == before); // nothing has changed, nothing is touched
  BOOST_REQUIRE(write_volume(top, {{"a", {"3"}}}, {}));
  BOOST_TEST(*read_file(top / "a") == "3");
  BOOST_TEST(!fs::exists(fs::symlink_status(top / "dir")));
  BOOST_TEST(!fs::exists(top / before));
  fs::remove_all(top);
}

BOOST_AUTO_TEST_CASE(nothing_leads_out_of_a_volume) {
  char name[] = "/tmp/troupe-volume-XXXXXX";
  fs::path top = mkdtemp(name);
  fs::create_directory(top / "volume");
  std::ofstream(top / "secret") << "secret";
  fs::create_symlink("../secret", top / "volume" / "up");
  fs::create_symlink((top / "secret").string(), top / "volume" / "absolute");
  auto root = open_directory(top / "volume");
  BOOST_REQUIRE(root);
  for (auto path : {"up", "absolute", "../secret", "x/../../secret"})
    BOOST_TEST(!open_in_root(root->get(), path, O_RDONLY), path);
  fs::remove_all(top);
}

BOOST_AUTO_TEST_CASE(a_health_question_is_understood_whatever_the_cut) {
  BOOST_TEST(grpc_request("x:1", "").starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  std::string settings("\0\0\0\4\0\0\0\0\0", 9);
  std::string answer("\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x8\1", 16);
  grpc_reply reply;
  std::string sent;
  for (char c : settings + answer) sent += reply.feed({&c, 1});
  BOOST_TEST(sent == std::string("\0\0\0\4\1\0\0\0\0", 9));
  BOOST_TEST(reply.serving() == 1);
  grpc_reply noise;
  noise.feed("HTTP/1.1 400 Bad Request\r\n\r\n");
  BOOST_TEST(noise.over());
}

BOOST_AUTO_TEST_CASE(http_answers_are_judged_by_their_status_line) {
  struct row {
    const char* text;
    int status;
  } rows[] = {{"HTTP/1.1 200 OK\r\n", 200},
              {"HTTP/1.1 20", 0},
              {"SSH-2.0\r\n", -1},
              {"HTTP/1.0 503 \r\n", 503},
              {"HTTP/1.1 abc\r\n", -1}};
  for (auto& r : rows) BOOST_TEST(http_status(r.text) == r.status, r.text);
}

BOOST_AUTO_TEST_CASE(a_working_directory_below_proc_is_refused) {
  k8s::core::v1::Pod pod;
  k8s::core::v1::Container spec;
  spec.set_name("a");
  image from;
  from.cmd = {"/x"};
  identity who;
  environment_list env;
  std::vector<runtime::mount> mounts;
  machine_view machine;
  place_view place;
  auto plan_with = [&](const char* cwd) {
    from.cwd = cwd;
    return plan_container(
        {pod, spec, from, who, env, mounts, machine, place, "u.a.0", "/r", "", ""});
  };
  BOOST_TEST(plan_with("/srv").has_value());
  for (auto bad : {"/proc", "/proc/self/fd/8", "/x/../../proc"}) BOOST_TEST(!plan_with(bad), bad);
}

BOOST_AUTO_TEST_CASE(who_may_not_be_root_is_not) {
  k8s::core::v1::Pod pod;
  k8s::core::v1::Container spec;
  spec.mutable_security_context()->set_run_as_non_root(true);
  image from;
  from.cmd = {"/x"};
  identity who;
  environment_list env;
  std::vector<runtime::mount> mounts;
  machine_view machine;
  place_view place;
  auto good = [&] {
    return plan_container(
               {pod, spec, from, who, env, mounts, machine, place, "u.a.0", "/r", "", ""})
        .has_value();
  };
  BOOST_TEST(!good());
  who.uid = 1000;
  BOOST_TEST(good());
}

BOOST_AUTO_TEST_SUITE_END()
