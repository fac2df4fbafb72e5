// Volumes of storage systems that Kubernetes grew up with. Pods and PersistentVolumes describe them
// with twin messages, so each rule is a template over both.
#pragma once

#include "messages/schema/validate/rules.hpp"

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

template<class V> void iscsi(report& out, const path& at, const V& v) {
  out.not_empty(at / "targetPortal", v.target_portal());
  auto named = [](const std::string& name) {
    return name.starts_with("iqn") || name.starts_with("eui") || name.starts_with("naa");
  };
  if (out.not_empty(at / "iqn", v.iqn()) && !named(v.iqn()))
    out.invalid(at / "iqn", v.iqn(), "must be valid format starting with iqn, eui, or naa");
  if (v.lun() < 0 || v.lun() > 255)
    out.invalid(at / "lun", v.lun(), "must be between 0 and 255, inclusive");
  if ((v.chap_auth_discovery() || v.chap_auth_session()) && !v.has_secret_ref())
    out.required(at / "secretRef");
  if (v.has_initiator_name() && !named(v.initiator_name()))
    out.invalid(at / "initiatorName", v.initiator_name(), "must be valid format");
}

template<class V> void glusterfs(report& out, const path& at, const V& v) {
  out.not_empty(at / "endpoints", v.endpoints());
  out.not_empty(at / "path", v.path());
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
  if (out.not_empty(at / "registry", v.registry(),
                    "must be a host:port pair or multiple pairs separated by commas")) {
    std::string_view rest = v.registry();
    while (true) {
      auto comma = rest.find(',');
      auto pair = rest.substr(0, comma);
      auto colon = pair.rfind(':');
      if (colon == pair.npos || colon == 0 || colon + 1 == pair.size())
        out.invalid(at / "registry", v.registry(),
                    "must be a host:port pair or multiple pairs separated by commas");
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  if (v.tenant().size() >= 65)
    out.required(at / "tenant", "must be a UUID and may not exceed a length of 64 characters");
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
    auto domain = key.substr(0, key.find('/'));
    if (domain == "kubernetes.io" || domain == "k8s.io" || domain.ends_with(".kubernetes.io") ||
        domain.ends_with(".k8s.io"))
      out.invalid(options.key(key), key, "'kubernetes.io' and 'k8s.io' namespaces are reserved");
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
  if (!v.caching_mode().empty())
    out.one_of(at / "cachingMode", v.caching_mode(), {"None", "ReadOnly", "ReadWrite"});
  if (!v.kind().empty()) out.one_of(at / "kind", v.kind(), {"Dedicated", "Managed", "Shared"});
  if (v.disk_uri().empty()) return;
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
  if (v.has_secret_ref()) out.not_empty(at / "secretRef.name", v.secret_ref().name());
}

template<class V> void scale_io(report& out, const path& at, const V& v) {
  out.not_empty(at / "gateway", v.gateway());
  out.not_empty(at / "system", v.system());
  out.not_empty(at / "volumeName", v.volume_name());
}

} // namespace troupe::schema::validate::legacy
