// The parts of a pod's rules that have files of their own.
#pragma once

#include "messages/schema/validate/rules.hpp"

namespace k8s::core::v1 {
class Pod;
}

namespace troupe::schema::validate {

// pod_annotations.cpp
/// What the annotations of a pod or of a template say about its pods.
void pod_annotations(report&, const path& at, const texts&, const k8s::core::v1::PodSpec&);
void pod_annotations_update(report&, const path& at, const texts&, const texts& old);
/// Profiles of seccomp and AppArmor that stand in annotations as well as in fields agree.
void profile_annotations(report&, const path& at, const texts&, const k8s::core::v1::PodSpec&);

// operating_system.cpp
void operating_system(report&, const path& at, const k8s::core::v1::PodSpec&);
void host_processes(report&, const path& at, const k8s::core::v1::PodSpec&);

// pod_change.cpp
void pod_update(report&, const k8s::core::v1::Pod&, const k8s::core::v1::Pod& old);
void pod_status(report&, const k8s::core::v1::Pod&, const k8s::core::v1::Pod& old);

/// Every container of the pod with its place, in Kubernetes' order: the first ones, the main ones,
/// those that were added to debug.
template<class Spec, class Visit>
void each_container(const path& at, const Spec& spec, Visit visit) {
  for (int i = 0; i < spec.init_containers_size(); ++i)
    visit(at.at("initContainers", i), spec.init_containers(i).name(),
          spec.init_containers(i).security_context());
  for (int i = 0; i < spec.containers_size(); ++i)
    visit(at.at("containers", i), spec.containers(i).name(), spec.containers(i).security_context());
  for (int i = 0; i < spec.ephemeral_containers_size(); ++i) {
    auto& c = spec.ephemeral_containers(i).ephemeral_container_common();
    visit(at.at("ephemeralContainers", i), c.name(), c.security_context());
  }
}

} // namespace troupe::schema::validate
