// Volumes of storage systems that Kubernetes grew up with. Pods and PersistentVolumes describe them
// with twin messages, so each rule is a template over both.
#pragma once

#include "messages/schema/validate/rules.hpp"

#include <algorithm>

namespace troupe::schema::validate::legacy {

template<class V> void gce_disk(report& out, const path& at, const V& v) {
  out.not_empty(at / "pdName", v.pd_name());
  if (v.partition() < 0 || v.partition() > 255)
    out.invalid(at / "partition", v.partition(), "must be between 0 and 255, inclusive");
}

template<class V> void aws_disk(report& out, const path& at, const V& v) {
  out.not_empty(at / "volumeID", v.volume_id());
  if (v.partition() < 0 || v.partition() > 255)
    out.invalid(at / "partition", v.partition(), "must be between 0 and 255, inclusive");
}

template<class V> void nfs(report& out, const path& at, const V& v) {
  out.not_empty(at / "server", v.server());
  out.not_empty(at / "path", v.path());
  if (!v.path().starts_with('/')) out.invalid(at / "path", v.path(), "must be an absolute path");
}

template<class V> void secret_reference(report& out, const path& at, const V& ref) {
  out.not_empty(at / "name", ref.name());
  if constexpr (requires { ref.namespace_(); }) out.not_empty(at / "namespace", ref.namespace_());
}

/// "iqn.2001-04.com.example:storage", "eui.0123456789abcdef" or "naa." and 32 letters or digits.
inline bool is_iscsi_name(std::string_view name) {
  auto alnum = [](char c) { return isalnum(static_cast<unsigned char>(c)) != 0; };
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  auto all = [](std::string_view s, auto allowed) {
    return !s.empty() && std::all_of(s.begin(), s.end(), allowed);
  };
  if (name.starts_with("iqn")) { // the pattern may begin anywhere
    for (auto at = name.find("iqn."); at != name.npos; at = name.find("iqn.", at + 1)) {
      auto rest = name.substr(at + 4);
      auto colon = rest.find(':');
      if (colon == rest.npos || colon < 9) continue;
      auto date = rest.substr(0, 8);
      auto authority = rest.substr(8, colon - 8), unit = rest.substr(colon + 1);
      if (all(date.substr(0, 4), digit) && date[4] == '-' && all(date.substr(5, 2), digit) &&
          date[7] == '.' &&
          all(authority, [&](char c) { return alnum(c) || c == '-' || c == '.'; }) &&
          all(unit, [](char c) {
            return std::string_view(",;*&$| \t\n\r\f").find(c) == std::string_view::npos;
          }))
        return true;
    }
    return false;
  }
  return name.size() > 4 &&
         ((name.starts_with("eui") && name.size() == 4 + 16) ||
          (name.starts_with("naa") && name.size() == 4 + 32)) &&
         all(name.substr(4), alnum);
}

inline bool has_iscsi_type(std::string_view name) {
  return name.starts_with("iqn") || name.starts_with("eui") || name.starts_with("naa");
}

/// The initiator's name is built from these two.
template<class V>
void iscsi_name(report& out, const path& at, std::string_view shown, std::string_view volume,
                const V& v) {
  constexpr size_t together_max = 64;
  if (v.has_initiator_name() && volume.size() + 1 + v.target_portal().size() > together_max)
    out.invalid(at, shown,
                "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
                "iscsi.initiatorName is specified.");
}

template<class V> void iscsi(report& out, const path& at, const V& v) {
  constexpr bool in_pod = !requires { v.secret_ref().namespace_(); };
  constexpr const char* no_type =
      in_pod ? "must be valid format starting with iqn, eui, or naa" : "must be valid format";
  auto check = [&](const char* field, const std::string& name) {
    if (!has_iscsi_type(name))
      out.invalid(at / field, name, no_type);
    else if (!is_iscsi_name(name))
      out.invalid(at / field, name, "must be valid format");
  };
  out.not_empty(at / "targetPortal", v.target_portal());
  if (out.not_empty(at / "iqn", v.iqn())) check("iqn", v.iqn());
  if (v.lun() < 0 || v.lun() > 255)
    out.invalid(at / "lun", v.lun(), "must be between 0 and 255, inclusive");
  if ((v.chap_auth_discovery() || v.chap_auth_session()) && !v.has_secret_ref())
    out.required(at / "secretRef");
  if (!in_pod && v.has_secret_ref()) out.not_empty(at / "secretRef.name", v.secret_ref().name());
  if (v.has_initiator_name()) check("initiatorname", v.initiator_name());
}

template<class V> void glusterfs(report& out, const path& at, const V& v) {
  out.not_empty(at / "endpoints", v.endpoints());
  out.not_empty(at / "path", v.path());
  if constexpr (requires { v.has_endpoints_namespace(); }) {
    if (!v.has_endpoints_namespace()) return;
    auto& name = v.endpoints_namespace();
    if (name.empty())
      out.invalid(at / "endpointsNamespace", name,
                  "if the endpointnamespace is set, it must be a valid namespace name");
    else
      out.invalid(at / "endpointsNamespace", name, names::dns_label(name));
  }
}

template<class V> void flocker(report& out, const path& at, const V& v) {
  if (v.dataset_name().empty() && v.dataset_uuid().empty())
    out.required(at, "one of datasetName and datasetUUID is required");
  if (!v.dataset_name().empty() && !v.dataset_uuid().empty())
    out.invalid(at, "resource", "datasetName and datasetUUID can not be specified simultaneously");
  if (v.dataset_name().find('/') != std::string::npos)
    out.invalid(at / "datasetName", v.dataset_name(), "must not contain '/'");
}

template<class V> void rbd(report& out, const path& at, const V& v) {
  if (v.monitors().empty()) out.required(at / "monitors");
  out.not_empty(at / "image", v.image());
}

template<class V> void cinder(report& out, const path& at, const V& v) {
  out.not_empty(at / "volumeID", v.volume_id());
  if (!v.has_secret_ref()) return;
  auto ref = at / "secretRef";
  secret_reference(out, ref, v.secret_ref());
}

template<class V> void cephfs(report& out, const path& at, const V& v) {
  if (v.monitors().empty()) out.required(at / "monitors");
}

template<class V> void quobyte(report& out, const path& at, const V& v) {
  constexpr const char* pairs = "must be a host:port pair or multiple pairs separated by commas";
  if (v.registry().empty()) {
    out.required(at / "registry", pairs);
  } else if (v.tenant().size() >= 65) {
    out.required(at / "tenant", "must be a UUID and may not exceed a length of 64 characters");
  } else {
    std::string_view rest = v.registry();
    while (true) {
      auto comma = rest.find(',');
      auto pair = rest.substr(0, comma);
      // An IPv6 address stands in brackets.
      auto host = pair.starts_with('[') ? pair.find("]:") : pair.find(':');
      if (host == pair.npos || (pair[0] != '[' && pair.find(':', host + 1) != pair.npos))
        out.invalid(at / "registry", v.registry(), pairs);
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  out.not_empty(at / "volume", v.volume());
}

template<class V> void fibre_channel(report& out, const path& at, const V& v) {
  if (v.target_ww_ns().empty() && v.wwids().empty())
    out.required(at / "targetWWNs", "must specify either targetWWNs or wwids, but not both");
  if (!v.target_ww_ns().empty() && !v.wwids().empty())
    out.invalid(at / "targetWWNs", v.target_ww_ns(0),
                "targetWWNs and wwids can not be specified simultaneously");
  if (v.target_ww_ns().empty()) return;
  if (!v.has_lun())
    out.required(at / "lun", "lun is required if targetWWNs is specified");
  else if (v.lun() < 0 || v.lun() > 255)
    out.invalid(at / "lun", v.lun(), "must be between 0 and 255, inclusive");
}

template<class V> void flex(report& out, const path& at, const V& v) {
  out.not_empty(at / "driver", v.driver());
  for (auto& [key, value] : v.options()) {
    auto options = at / "options";
    auto domain = "." + key.substr(0, key.find('/'));
    std::transform(domain.begin(), domain.end(), domain.begin(),
                   [](unsigned char c) { return tolower(c); });
    if (domain.ends_with(".kubernetes.io") || domain.ends_with(".k8s.io"))
      out.invalid(options.key(key), key, "kubernetes.io and k8s.io namespaces are reserved");
  }
}

template<class V> void azure_file(report& out, const path& at, const V& v) {
  out.not_empty(at / "secretName", v.secret_name());
  out.not_empty(at / "shareName", v.share_name());
  if constexpr (requires { v.has_secret_namespace(); })
    if (v.has_secret_namespace() && v.secret_namespace().empty())
      out.required(at / "secretNamespace");
}

template<class V> void vsphere(report& out, const path& at, const V& v) {
  out.not_empty(at / "volumePath", v.volume_path());
}

template<class V> void photon(report& out, const path& at, const V& v) {
  out.not_empty(at / "pdID", v.pd_id());
}

template<class V> void portworx(report& out, const path& at, const V& v) {
  out.not_empty(at / "volumeID", v.volume_id());
}

template<class V> void azure_disk(report& out, const path& at, const V& v) {
  out.not_empty(at / "diskName", v.disk_name());
  out.not_empty(at / "diskURI", v.disk_uri());
  if (v.has_caching_mode())
    out.one_of(at / "cachingMode", v.caching_mode(), {"None", "ReadOnly", "ReadWrite"});
  if (v.has_kind()) out.one_of(at / "kind", v.kind(), {"Dedicated", "Managed", "Shared"});
  if (!v.has_kind()) return;
  bool managed = v.kind() == "Managed";
  bool resource = v.disk_uri().find("/subscriptions/") == 0;
  if (managed && !resource)
    out.not_supported(at / "diskURI", v.disk_uri(),
                      {"/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/"
                       "microsoft.compute/disks/{disk-id}"});
  if (!managed && v.disk_uri().find("https://") != 0)
    out.not_supported(
        at / "diskURI", v.disk_uri(),
        {"https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"});
}

template<class V> void storage_os(report& out, const path& at, const V& v) {
  if (out.not_empty(at / "volumeName", v.volume_name()))
    out.invalid(at / "volumeName", v.volume_name(), names::dns_label(v.volume_name()));
  if (!v.volume_namespace().empty())
    out.invalid(at / "volumeNamespace", v.volume_namespace(),
                names::dns_label(v.volume_namespace()));
  if (!v.has_secret_ref()) return;
  out.not_empty(at / "secretRef.name", v.secret_ref().name());
  if constexpr (requires { v.secret_ref().namespace_(); })
    out.not_empty(at / "secretRef.namespace", v.secret_ref().namespace_());
}

template<class V> void scale_io(report& out, const path& at, const V& v) {
  out.not_empty(at / "gateway", v.gateway());
  out.not_empty(at / "system", v.system());
  out.not_empty(at / "volumeName", v.volume_name());
}

} // namespace troupe::schema::validate::legacy
