// Ingresses without a class get the default one.
#include "actors/gateway/admission/parts.hpp"

#include "messages/api/ingress.pb.h"

namespace troupe::gateway {

result<void> admit_ingress_class(const admission_request& r) {
  auto ingress = as<k8s::networking::v1::Ingress>(r);
  if (!ingress || !r.creating() || ingress->spec().has_ingress_class_name() ||
      ingress->metadata().annotations().contains("kubernetes.io/ingress.class"))
    return {};
  std::optional<k8s::networking::v1::IngressClass> chosen;
  each_object<k8s::networking::v1::IngressClass>(
      r, "networking.k8s.io", "v1", "ingressclasses", {}, [&](auto& c, auto&) {
        auto hit = c.metadata().annotations().find("ingressclass.kubernetes.io/is-default-class");
        if (hit == c.metadata().annotations().end() || hit->second != "true") return;
        // Of several, the newest.
        if (!chosen || chosen->metadata().creation_timestamp().seconds() <
                           c.metadata().creation_timestamp().seconds())
          chosen = c;
      });
  if (chosen) ingress->mutable_spec()->set_ingress_class_name(chosen->metadata().name());
  return {};
}

} // namespace troupe::gateway
