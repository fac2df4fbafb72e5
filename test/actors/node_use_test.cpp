// What pods use: limits of disk as tables, and usage between two samples.
#include "actors/node/disk_use.hpp"
#include "actors/node/static_pods.hpp"
#include "actors/node/usage_meter.hpp"
#include "messages/api/metrics.pb.h"

#include <boost/test/unit_test.hpp>
#include <google/protobuf/text_format.h>

using namespace troupe;
using namespace troupe::node;

namespace {

k8s::core::v1::Pod pod_of(const std::string& text) {
  k8s::core::v1::Pod out;
  BOOST_REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &out));
  return out;
}

const char* limited = R"(spec {
  volumes { name: "v" volume_source { empty_dir { size_limit { string: "1Mi" } } } }
  volumes { name: "m" volume_source { empty_dir { medium: "Memory" size_limit { string: "1Mi" } } } }
  init_containers { name: "i" resources { limits { key: "ephemeral-storage" value { string: "1Mi" } } } }
  containers { name: "a" resources { limits { key: "ephemeral-storage" value { string: "2Mi" } } } }
  containers { name: "b" resources { limits { key: "ephemeral-storage" value { string: "3Mi" } } } } })";

constexpr int64_t mi = 1 << 20;

machine_use sample(int64_t at_ms, uint64_t cpu_ms, int64_t started = 5) {
  machine_use out;
  out.now_ms = at_ms;
  out.node.cpu_nanos = 10 * cpu_ms * 1'000'000;
  runtime::cgroup_usage use;
  use.cpu_nanos = cpu_ms * 1'000'000;
  use.working_set_bytes = 4096;
  out.containers.push_back({"default", "web", "main", "uid-1", use, started});
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(node_use_test)

BOOST_AUTO_TEST_CASE(a_pod_goes_when_it_takes_more_disk_than_it_may) {
  auto limits = disk_limits_of(pod_of(limited));
  BOOST_TEST(limits.any());
  struct {
    const char* what;
    disk_use use;
    std::string wanted;
  } const rows[] = {
      {"nothing", {}, ""},
      {"up to the limit", {{{"v", 1 * mi}}, {{"a", 2 * mi}}}, ""},
      {"a volume",
       {{{"v", 1 * mi + 1}}, {}},
       "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". "},
      {"a container",
       {{}, {{"a", 2 * mi + 1}}},
       "Container a exceeded its local ephemeral storage limit \"2Mi\". "},
      {"all together",
       {{{"v", 1 * mi}}, {{"a", 2 * mi}, {"b", 3 * mi}}},
       "Pod ephemeral local storage usage exceeds the total limit of containers 5Mi. "},
  };
  for (auto& row : rows)
    BOOST_TEST(beyond_limits(limits, row.use).value_or("") == row.wanted, row.what);
  BOOST_TEST(!disk_limits_of(pod_of("spec { containers { name: \"a\" } }")).any());
}

BOOST_AUTO_TEST_CASE(usage_is_what_was_used_between_two_samples) {
  usage_meter meter;
  BOOST_TEST(!meter.add(sample(1'000, 100), "one").has_value());
  BOOST_TEST(!meter.add(sample(1'100, 150), "one").has_value()); // too close
  auto used = meter.add(sample(2'000, 350), "one");
  BOOST_REQUIRE(used);
  k8s::metrics::v1beta1::NodeMetrics node;
  BOOST_REQUIRE(node.ParseFromString(used->node()));
  BOOST_TEST(node.metadata().name() == "one");
  BOOST_TEST(node.usage().at("cpu").string() == "2500000000n");
  k8s::metrics::v1beta1::PodMetrics pod;
  BOOST_REQUIRE(used->pods_size() == 1);
  BOOST_REQUIRE(pod.ParseFromString(used->pods(0)));
  BOOST_TEST(pod.containers(0).usage().at("cpu").string() == "250000000n");
  BOOST_TEST(pod.containers(0).usage().at("memory").string() == "4Ki");
  // A container that has begun anew has used nothing yet that could be told.
  used = meter.add(sample(3'000, 10, 6), "one");
  BOOST_REQUIRE(used);
  BOOST_TEST(used->pods_size() == 0);
  BOOST_TEST(!meter.add(sample(500'000, 10), "one").has_value()); // what was, is too long ago
}

BOOST_AUTO_TEST_CASE(static_pods_are_named_after_their_node_and_contents) {
  auto read = [](const char* text) { return read_static_pods(text, "one", {1'000, 0}); };
  auto made = read("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: "
                   "a, image: b}]}\n");
  BOOST_REQUIRE(made);
  auto& pod = made->at(0);
  BOOST_TEST(pod.metadata().name() == "web-one");
  BOOST_TEST(pod.metadata().namespace_() == "default");
  BOOST_TEST(pod.metadata().uid().size() == 32u);
  BOOST_TEST(is_static(pod));
  auto shown = mirror_of(pod);
  BOOST_TEST(!is_static(shown));
  BOOST_TEST(mirrored_by(shown) == pod.metadata().uid());
  auto other = read("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: "
                    "a, image: c}]}\n");
  BOOST_REQUIRE(other);
  BOOST_TEST(other->at(0).metadata().uid() != pod.metadata().uid());
  for (auto bad :
       {"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: []}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {serviceAccountName: x, "
        "containers: [{name: a, image: b}]}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, image: "
        "b}], volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]}\n",
        "{"})
    BOOST_TEST(!read(bad), bad);
}

BOOST_AUTO_TEST_CASE(a_pod_that_came_between_samples_is_measured_since_then) {
  usage_meter meter;
  meter.add(sample(1'000, 100), "one");
  auto with_late = [](int64_t at_ms, uint64_t cpu_ms) {
    auto out = sample(at_ms, cpu_ms);
    out.containers.push_back({"default", "late", "main", "uid-2", out.containers[0].use, 9});
    return out;
  };
  BOOST_TEST(meter.add(with_late(21'000, 1'100), "one")->pods_size() == 1);
  auto used = meter.add(with_late(31'000, 2'600), "one");
  BOOST_REQUIRE(used);
  std::map<std::string, std::string> cpu;
  for (auto& bytes : used->pods()) {
    k8s::metrics::v1beta1::PodMetrics pod;
    BOOST_REQUIRE(pod.ParseFromString(bytes));
    cpu[pod.metadata().name()] = pod.containers(0).usage().at("cpu").string() + " in " +
                                 std::to_string(pod.window().duration() / 1'000'000'000);
  }
  BOOST_TEST(cpu["web"] == "83333333n in 30");
  BOOST_TEST(cpu["late"] == "150000000n in 10");
}

BOOST_AUTO_TEST_SUITE_END()
