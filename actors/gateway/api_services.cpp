#include "actors/gateway/api_services.hpp"

#include "actors/gateway/custom.hpp"
#include "actors/gateway/decoded.hpp"
#include "actors/gateway/fields.hpp"
#include "actors/gateway/write.hpp"
#include "messages/api/apiextensions.pb.h"

#include <algorithm>
#include <set>

namespace troupe::gateway {

namespace {

struct priority {
  const char *group, *version;
  int of_group, of_version;
};

/// As in Kubernetes. The group of APIServices has none of its own.
constexpr priority priorities[] = {
    {"", "v1", 18000, 1},
    {"apps", "v1", 17800, 15},
    {"events.k8s.io", "v1", 17750, 15},
    {"authentication.k8s.io", "v1", 17700, 15},
    {"authorization.k8s.io", "v1", 17600, 15},
    {"autoscaling", "v1", 17500, 15},
    {"autoscaling", "v2", 17500, 30},
    {"batch", "v1", 17400, 15},
    {"certificates.k8s.io", "v1", 17300, 15},
    {"networking.k8s.io", "v1", 17200, 15},
    {"policy", "v1", 17100, 15},
    {"rbac.authorization.k8s.io", "v1", 17000, 15},
    {"storage.k8s.io", "v1", 16800, 15},
    {"apiextensions.k8s.io", "v1", 16700, 15},
    {"admissionregistration.k8s.io", "v1", 16700, 15},
    {"scheduling.k8s.io", "v1", 16600, 15},
    {"coordination.k8s.io", "v1", 16500, 15},
    {"node.k8s.io", "v1", 16300, 15},
    {"discovery.k8s.io", "v1", 16200, 15},
    {"flowcontrol.apiserver.k8s.io", "v1", 16100, 21},
    {"resource.k8s.io", "v1", 15900, 15},
    {"metrics.k8s.io", "v1beta1", 100, 100},
};

using k8s::apiextensions::v1::CustomResourceDefinition;
using k8s::apiregistration::v1::APIService;

constexpr const char* managed = "kube-aggregator.kubernetes.io/automanaged";
/// Made anew at a start only, or kept in step with definitions.
constexpr const char *at_start = "onstart", *always = "true";

APIService make(const priority& p, const char* how, int64_t now_seconds) {
  APIService made;
  made.mutable_metadata()->set_name(std::string(p.version) + "." + p.group);
  (*made.mutable_metadata()->mutable_labels())[managed] = how;
  auto& spec = *made.mutable_spec();
  if (*p.group) spec.set_group(p.group);
  spec.set_version(p.version);
  spec.set_group_priority_minimum(p.of_group);
  spec.set_version_priority(p.of_version);
  auto& known = *made.mutable_status()->add_conditions();
  known.set_type("Available");
  known.set_status("True");
  known.mutable_last_transition_time()->set_seconds(now_seconds);
  known.set_reason("Local");
  known.set_message("Local APIServices are always available");
  return made;
}

APIService make_custom(const std::string& group, const std::string& version, int64_t now_seconds) {
  return make({group.c_str(), version.c_str(), 1000, 100}, always, now_seconds);
}

const schema::kind& services(const schema::registry& kinds) {
  return *kinds.by_resource("apiregistration.k8s.io", "v1", "apiservices");
}

const CustomResourceDefinition& definition_of(const google::protobuf::Message& m) {
  return static_cast<const CustomResourceDefinition&>(m);
}

bool serves(const CustomResourceDefinition& d, std::string_view version) {
  return std::any_of(d.spec().versions().begin(), d.spec().versions().end(),
                     [&](auto& v) { return v.name() == version && v.served(); });
}

bool others_serve(const schema::registry& kinds, const storage::snapshot& now,
                  const CustomResourceDefinition& d, std::string_view version) {
  auto served = kinds.kinds_of(d.spec().group(), version);
  if (std::any_of(served.begin(), served.end(), [](auto* k) { return !k->custom(); })) return true;
  // Those whose names are not accepted yet count, too.
  for (auto& entry : now.list(prefix_of(definition_kind()))) {
    auto other = decoded<CustomResourceDefinition>(entry);
    if (other->spec().group() == d.spec().group() &&
        other->metadata().name() != d.metadata().name() && serves(*other, version))
      return true;
  }
  return false;
}

} // namespace

std::vector<APIService> own_api_services(const schema::registry& kinds, int64_t now_seconds) {
  std::vector<APIService> out;
  for (auto& p : priorities)
    if (!kinds.kinds_of(p.group, p.version).empty()) out.push_back(make(p, at_start, now_seconds));
  return out;
}

std::vector<APIService> custom_api_services(const schema::registry& kinds, int64_t now_seconds) {
  std::set<std::pair<std::string, std::string>> places, built_in;
  for (auto& k : kinds.all()) (k.custom() ? places : built_in).emplace(k.group, k.version);
  std::vector<APIService> out;
  for (auto& place : places)
    if (!built_in.contains(place))
      out.push_back(make_custom(place.first, place.second, now_seconds));
  return out;
}

void announce_versions(gateway& g, const call& c, const storage::snapshot& now,
                       const google::protobuf::Message& definition, storage::transaction& tx) {
  auto& d = definition_of(definition);
  auto& kind = services(*c.kinds);
  for (auto& v : d.spec().versions()) {
    auto key = key_of(kind, {}, v.name() + "." + d.spec().group());
    if (!v.served() || now.find(key)) continue;
    auto made = make_custom(d.spec().group(), v.name(), c.now.seconds);
    begin_life(g.given.random, made, c.now);
    tx.require_absent(key);
    tx.put(key, stored_form(kind, made), index_of(kind, made));
  }
}

void withdraw_versions(const call& c, const storage::snapshot& now,
                       const google::protobuf::Message& old, const google::protobuf::Message* fresh,
                       storage::transaction& tx) {
  auto& before = definition_of(old);
  auto& kind = services(*c.kinds);
  for (auto& v : before.spec().versions()) {
    if (fresh && serves(definition_of(*fresh), v.name())) continue;
    auto entry = now.get(key_of(kind, {}, v.name() + "." + before.spec().group()));
    if (!entry || others_serve(*c.kinds, now, before, v.name())) continue;
    APIService found;
    if (!read_entry(*entry, found) || !found.metadata().labels().contains(managed) ||
        found.metadata().labels().at(managed) != always)
      continue;
    tx.require_revision(std::string(entry->key()), entry->mod_revision());
    tx.erase(entry->key(), stored_form(kind, found), index_of(kind, found));
  }
}

} // namespace troupe::gateway
