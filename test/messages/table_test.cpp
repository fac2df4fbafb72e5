// What tables show of objects in the states that people look at them for.
#include "messages/codec/table.hpp"

#include "messages/base/json.hpp"
#include "messages/codec/json_decode.hpp"
#include "messages/codec/sink.hpp"

#include <boost/test/unit_test.hpp>

#include <google/protobuf/message.h>

BOOST_AUTO_TEST_SUITE(table_test)

using namespace troupe;

namespace {

constexpr int64_t now = 1'000'000;

/// The table of one object, as a tree.
json::value table_of(const char* api_version, const char* kind_name, std::string_view object) {
  auto& kind = *schema::registry::built_in()->by_kind(api_version, kind_name);
  std::unique_ptr<google::protobuf::Message> typed(kind.prototype->New());
  auto read = codec::from_json(object, *typed);
  BOOST_REQUIRE_MESSAGE(read.has_value(), object);
  codec::table table(kind, codec::include::none, "v1", now);
  table.add(typed->SerializeAsString(), 1);
  return *json::parse(table.finish("1", {}, {}));
}

std::string cells_of(const char* api_version, const char* kind, std::string_view object) {
  auto table = table_of(api_version, kind, object);
  return json::write(json::find(table, "rows")->get_array()[0].at("cells"));
}

std::string columns_of(const char* api_version, const char* kind) {
  auto table = table_of(api_version, kind, "{}");
  std::string out;
  for (auto& c : json::find(table, "columnDefinitions")->get_array()) {
    out.append(out.empty() ? "" : " | ").append(json::string_at(c, {"name"}));
    if (auto type = json::string_at(c, {"type"}); type != "string") out.append(":").append(type);
    if (auto form = json::string_at(c, {"format"}); !form.empty()) out.append(":").append(form);
    if (json::find(c, "priority")->get_int64()) out += ":wide";
  }
  return out;
}

struct row {
  const char *api_version, *kind, *object, *cells;
};

} // namespace

BOOST_AUTO_TEST_CASE(columns_are_those_of_kubernetes_1_36) {
  BOOST_TEST(columns_of("batch/v1", "Job") ==
             "Name:name | Status | Completions | Duration | Age | Containers:wide | Images:wide | "
             "Selector:wide");
  BOOST_TEST(columns_of("batch/v1", "CronJob") ==
             "Name:name | Schedule | Timezone | Suspend:boolean | Active:integer | Last Schedule | "
             "Age | Containers:wide | Images:wide | Selector:wide");
  BOOST_TEST(columns_of("v1", "PersistentVolumeClaim") ==
             "Name:name | Status | Volume | Capacity | Access Modes | StorageClass | "
             "VolumeAttributesClass | Age | VolumeMode:wide");
  BOOST_TEST(columns_of("v1", "ResourceQuota") == "Name:name | Request | Limit | Age");
  BOOST_TEST(columns_of("storage.k8s.io/v1", "VolumeAttachment") ==
             "Name:name | Attacher:name | PV | Node | Attached:boolean | Age");
  BOOST_TEST(columns_of("scheduling.k8s.io/v1", "PriorityClass") ==
             "Name:name | Value:integer | Global-Default:boolean | Age | PreemptionPolicy");
}

BOOST_AUTO_TEST_CASE(rows_of_finished_pods_say_so) {
  auto row = [](const char* phase) {
    auto object = std::string(R"({"metadata":{"name":"a"},"status":{"phase":")") + phase + "\"}}";
    return table_of("v1", "Pod", object).at("rows").at(0);
  };
  BOOST_TEST(!row("Running").get_object().contains("conditions"));
  BOOST_TEST(row("Succeeded").at("conditions").at(0).at("reason") == "Succeeded");
  BOOST_TEST(row("Failed").at("conditions").at(0).at("type") == "Completed");
}

BOOST_AUTO_TEST_CASE(cells_tell_what_state_an_object_is_in) {
  for (
      auto& r : {
          // A job's status is its first condition that holds.
          row{"batch/v1", "Job",
              R"({"metadata":{"name":"j"},"spec":{"parallelism":3},"status":{"succeeded":1,"conditions":[{"type":"Suspended","status":"True"}]}})",
              R"(["j","Suspended","1/1 of 3","","<unknown>","","","<none>"])"},
          // A claim that names a volume shows what it has of it, be that nothing.
          row{"v1", "PersistentVolumeClaim",
              R"({"metadata":{"name":"c"},"spec":{"volumeName":"v"},"status":{"phase":"Bound","accessModes":["ReadWriteMany","ReadWriteOnce","ReadWriteMany"]}})",
              R"(["c","Bound","v","0","RWO,RWX","","<unset>","<unknown>","<unset>"])"},
          // While init containers run, the others have nothing to say.
          row{"v1", "Pod",
              R"({"metadata":{"name":"p"},"spec":{"initContainers":[{"name":"i"},{"name":"k"}],"containers":[{"name":"c"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","restartCount":2,"state":{"waiting":{"reason":"PodInitializing"}}}],"containerStatuses":[{"name":"c","restartCount":7,"ready":true,"state":{"running":{}}}]}})",
              R"(["p","0/1","Init:0/2","2","<unknown>","<none>","<none>","<none>","<none>"])"},
          // Endpoints without a ready address are not the same as none.
          row{"v1", "Endpoints",
              R"({"metadata":{"name":"e"},"subsets":[{"notReadyAddresses":[{"ip":"1.2.3.4"}],"ports":[{"port":80}]}]})",
              R"(["e","","<unknown>"])"},
          row{"v1", "Endpoints",
              R"({"metadata":{"name":"e"},"subsets":[{"addresses":[{"ip":"::1"}],"ports":[{"port":80}]}]})",
              R"(["e","[::1]:80","<unknown>"])"},
          row{"networking.k8s.io/v1", "Ingress",
              R"({"metadata":{"name":"i"},"spec":{"rules":[{"host":"a"},{},{"host":"b"},{"host":"c"},{"host":"d"}]},"status":{"loadBalancer":{"ingress":[{"hostname":"z"},{"ip":"1.1.1.1"},{"hostname":"z"}]}}})",
              R"(["i","<none>","a,b,c + 2 more...","1.1.1.1,z","80","<unknown>"])"},
          row{"autoscaling/v2", "HorizontalPodAutoscaler",
              R"({"metadata":{"name":"h"},"spec":{"maxReplicas":3,"scaleTargetRef":{"kind":"Deployment","name":"d"},"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}},{"type":"External","external":{"metric":{"name":"q"},"target":{"type":"AverageValue","averageValue":"10"}}},{"type":"Pods","pods":{"metric":{"name":"p"},"target":{"type":"AverageValue","averageValue":"1"}}}]},"status":{"currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":20}}}]}})",
              R"(["h","Deployment/d","cpu: 20%/80%, <unknown>/10 (avg) + 1 more...","<unset>",3,0,"<unknown>"])"},
          row{"v1", "Event",
              R"({"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"p"},"message":" two words\n","reportingComponent":"c","reportingInstance":"c-1"})",
              R"(["<unknown>","","","pod/p","","c, c-1","two words","<unknown>",1,"e"])"},
          row{"flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration",
              R"({"metadata":{"name":"l"},"spec":{"type":"Limited","limited":{"nominalConcurrencyShares":5,"limitResponse":{"type":"Reject"}}}})",
              R"(["l","Limited",5,"<none>","<none>","<none>","<unknown>"])"},
      })
    BOOST_TEST(cells_of(r.api_version, r.kind, r.object) == r.cells);
}

BOOST_AUTO_TEST_SUITE_END()
