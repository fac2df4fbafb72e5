// Signing requests say who asked, whatever their author wrote; the client signer makes no
// administrators, and no servers of the cluster.
#include "actors/gateway/admission/parts.hpp"

#include "actors/link/hub.hpp"
#include "messages/api/certificate.pb.h"
#include "net/tls/authority.hpp"

#include <algorithm>

namespace troupe::gateway {

result<void> admit_certificate(const admission_request& r) {
  auto csr = as<k8s::certificates::v1::CertificateSigningRequest>(r);
  if (!csr) return {};
  auto& spec = *csr->mutable_spec();
  if (!r.creating()) {
    spec = old_as<k8s::certificates::v1::CertificateSigningRequest>(r)->spec();
    return {};
  }
  spec.set_username(r.c.who.name);
  if (!r.c.who.uid.empty()) spec.set_uid(r.c.who.uid);
  spec.clear_groups();
  for (auto& g : r.c.who.groups) spec.add_groups(g);
  spec.clear_extra();
  for (auto& [key, values] : r.c.who.extra)
    for (auto& v : values) (*spec.mutable_extra())[key].add_items(v);
  if (spec.signer_name() != "kubernetes.io/kube-apiserver-client") return {};
  auto wanted = tls::read_request(spec.request());
  if (!wanted) return {}; // validation says what is wrong with it
  auto& groups = wanted->organizations;
  for (auto of : {"system:masters", server_group})
    if (std::find(groups.begin(), groups.end(), of) != groups.end())
      return forbidden(*r.c.kind, csr->metadata().name(),
                       std::string("use of kubernetes.io/kube-apiserver-client signer with ") + of +
                           " group is not allowed");
  return {};
}

} // namespace troupe::gateway
