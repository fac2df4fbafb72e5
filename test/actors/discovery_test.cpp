// What an Accept header asks of discovery, and the documents in protobuf.
#include "actors/gateway/discovery.hpp"
#include "messages/api/discovery.pb.h"
#include "messages/codec/discovery.hpp"
#include "messages/codec/envelope.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::gateway;

namespace {

const std::string text = "application/json", binary = "application/vnd.kubernetes.protobuf",
                  whole = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
                  older = ";g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

struct asked {
  std::string accept;
  bool aggregates;
  std::string expected; ///< the form, and the aggregated version; empty if there is none
};

std::string told(const asked& r) {
  auto form = choose_discovery(r.accept, r.aggregates);
  if (!form) return {};
  return std::string(content_type(form->content.as)) +
         (form->aggregated.empty() ? "" : " " + form->aggregated);
}

} // namespace

BOOST_AUTO_TEST_SUITE(discovery_test)

BOOST_AUTO_TEST_CASE(the_first_form_that_can_be_given_is_chosen) {
  const std::vector<asked> table{
      {"", true, text},
      {binary, true, binary},
      {binary + whole, true, binary + " v2"},
      {text + older, true, text + " v2beta1"},
      {text + whole + "," + text + older + "," + text, true, text + " v2"},
      {binary + whole + ", " + binary, false, binary},
      {"text/html, " + text + "," + binary + whole, true, text},
      {binary + whole, false, ""},
      {"text/html", true, ""},
      {text + ";g=meta.k8s.io;v=v1;as=APIGroupDiscoveryList," + binary, true, binary},
      {text + ";g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList", true, ""}};
  for (auto& r : table) BOOST_TEST(told(r) == r.expected, r.accept);
}

BOOST_AUTO_TEST_CASE(the_version_that_objects_are_stored_in_has_the_hash_of_kubernetes) {
  auto& kinds = *schema::registry::built_in();
  auto hash = [&](const char* group, const char* version, const std::string& plural) {
    auto tree = *json::parse(*codec::resources_json(kinds, group, version));
    for (auto& r : tree.at("resources").get_array())
      if (json::string_at(r, {"name"}) == plural)
        return std::string(json::string_at(r, {"storageVersionHash"}));
    return std::string("none");
  };
  BOOST_TEST(hash("", "v1", "pods") == "xPOwRZ+Yhw8=");
  BOOST_TEST(hash("", "v1", "componentstatuses") == "");
  BOOST_TEST(hash("apps", "v1", "deployments") == "8aSe+NMegvE=");
  BOOST_TEST(hash("events.k8s.io", "v1", "events") == hash("", "v1", "events"));
  BOOST_TEST(hash("autoscaling", "v1", "horizontalpodautoscalers") ==
             hash("autoscaling", "v2", "horizontalpodautoscalers"));
}

BOOST_AUTO_TEST_CASE(a_document_in_protobuf_says_what_its_json_says) {
  auto kinds = schema::registry::built_in();
  auto sealed = codec::discovery_protobuf(*codec::resources_json(*kinds, "apps", "v1"));
  auto open = codec::open_envelope(sealed);
  BOOST_REQUIRE(open);
  BOOST_TEST(open->api_version == "v1");
  BOOST_TEST(open->kind == "APIResourceList");
  k8s::meta::v1::APIResourceList list;
  BOOST_REQUIRE(list.ParseFromArray(open->raw.data(), static_cast<int>(open->raw.size())));
  BOOST_TEST(list.group_version() == "apps/v1");
  auto& all = list.resources();
  auto scale =
      std::find_if(all.begin(), all.end(), [](auto& r) { return r.name() == "deployments/scale"; });
  BOOST_REQUIRE((scale != all.end()));
  BOOST_TEST(scale->group() == "autoscaling");
  BOOST_TEST(scale->namespaced());
  BOOST_TEST(scale->verbs().items_size() == 3);
  // The oldest document does not name its version in JSON.
  auto oldest = codec::discovery_protobuf(codec::core_versions_json("127.0.0.1"));
  BOOST_TEST(codec::open_envelope(oldest)->api_version == "v1");
  BOOST_TEST(codec::open_envelope(oldest)->kind == "APIVersions");
}

BOOST_AUTO_TEST_SUITE_END()
