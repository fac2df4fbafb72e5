// Every pod runs as a service account, and gets its token unless the pod or the account refuses it.
#include "actors/gateway/admission/parts.hpp"

#include "messages/api/config.pb.h"
#include "messages/api/pod.pb.h"

#include <algorithm>

namespace troupe::gateway {

namespace {

using k8s::core::v1::Pod;
using k8s::core::v1::ServiceAccount;

constexpr const char* mount_path = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr const char* volume_prefix = "kube-api-access-";
constexpr int64_t token_seconds =
    3607; // an hour, and a little so that it can be told from a user's own

std::string volume_name(const admission_request& r) {
  static constexpr std::string_view letters = "bcdfghjklmnpqrstvwxz2456789";
  std::string out = volume_prefix;
  auto bits = r.g.given.random();
  for (int i = 0; i < 5; ++i, bits /= letters.size()) out += letters[bits % letters.size()];
  return out;
}

void add_volume(k8s::core::v1::PodSpec& spec, const std::string& name) {
  auto& volume = *spec.add_volumes();
  volume.set_name(name);
  auto& projected = *volume.mutable_volume_source()->mutable_projected();
  projected.set_default_mode(0644);
  auto& token = *projected.add_sources()->mutable_service_account_token();
  token.set_expiration_seconds(token_seconds);
  token.set_path("token");
  auto& root = *projected.add_sources()->mutable_config_map();
  root.mutable_local_object_reference()->set_name("kube-root-ca.crt");
  auto& item = *root.add_items();
  item.set_key("ca.crt");
  item.set_path("ca.crt");
  auto& file = *projected.add_sources()->mutable_downward_api()->add_items();
  file.set_path("namespace");
  file.mutable_field_ref()->set_api_version("v1");
  file.mutable_field_ref()->set_field_path("metadata.namespace");
}

template<class Containers> bool mount(Containers& containers, const std::string& name, bool dry) {
  bool any = false;
  for (auto& c : containers) {
    auto& mounts = c.volume_mounts();
    if (std::any_of(mounts.begin(), mounts.end(),
                    [](auto& m) { return m.mount_path() == mount_path; }))
      continue;
    any = true;
    if (dry) continue;
    auto& m = *c.add_volume_mounts();
    m.set_name(name);
    m.set_read_only(true);
    m.set_mount_path(mount_path);
  }
  return any;
}

} // namespace

result<void> admit_service_account(const admission_request& r) {
  auto pod = as<Pod>(r);
  if (!pod || !r.creating()) return {};
  auto& spec = *pod->mutable_spec();
  // A mirror of a static pod has no account of its own.
  if (pod->metadata().annotations().contains("kubernetes.io/config.mirror")) return {};
  if (spec.service_account_name().empty())
    spec.set_service_account_name(spec.service_account().empty() ? "default"
                                                                 : spec.service_account());
  spec.set_service_account(spec.service_account_name());
  auto account = find_object<ServiceAccount>(r, "", "v1", "serviceaccounts", r.c.where.ns,
                                             spec.service_account_name());
  if (!account)
    return forbidden(*r.c.kind, pod->metadata().name(),
                     "error looking up service account " + r.c.where.ns + "/" +
                         spec.service_account_name() + ": serviceaccount \"" +
                         spec.service_account_name() + "\" not found");
  if (spec.image_pull_secrets().empty())
    *spec.mutable_image_pull_secrets() = account->image_pull_secrets();
  bool wanted = spec.has_automount_service_account_token() ? spec.automount_service_account_token()
                : account->has_automount_service_account_token()
                    ? account->automount_service_account_token()
                    : true;
  if (!wanted) return {};
  auto& containers = *spec.mutable_containers();
  auto& inits = *spec.mutable_init_containers();
  bool any = mount(containers, {}, true);
  any = mount(inits, {}, true) || any;
  if (!any) return {};
  auto name = volume_name(r);
  add_volume(spec, name);
  mount(containers, name, false);
  mount(inits, name, false);
  return {};
}

} // namespace troupe::gateway
