#include "actors/nodes/references.hpp"

#include "messages/api/persistent_volume.pb.h"
#include "messages/api/volume.pb.h"

namespace troupe::nodes {

namespace {

using namespace k8s::core::v1;

struct collector {
  const Pod& pod;
  const storage::snapshot* now; ///< none: claims lead no further
  std::set<std::string> keys;
  bool wants_token = false;

  void add(const char* resource, const std::string& name) {
    if (!name.empty())
      keys.insert(std::string(resource) + "/" + pod.metadata().namespace_() + "/" + name);
  }

  void add_claim(const std::string& name) {
    add("persistentvolumeclaims", name);
    if (!now) return;
    auto held = now->get("persistentvolumeclaims/" + pod.metadata().namespace_() + "/" + name);
    PersistentVolumeClaim claim;
    if (!held ||
        !claim.ParsePartialFromArray(held->value().data(), static_cast<int>(held->value().size())))
      return;
    if (auto& volume = claim.spec().volume_name(); !volume.empty())
      keys.insert("persistentvolumes//" + volume);
  }

  void add(const Volume& volume) {
    auto& source = volume.volume_source();
    if (source.has_config_map())
      add("configmaps", source.config_map().local_object_reference().name());
    if (source.has_secret()) add("secrets", source.secret().secret_name());
    if (source.has_persistent_volume_claim())
      add_claim(source.persistent_volume_claim().claim_name());
    if (source.has_ephemeral()) add_claim(pod.metadata().name() + "-" + volume.name());
    for (auto& part : source.projected().sources()) {
      if (part.has_service_account_token()) wants_token = true;
      if (part.has_config_map())
        add("configmaps", part.config_map().local_object_reference().name());
      if (part.has_secret()) add("secrets", part.secret().local_object_reference().name());
    }
  }

  void add_all() {
    auto& spec = pod.spec();
    for (auto& v : spec.volumes()) add(v);
    for (auto& c : spec.init_containers()) add_environment(c);
    for (auto& c : spec.containers()) add_environment(c);
    for (auto& c : spec.ephemeral_containers()) add_environment(c.ephemeral_container_common());
    for (auto& s : spec.image_pull_secrets()) add("secrets", s.name());
    add("serviceaccounts", spec.service_account_name());
    if (now && !spec.runtime_class_name().empty())
      keys.insert("runtimeclasses.node.k8s.io//" + spec.runtime_class_name());
  }

  template<class AnyContainer> void add_environment(const AnyContainer& container) {
    for (auto& from : container.env_from()) {
      add("configmaps", from.config_map_ref().local_object_reference().name());
      add("secrets", from.secret_ref().local_object_reference().name());
    }
    for (auto& env : container.env()) {
      add("configmaps", env.value_from().config_map_key_ref().local_object_reference().name());
      add("secrets", env.value_from().secret_key_ref().local_object_reference().name());
    }
  }
};

} // namespace

std::set<std::string> references_of(const Pod& pod, const storage::snapshot& now) {
  collector all{pod, &now, {}};
  all.add_all();
  return std::move(all.keys);
}

bool refers_to_objects(const Pod& pod) {
  collector all{pod, nullptr, {}};
  all.add_all();
  return all.wants_token || !all.keys.empty();
}

} // namespace troupe::nodes
