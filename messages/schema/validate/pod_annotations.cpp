// Annotations that say something about a pod: whose mirror it is, what its removal costs, and the
// profiles that had annotations before they had fields.
#include "messages/schema/validate/pod.hpp"

#include "messages/api/pod.pb.h"

#include <charconv>

namespace troupe::schema::validate {

namespace {

using namespace k8s::core::v1;

constexpr std::string_view mirror = "kubernetes.io/config.mirror";
constexpr std::string_view deletion_cost = "controller.kubernetes.io/pod-deletion-cost";
constexpr std::string_view seccomp_pod = "seccomp.security.alpha.kubernetes.io/pod";
constexpr std::string_view seccomp_container = "container.seccomp.security.alpha.kubernetes.io/";
constexpr std::string_view app_armor = "container.apparmor.security.beta.kubernetes.io/";
constexpr std::string_view local = "localhost/";

const std::string* find(const texts& notes, std::string_view key) {
  auto found = notes.find(std::string(key));
  return found == notes.end() ? nullptr : &found->second;
}

/// "-10" or "0": 32 bits, without a plus or leading zeros.
bool is_cost(std::string_view text) {
  int32_t value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && end == text.data() + text.size() &&
         (text == "0" || text[0] == '-' || text[0] != '0');
}

void seccomp(report& out, const path& at, std::string_view profile) {
  if (profile == "runtime/default" || profile == "docker/default" || profile == "unconfined")
    return;
  if (!profile.starts_with(local))
    return out.invalid(at, profile, "must be a valid seccomp profile");
  profile.remove_prefix(local.size());
  out.invalid(at, profile, names::relative_path(profile));
}

/// Whether a profile's annotation says what its field says; `of` names it in faults.
template<class Profile>
void agree(report& out, const path& at, const std::string& note, const Profile& p,
           std::string_view of, std::initializer_list<std::string_view> defaults) {
  auto differs = [&](const char* field, const char* what) {
    out.forbidden(at / field, std::string(of) + " " + what + " in annotation and field must match");
  };
  bool is_default = false;
  for (auto name : defaults) is_default = is_default || note == name;
  if (p.type() == "Unconfined"       ? note != "unconfined"
      : p.type() == "RuntimeDefault" ? !is_default
                                     : p.type() == "Localhost" && !note.starts_with(local))
    differs("type", "type");
  else if (p.type() == "Localhost" && note.substr(local.size()) != p.localhost_profile())
    differs("localhostProfile", "profile");
}

} // namespace

void pod_annotations(report& out, const path& at, const texts& notes, const PodSpec& spec) {
  if (auto value = find(notes, mirror); value && spec.node_name().empty())
    out.invalid(at.key(mirror), *value, "must set spec.nodeName if mirror pod annotation is set");
  if (auto value = find(notes, deletion_cost); value && !is_cost(*value))
    out.invalid(at.key(deletion_cost), *value, "must be a 32bit integer");
  if (auto value = find(notes, seccomp_pod)) seccomp(out, at / seccomp_pod, *value);
  std::set<std::string_view> names;
  each_container(at, spec,
                 [&](const path&, const std::string& name, auto&) { names.insert(name); });
  for (auto& [key, value] : notes) {
    if (key.starts_with(seccomp_container)) seccomp(out, at / key, value);
    if (!key.starts_with(app_armor)) continue;
    auto container = std::string_view(key).substr(app_armor.size());
    if (!names.contains(container)) out.invalid(at.key(key), container, "container not found");
    if (!value.empty() && value != "runtime/default" && value != "unconfined" &&
        !value.starts_with(local))
      out.invalid(at.key(key), value, "invalid AppArmor profile name: \"" + value + "\"");
  }
}

void pod_annotations_update(report& out, const path& at, const texts& notes, const texts& old) {
  auto refuse = [&](const std::string& key, const std::string& verb) {
    if (key.starts_with(app_armor))
      out.forbidden(at.key(key), "may not " + verb + " AppArmor annotations");
    if (key == mirror) out.forbidden(at.key(key), "may not " + verb + " mirror pod annotation");
  };
  for (auto& [key, value] : old)
    if (auto now = find(notes, key); !now || *now != value) refuse(key, "remove or update");
  for (auto& [key, value] : notes)
    if (!old.contains(key)) refuse(key, "add");
}

void profile_annotations(report& out, const path& at, const texts& notes, const PodSpec& spec) {
  auto& pod = spec.security_context();
  auto context = at / "securityContext";
  if (auto note = find(notes, seccomp_pod); note && pod.has_seccomp_profile())
    agree(out, context / "seccompProfile", *note, pod.seccomp_profile(), "seccomp",
          {"runtime/default", "docker/default"});
  each_container(at, spec, [&](const path& here, const std::string& name, auto& s) {
    auto own = here / "securityContext";
    auto note = find(notes, std::string(seccomp_container) + name);
    if (note && s.has_seccomp_profile())
      agree(out, own / "seccompProfile", *note, s.seccomp_profile(), "seccomp",
            {"runtime/default", "docker/default"});
    if (spec.os().name() == "windows") return;
    note = find(notes, std::string(app_armor) + name);
    auto& profile = s.has_app_armor_profile() ? s.app_armor_profile() : pod.app_armor_profile();
    if (note && (s.has_app_armor_profile() || pod.has_app_armor_profile()))
      agree(out, own / "appArmorProfile", *note, profile, "apparmor", {"runtime/default"});
  });
}

} // namespace troupe::schema::validate
