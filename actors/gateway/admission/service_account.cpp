// Every pod runs as a service account, and gets its token unless the pod or the account refuses it.
// An account may confine its pods to the secrets that it names.
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

bool is_mirror(const Pod& pod) {
  return pod.metadata().annotations().contains("kubernetes.io/config.mirror");
}

/// Calls `visit` with what kind of container it is and what all kinds of them have in common.
template<class Visit> void each_container(const k8s::core::v1::PodSpec& spec, Visit visit) {
  for (auto& c : spec.init_containers()) visit("init container", c);
  for (auto& c : spec.containers()) visit("container", c);
  for (auto& c : spec.ephemeral_containers())
    visit("ephemeral container", c.ephemeral_container_common());
}

/// Whether a volume needs a secret of the pod's namespace.
bool needs_secret(const k8s::core::v1::VolumeSource& v) {
  auto& sources = v.projected().sources();
  return !v.secret().secret_name().empty() || !v.azure_file().secret_name().empty() ||
         !v.cephfs().secret_ref().name().empty() || !v.cinder().secret_ref().name().empty() ||
         !v.flex_volume().secret_ref().name().empty() || !v.rbd().secret_ref().name().empty() ||
         !v.scale_io().secret_ref().name().empty() || !v.iscsi().secret_ref().name().empty() ||
         !v.storageos().secret_ref().name().empty() ||
         !v.csi().node_publish_secret_ref().name().empty() ||
         std::any_of(sources.begin(), sources.end(),
                     [](auto& s) { return !s.secret().local_object_reference().name().empty(); });
}

bool needs_secret(const Pod& pod) {
  auto& spec = pod.spec();
  for (auto& s : spec.image_pull_secrets())
    if (!s.name().empty()) return true;
  bool any = false;
  each_container(spec, [&](const char*, auto& c) {
    for (auto& e : c.env())
      any = any || !e.value_from().secret_key_ref().local_object_reference().name().empty();
    for (auto& e : c.env_from())
      any = any || !e.secret_ref().local_object_reference().name().empty();
  });
  for (auto& v : spec.volumes()) any = any || needs_secret(v.volume_source());
  return any;
}

/// What a mirror of a static pod refers to and may not.
const char* fault_of_mirror(const Pod& pod) {
  if (!pod.spec().service_account_name().empty())
    return "a mirror pod may not reference service accounts";
  if (needs_secret(pod)) return "a mirror pod may not reference secrets";
  for (auto& v : pod.spec().volumes())
    for (auto& s : v.volume_source().projected().sources())
      if (s.has_service_account_token())
        return "a mirror pod may not use ServiceAccountToken volume projections";
  return nullptr;
}

/// Whether the account lets its pods have only the secrets that it names.
bool confines(const ServiceAccount& account) {
  auto& notes = account.metadata().annotations();
  auto hit = notes.find("kubernetes.io/enforce-mountable-secrets");
  if (hit == notes.end()) return false;
  for (auto yes : {"1", "t", "T", "TRUE", "true", "True"})
    if (hit->second == yes) return true;
  return false;
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

/// The first secret that the pod, or only what is new in it, refers to and its account does not
/// name, told as Kubernetes does; or nothing.
std::string stranger(const Pod& pod, const ServiceAccount& account, bool whole) {
  auto named = [](auto& list, const std::string& name) {
    return std::any_of(list.begin(), list.end(), [&](auto& s) { return s.name() == name; });
  };
  auto why = [&](const std::string& what, const std::string& secret, const char* kind) {
    return what + quoted(secret) + " is not allowed because service account " +
           account.metadata().name() + " does not reference that " + kind;
  };
  std::string fault;
  if (whole)
    for (auto& v : pod.spec().volumes()) {
      auto& source = v.volume_source();
      if (source.has_secret() && !named(account.secrets(), source.secret().secret_name()))
        return why("volume with secret.secretName=", source.secret().secret_name(), "secret");
    }
  each_container(pod.spec(), [&](std::string_view kind, auto& c) {
    if (!fault.empty() || (kind == "ephemeral container") == whole) return;
    auto who = std::string(kind) + " " + c.name() + " with env";
    for (auto& e : c.env()) {
      auto& from = e.value_from();
      auto& name = from.secret_key_ref().local_object_reference().name();
      if (fault.empty() && from.has_secret_key_ref() && !named(account.secrets(), name))
        fault = why(who + "Var " + e.name() + " referencing secret.secretName=", name, "secret");
    }
    for (auto& e : c.env_from()) {
      auto& name = e.secret_ref().local_object_reference().name();
      if (fault.empty() && e.has_secret_ref() && !named(account.secrets(), name))
        fault = why(who + "From referencing secret.secretName=", name, "secret");
    }
  });
  if (!whole || !fault.empty()) return fault;
  auto& pulls = pod.spec().image_pull_secrets();
  for (int i = 0; i < pulls.size(); ++i)
    if (!named(account.image_pull_secrets(), pulls[i].name()))
      return why("imagePullSecrets[" + std::to_string(i) + "].name=", pulls[i].name(),
                 "imagePullSecret");
  return {};
}

} // namespace

result<void> review_service_account(const admission_request& r) {
  auto pod = as<Pod>(r);
  bool extended = r.c.sub && r.c.sub->name == "ephemeralcontainers";
  if (!pod || (!r.creating() && !extended)) return {};
  auto refuse = [&](const std::string& why) {
    return forbidden(*r.c.kind, pod->metadata().name(), why);
  };
  if (!extended && is_mirror(*pod)) {
    auto fault = fault_of_mirror(*pod);
    return fault ? refuse(fault) : result<void>{};
  }
  auto account = find_object<ServiceAccount>(r, "", "v1", "serviceaccounts", r.c.where.ns,
                                             pod->spec().service_account_name());
  if (!account || !confines(*account)) return {};
  auto fault = stranger(*pod, *account, !extended);
  return fault.empty() ? result<void>{} : refuse(fault);
}

result<void> admit_service_account(const admission_request& r) {
  auto pod = as<Pod>(r);
  if (!pod || !r.creating()) return {};
  auto& spec = *pod->mutable_spec();
  // A mirror of a static pod has no account of its own.
  if (is_mirror(*pod)) return {};
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
  auto& volumes = spec.volumes();
  auto there = std::find_if(volumes.begin(), volumes.end(),
                            [](auto& v) { return v.name().starts_with(volume_prefix); });
  auto name = there == volumes.end() ? volume_name(r) : there->name();
  if (there == volumes.end()) add_volume(spec, name);
  mount(containers, name, false);
  mount(inits, name, false);
  return {};
}

} // namespace troupe::gateway
