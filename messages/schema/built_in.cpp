// Names every built-in kind once, in the order in which discovery shows the groups. Naming them
// here also keeps their generated files in every program.

#include "messages/schema/built_in.hpp"

#include "messages/api/admission.pb.h"
#include "messages/api/admission_policy.pb.h"
#include "messages/api/admission_webhook.pb.h"
#include "messages/api/api_discovery.pb.h"
#include "messages/api/api_registration.pb.h"
#include "messages/api/apiextensions.pb.h"
#include "messages/api/audit.pb.h"
#include "messages/api/authentication.pb.h"
#include "messages/api/authorization.pb.h"
#include "messages/api/autoscaling_v1.pb.h"
#include "messages/api/autoscaling_v2.pb.h"
#include "messages/api/certificate.pb.h"
#include "messages/api/claim.pb.h"
#include "messages/api/config.pb.h"
#include "messages/api/controller_revision.pb.h"
#include "messages/api/core.pb.h"
#include "messages/api/cron_job.pb.h"
#include "messages/api/custom.pb.h"
#include "messages/api/custom_metrics_v1beta1.pb.h"
#include "messages/api/custom_metrics_v1beta2.pb.h"
#include "messages/api/daemon_set.pb.h"
#include "messages/api/deployment.pb.h"
#include "messages/api/device.pb.h"
#include "messages/api/discovery.pb.h"
#include "messages/api/endpoint_slice.pb.h"
#include "messages/api/event.pb.h"
#include "messages/api/events.pb.h"
#include "messages/api/external_metrics.pb.h"
#include "messages/api/flow_control.pb.h"
#include "messages/api/ingress.pb.h"
#include "messages/api/job.pb.h"
#include "messages/api/lease.pb.h"
#include "messages/api/metrics.pb.h"
#include "messages/api/namespace.pb.h"
#include "messages/api/network_address.pb.h"
#include "messages/api/network_policy.pb.h"
#include "messages/api/node.pb.h"
#include "messages/api/openapi_v2.pb.h"
#include "messages/api/persistent_volume.pb.h"
#include "messages/api/pod.pb.h"
#include "messages/api/pod_options.pb.h"
#include "messages/api/policy.pb.h"
#include "messages/api/priority_class.pb.h"
#include "messages/api/quota.pb.h"
#include "messages/api/rbac.pb.h"
#include "messages/api/replica_set.pb.h"
#include "messages/api/replication.pb.h"
#include "messages/api/request_options.pb.h"
#include "messages/api/runtime_class.pb.h"
#include "messages/api/service.pb.h"
#include "messages/api/stateful_set.pb.h"
#include "messages/api/status.pb.h"
#include "messages/api/storage_class.pb.h"

namespace troupe::schema {

namespace {

template<class... Messages> void append(std::vector<const google::protobuf::Message*>& out) {
  (out.push_back(&Messages::default_instance()), ...);
}

} // namespace

std::vector<const google::protobuf::Message*> built_in_prototypes() {
  std::vector<const google::protobuf::Message*> all;
  {
    using namespace k8s::core::v1;
    append<Binding, ComponentStatus, ConfigMap, Endpoints, Event, LimitRange, Namespace, Node,
           PersistentVolume, PersistentVolumeClaim, Pod, PodTemplate, ReplicationController,
           ResourceQuota, Secret, Service, ServiceAccount>(all);
  }
  {
    using namespace k8s::apiregistration::v1;
    append<APIService>(all);
  }
  {
    using namespace k8s::apps::v1;
    append<ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet>(all);
  }
  {
    using namespace k8s::events::v1;
    append<Event>(all);
  }
  {
    using namespace k8s::authentication::v1;
    append<SelfSubjectReview, TokenReview>(all);
  }
  {
    using namespace k8s::authorization::v1;
    append<LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview,
           SubjectAccessReview>(all);
  }
  {
    using namespace k8s::autoscaling::v2;
    append<HorizontalPodAutoscaler>(all);
  }
  {
    using namespace k8s::autoscaling::v1;
    append<HorizontalPodAutoscaler>(all);
  }
  {
    using namespace k8s::batch::v1;
    append<CronJob, Job>(all);
  }
  {
    using namespace k8s::certificates::v1;
    append<CertificateSigningRequest>(all);
  }
  {
    using namespace k8s::networking::v1;
    append<IPAddress, Ingress, IngressClass, NetworkPolicy, ServiceCIDR>(all);
  }
  {
    using namespace k8s::policy::v1;
    append<PodDisruptionBudget>(all);
  }
  {
    using namespace k8s::rbac::v1;
    append<ClusterRole, ClusterRoleBinding, Role, RoleBinding>(all);
  }
  {
    using namespace k8s::storage::v1;
    append<CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment,
           VolumeAttributesClass>(all);
  }
  {
    using namespace k8s::admissionregistration::v1;
    append<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration,
           ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
           ValidatingWebhookConfiguration>(all);
  }
  {
    using namespace k8s::apiextensions::v1;
    append<CustomResourceDefinition>(all);
  }
  {
    using namespace k8s::scheduling::v1;
    append<PriorityClass>(all);
  }
  {
    using namespace k8s::coordination::v1;
    append<Lease>(all);
  }
  {
    using namespace k8s::node::v1;
    append<RuntimeClass>(all);
  }
  {
    using namespace k8s::discovery::v1;
    append<EndpointSlice>(all);
  }
  {
    using namespace k8s::flowcontrol::v1;
    append<FlowSchema, PriorityLevelConfiguration>(all);
  }
  {
    using namespace k8s::resource::v1;
    append<DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice>(all);
  }
  {
    using namespace k8s::metrics::v1beta1;
    append<NodeMetrics, PodMetrics>(all);
  }
  return all;
}

std::vector<const google::protobuf::Message*> other_documents() {
  std::vector<const google::protobuf::Message*> all;
  append<k8s::meta::v1::Status, k8s::meta::v1::DeleteOptions, k8s::meta::v1::APIGroup,
         k8s::admission::v1::AdmissionReview, k8s::audit::v1::EventList,
         k8s::apidiscovery::v2::APIGroupDiscovery,
         k8s::custom_metrics::v1beta1::MetricValue, k8s::custom_metrics::v1beta2::MetricValue,
         k8s::external_metrics::v1beta1::ExternalMetricValue, k8s::policy::v1::Eviction,
         k8s::autoscaling::v1::Scale, k8s::core::v1::PodExecOptions, openapi::v2::Document,
         k8s::base::Custom>(all);
  return all;
}

} // namespace troupe::schema
