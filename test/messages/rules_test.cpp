// Rules that no recorded case shows, kind by kind: a manifest, and the reasons and fields it is
// refused for.
#include "messages/api/job.pb.h"
#include "messages/api/network_policy.pb.h"
#include "messages/codec/json_encode.hpp"
#include "messages/codec/manifest.hpp"
#include "messages/schema/built_in.hpp"
#include "messages/schema/defaults.hpp"
#include "messages/schema/kind.hpp"
#include "messages/schema/validate.hpp"

#include <boost/test/unit_test.hpp>

#include <google/protobuf/message.h>

BOOST_AUTO_TEST_SUITE(rules_test)

using namespace troupe;

namespace {

/// "Reason field" of each fault of the manifest, joined by "; ".
std::string faults(const std::string& yaml) {
  auto read = codec::read_manifests(yaml);
  std::string out;
  auto add = [&](const codec::finding& f) {
    out += (out.empty() ? "" : "; ") + f.reason + " " + f.field;
  };
  for (auto& f : read.findings) add(f);
  for (auto& m : read.objects)
    for (auto& f : codec::validate_manifest(m)) add(f);
  return out;
}

std::string object(const std::string& type, const std::string& rest) {
  auto slash = type.rfind(' ');
  return "apiVersion: " + type.substr(0, slash) + "\nkind: " + type.substr(slash + 1) +
         "\nmetadata: {name: a}\n" + rest;
}

/// A pod with these lines in its spec and in its one container.
std::string pod(const std::string& spec, const std::string& container = "") {
  return object("v1 Pod", "spec:\n  containers:\n  - name: a\n    image: b\n" + container + spec);
}

struct row {
  std::string yaml;
  const char* faults;
};

void check(std::initializer_list<row> rows) {
  for (auto& r : rows) {
    auto got = faults(r.yaml);
    BOOST_TEST(got == r.faults, r.yaml << "\n  wanted: " << r.faults << "\n  got:    " << got);
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(events_of_the_new_kind_say_everything_and_leave_old_fields_unset) {
  auto event = [](const std::string& more) {
    return "apiVersion: events.k8s.io/v1\nkind: Event\nmetadata: {name: a, namespace: own}\n"
           "regarding: {namespace: elsewhere}\neventTime: '2021-01-01T00:00:00.000000Z'\n"
           "reportingInstance: i\naction: A\nreason: R\ntype: Normal\n" +
           more;
  };
  auto told = event("reportingController: a.b/c\n");
  check({
      {told, ""},
      {event(""), "FieldValueRequired reportingController; FieldValueInvalid reportingController; "
                  "FieldValueInvalid reportingController"},
      {told + "deprecatedCount: 2\n", "FieldValueInvalid count"},
      {told + "deprecatedSource: {component: c}\n", "FieldValueInvalid source"},
      {told + "deprecatedFirstTimestamp: '2020-01-01T00:00:00Z'\n",
       "FieldValueInvalid firstTimestamp"},
  });
}

BOOST_AUTO_TEST_CASE(pods_are_judged_in_every_part) {
  check({
      {pod(""), ""},
      {pod("  nodeName: A\n"), "FieldValueInvalid spec.nodeName"},
      {pod("  schedulingGates: [{name: a}]\n  nodeName: node-1\n"),
       "FieldValueForbidden spec.nodeName"},
      {pod("  overhead: {cpu: -1}\n"), "FieldValueInvalid spec.overhead.limits[cpu]"},
      {pod("  hostUsers: false\n  hostNetwork: true\n"), "FieldValueForbidden spec.hostNetwork"},
      {pod("  imagePullSecrets: [{}]\n"), ""},
      {pod("  ephemeralContainers: [{name: d, image: e}]\n"),
       "FieldValueForbidden spec.ephemeralContainers"},
      {pod("  securityContext: {seccompProfile: {type: Localhost}}\n"),
       "FieldValueRequired spec.securityContext.seccompProfile.localhostProfile"},
      {pod("  securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../x}}\n"),
       "FieldValueInvalid spec.securityContext.seccompProfile.localhostProfile"},
      {pod("", "    env: [{name: 'A=B', value: x}]\n"),
       "FieldValueInvalid spec.containers[0].env[0].name"},
      {pod("", "    ports: [{containerPort: 80, protocol: HTTP}]\n"),
       "FieldValueNotSupported spec.containers[0].ports[0].protocol"},
      {pod("", "    resources: {requests: {hugepages-2Mi: 2Mi}}\n"),
       "FieldValueRequired spec.containers[0].resources.limits; FieldValueForbidden "
       "spec.containers[0].resources"},
      {pod("", "    resources: {limits: {example.com/gpu: 1500m}}\n"),
       "FieldValueInvalid spec.containers[0].resources.limits[example.com/gpu]; FieldValueInvalid "
       "spec.containers[0].resources.requests[example.com/gpu]"},
      {pod("", "    securityContext: {procMount: Unmasked}\n"),
       "FieldValueInvalid spec.containers[0].securityContext.procMount"},
      {pod("  initContainers: [{name: i, image: b, readinessProbe: {tcpSocket: {port: 1}}}]\n"),
       "FieldValueForbidden spec.initContainers[0].readinessProbe"},
      {pod("  initContainers: [{name: i, image: b, restartPolicy: Always, readinessProbe: "
           "{tcpSocket: {port: 1}}}]\n"),
       ""},
      {pod("  volumes: [{name: v, emptyDir: {}}]\n",
           "    volumeMounts: [{name: v, mountPath: /x, subPath: ../y}]\n"),
       "FieldValueInvalid spec.containers[0].volumeMounts.subPath"},
      {pod("  volumes: [{name: v, projected: {sources: [{secret: {name: s, items: [{key: k, path: "
           "../../etc/x}]}}]}}]\n"),
       "FieldValueInvalid spec.volumes[0].projected.sources[0].secret.items[0].path"},
      {pod("  topologySpreadConstraints: [{maxSkew: 0, topologyKey: z, whenUnsatisfiable: "
           "ScheduleAnyway}]\n"),
       "FieldValueInvalid spec.topologySpreadConstraints[0].maxSkew"},
      // What is asked of the pod's own label joins the selector, so it may not stand there before.
      {pod("  topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: "
           "ScheduleAnyway, matchLabelKeys: [a, b], labelSelector: {matchLabels: {b: x}, "
           "matchExpressions: [{key: b, operator: In, values: [z]}]}}]\n"),
       "FieldValueInvalid spec.topologySpreadConstraints[0][1]"},
      {pod("  topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: "
           "ScheduleAnyway, matchLabelKeys: [a]}]\n"),
       "FieldValueForbidden spec.topologySpreadConstraints[0].matchLabelKeys"},
      {pod("  affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: "
           "1, podAffinityTerm: {topologyKey: z, matchLabelKeys: [b], labelSelector: {matchLabels: "
           "{b: x}, matchExpressions: [{key: b, operator: Exists}]}}}]}}\n"),
       "FieldValueInvalid spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution"
       "[0].podAffinityTerm[0]"},
  });
}

BOOST_AUTO_TEST_CASE(faults_of_pods_name_the_fields_that_kubernetes_names) {
  const std::string volumes = "    volumeMounts: [{name: v, mountPath: /x}]\n";
  check({
      // A volume with a fault is not there for its mounts.
      {pod("  volumes: [{name: v, nfs: {server: s, path: p}}]\n", volumes),
       "FieldValueInvalid spec.volumes[0].nfs.path; FieldValueNotFound "
       "spec.containers[0].volumeMounts[0].name"},
      {pod("  volumes: [{name: v, gcePersistentDisk: {}}]\n"),
       "FieldValueRequired spec.volumes[0].persistentDisk.pdName"},
      {pod("  volumes: [{name: v, csi: {}}]\n"),
       "FieldValueRequired spec.volumes[0].csi.driver; FieldValueInvalid "
       "spec.volumes[0].csi.driver"},
      {pod("  volumes: [{name: v, azureDisk: {diskName: d}}]\n"),
       "FieldValueRequired spec.volumes[0].azureDisk.diskURI; FieldValueNotSupported "
       "spec.volumes[0].azureDisk.diskURI"},
      {pod("  volumes: [{name: v, iscsi: {targetPortal: p, iqn: iqn.x, lun: 0}}]\n"),
       "FieldValueInvalid spec.volumes[0].iscsi.iqn"},
      {pod("  volumes: [{name: v, projected: {sources: [{secret: {name: s}, configMap: {name: "
           "c}}]}}]\n"),
       "FieldValueForbidden spec.volumes[0].projected.sources[0]"},
      {pod("  volumes: [{name: v, projected: {sources: [{serviceAccountToken: {}}]}}]\n"),
       "FieldValueRequired spec.volumes[0].projected.path"},
      {pod("  volumes: [{name: v, downwardAPI: {items: [{path: p, resourceFieldRef: {resource: "
           "x}}]}}]\n"),
       "FieldValueRequired spec.volumes[0].downwardAPI.resourceFieldRef.containerName"},
      {pod("", "    env: [{name: A, valueFrom: {configMapKeyRef: {key: k}}}]\n"),
       "FieldValueInvalid spec.containers[0].env[0].valueFrom.configMapKeyRef.name"},
      {pod("", "    env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['a "
               "b']\"}}}]\n"),
       "FieldValueInvalid spec.containers[0].env[0].valueFrom.fieldRef"},
      {pod("", "    env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: "
               "2}}}]\n"),
       "FieldValueInvalid spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor"},
      {pod("", "    envFrom: [{prefix: A}]\n"), "FieldValueInvalid spec.containers[0].envFrom"},
      {pod("", "    lifecycle: {preStop: {sleep: {seconds: 31}}}\n"),
       "FieldValueInvalid spec.containers[0].lifecycle.preStop.sleep"},
      {pod("", "    resizePolicy: [{resourceName: cpu, restartPolicy: RestartContainer}]\n") +
           "  restartPolicy: Never\n",
       "FieldValueInvalid spec.containers[0].resizePolicy"},
      {pod("", "    resources: {limits: {hugepages-2Mi: 3Mi, cpu: 1}}\n"),
       "FieldValueInvalid spec.containers[0].resources.limits[hugepages-2Mi]; FieldValueInvalid "
       "spec.containers[0].resources.requests[hugepages-2Mi]"},
      {pod("  resources: {requests: {cpu: 1}}\n", "    resources: {requests: {cpu: 2}}\n"),
       "FieldValueInvalid spec.resources.requests[cpu]"},
      {pod("  shareProcessNamespace: true\n  hostPID: true\n"),
       "FieldValueInvalid spec.securityContext.shareProcessNamespace"},
      {pod("  hostUsers: false\n  hostPID: true\n"), "FieldValueForbidden spec.HostPID"},
      {pod("  os: {name: plan9}\n"), "FieldValueNotSupported spec.os"},
      {pod("  os: {name: windows}\n  hostPID: true\n"), "FieldValueForbidden spec.hostPID"},
      {pod("  initContainers:\n  - {name: i, image: b}\n  - {name: k, image: b, ports: "
           "[{containerPort: 1, hostPort: 5}, {containerPort: 2, hostPort: 5}]}\n"),
       "FieldValueDuplicate spec.initContainers[0].ports[1].hostPort"},
      {pod("  topologySpreadConstraints:\n  - &c {maxSkew: 1, topologyKey: z, whenUnsatisfiable: "
           "DoNotSchedule}\n  - *c\n  - *c\n"),
       "FieldValueDuplicate spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}; "
       "FieldValueDuplicate spec.topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: "
       "{controller.kubernetes.io/pod-deletion-cost: '+1'}}\nspec: {containers: [{name: a, image: "
       "b}]}\n",
       "FieldValueInvalid metadata.annotations[controller.kubernetes.io/pod-deletion-cost]"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: "
       "{container.apparmor.security.beta.kubernetes.io/b: unconfined}}\nspec: {containers: "
       "[{name: a, image: b}]}\n",
       "FieldValueInvalid metadata.annotations[container.apparmor.security.beta.kubernetes.io/b]"},
  });
}

BOOST_AUTO_TEST_CASE(faults_of_small_kinds_name_the_fields_that_kubernetes_names) {
  check({
      {object("v1 PersistentVolume", "spec: {accessModes: [ReadWriteOnce], nfs: {server: a, path: "
                                     "/}}\n"),
       "FieldValueRequired spec.capacity; FieldValueNotSupported spec.capacity"},
      {object("v1 PersistentVolume",
              "spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1}, hostPath: {path: //}, "
              "persistentVolumeReclaimPolicy: Recycle}\n"),
       "FieldValueForbidden spec.persistentVolumeReclaimPolicy"},
      {object("v1 LimitRange", "spec: {limits: [{type: PersistentVolumeClaim}]}\n"),
       "FieldValueRequired spec.limits[0].limits"},
      {object("v1 LimitRange", "spec: {limits: [{type: Container, min: {cpu: 2}, default: {cpu: "
                               "1}}]}\n"),
       "FieldValueInvalid spec.limits[0].defaultRequest[cpu]; FieldValueInvalid "
       "spec.limits[0].default[cpu]"},
      {object("v1 ResourceQuota", "spec: {hard: {services: 1, count/a.b: 1}, scopes: "
                                  "[BestEffort]}\n"),
       "FieldValueInvalid spec.scopes"},
      {object("v1 ResourceQuota", "spec: {hard: {services: 1}, scopeSelector: {matchExpressions: "
                                  "[{scopeName: BestEffort, operator: In, values: [a]}]}}\n"),
       "FieldValueInvalid spec.scopeSelector.matchExpressions; FieldValueInvalid "
       "spec.scopeSelector.matchExpressions.operator"},
      {object("v1 Secret", "type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: "
                           "'[]'}\n"),
       "FieldValueInvalid data[.dockerconfigjson]"},
      {object("v1 Service",
              "spec: {ports: [{port: 80}], loadBalancerSourceRanges: [10.0.0.0/8]}\n"),
       "FieldValueForbidden spec.LoadBalancerSourceRanges"},
      {object("v1 Service", "spec: {ports: [{port: 10250}], type: LoadBalancer}\n"), ""},
      {object("v1 Service", "spec: {ports: [{port: 80}], clusterIPs: [10.0.0.1, 10.0.0.2], "
                            "clusterIP: 10.0.0.1}\n"),
       "FieldValueInvalid spec.clusterIPs"},
  });
}

BOOST_AUTO_TEST_CASE(workloads_are_judged_with_their_templates) {
  auto with_template = [](const std::string& kind, const std::string& spec,
                          const std::string& pod_spec = "") {
    return object(
        kind,
        "spec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n"
        "    spec:\n      containers: [{name: a, image: b}]\n" +
            pod_spec + spec);
  };
  check({
      {with_template("apps/v1 Deployment", ""), ""},
      {with_template("apps/v1 Deployment", "  replicas: -1\n"), "FieldValueInvalid spec.replicas"},
      {with_template("apps/v1 Deployment", "  replicas: 1000000\n"), ""},
      {with_template("apps/v1 Deployment", "  replicas: 2147483648\n"),
       "FieldValueTypeInvalid spec.replicas"},
      {with_template("apps/v1 Deployment", "  strategy: {rollingUpdate: {maxUnavailable: 101%}}\n"),
       "FieldValueInvalid spec.strategy.rollingUpdate.maxUnavailable"},
      {with_template("apps/v1 StatefulSet", ""), ""},
      {with_template("apps/v1 StatefulSet", "  updateStrategy: {type: Never}\n"),
       "FieldValueInvalid spec.updateStrategy"},
      {with_template("apps/v1 DaemonSet",
                     "  updateStrategy: {rollingUpdate: {maxUnavailable: 0}}\n"),
       "FieldValueRequired spec.updateStrategy.rollingUpdate.maxUnavailable"},
      {object("batch/v1 Job", "spec: {template: {spec: {containers: [{name: a, image: b}]}}}\n"),
       "FieldValueRequired spec.template.spec.restartPolicy"},
      {object("batch/v1 Job", "spec: {completionMode: Indexed, parallelism: 1, template: {spec: "
                              "{restartPolicy: Never, "
                              "containers: [{name: a, image: b}]}}}\n"),
       "FieldValueRequired spec.completions"},
      {object("batch/v1 CronJob",
              "spec: {schedule: '@every 1ns', timeZone: ../../etc/passwd, jobTemplate: {spec: "
              "{template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}\n"),
       "FieldValueInvalid spec.schedule; FieldValueInvalid spec.timeZone"},
  });
}

BOOST_AUTO_TEST_CASE(services_and_networks_are_judged) {
  check({
      {object("v1 Service", "spec: {ports: [{port: 80}], clusterIP: None, type: NodePort}\n"),
       "FieldValueInvalid spec.clusterIPs[0]"},
      {object("v1 Service", "spec: {type: ExternalName, externalName: example.com}\n"), ""},
      {object("v1 Service", "spec: {type: ExternalName}\n"),
       "FieldValueRequired spec.externalName"},
      {object("v1 Service", "spec: {ports: [{port: 80, nodePort: 30000}]}\n"),
       "FieldValueForbidden spec.ports[0].nodePort"},
      {object("v1 Service", "spec: {ports: [{port: 80}, {port: 80, name: b}]}\n"),
       "FieldValueRequired spec.ports[0].name; FieldValueDuplicate spec.ports[1]"},
      {object("networking.k8s.io/v1 Ingress", "spec: {}\n"), "FieldValueInvalid spec"},
      {object("networking.k8s.io/v1 NetworkPolicy",
              "spec: {ingress: [{ports: [{port: 5, endPort: 4}]}]}\n"),
       "FieldValueInvalid spec.ingress[0].ports[0].endPort"},
      {"apiVersion: v1\nkind: Service\nmetadata: {name: 1st}\nspec: {ports: [{port: 80}]}\n", ""},
      {object("v1 Service", "spec: {ports: [{port: 80}], externalIPs: [010.1.2.3]}\n"),
       "FieldValueInvalid spec.externalIPs[0]"},
      {object(
           "networking.k8s.io/v1 NetworkPolicy",
           "spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/8, except: [10.1.1.1/16]}}]}]}\n"),
       "FieldValueInvalid spec.ingress[0].from[0].ipBlock.cidr; FieldValueInvalid "
       "spec.ingress[0].from[0].ipBlock.except[0]"},
      {object("networking.k8s.io/v1 ServiceCIDR", "spec: {cidrs: [10.0.0.1/24]}\n"),
       "FieldValueInvalid spec.cidrs[0]"},
      {"apiVersion: networking.k8s.io/v1\nkind: IPAddress\nmetadata: {name: 2001:DB8::1}\nspec: "
       "{parentRef: {resource: "
       "services, name: a}}\n",
       "FieldValueInvalid metadata.name"},
  });
}

BOOST_AUTO_TEST_CASE(custom_kinds_need_structural_schemas) {
  auto with_schema = [](const std::string& schema) {
    return std::string("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
                       "metadata: {name: widgets.example.com}\n"
                       "spec:\n  group: example.com\n  scope: Namespaced\n  names: {plural: "
                       "widgets, kind: Widget}\n"
                       "  versions:\n  - {name: v1, served: true, storage: true, schema: "
                       "{openAPIV3Schema: ") +
           schema + "}}\n";
  };
  const std::string at = "spec.validation.openAPIV3Schema";
  auto in = [&](const char* properties) {
    return with_schema(std::string("{type: object, properties: {a: ") + properties + "}}");
  };
  auto row_of = [&](const std::string& yaml, const std::string& wanted) {
    auto got = faults(yaml);
    BOOST_TEST(got == wanted, yaml << "\n  wanted: " << wanted << "\n  got:    " << got);
  };
  row_of(in("{type: string}"), "");
  row_of(in("{x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}"), "");
  row_of(in("{x-kubernetes-int-or-string: true, type: string}"), "");
  row_of(in("{type: array, items: {type: object}, x-kubernetes-list-type: map}"),
         "FieldValueRequired " + at + ".properties[a].x-kubernetes-list-map-keys");
  row_of(in("{type: object, anyOf: [{required: [b]}, {properties: {b: {minLength: 1}}}]}"),
         "FieldValueRequired " + at + ".properties[a].properties[b]");
  row_of(in("{type: object, anyOf: [{type: object}]}"),
         "FieldValueForbidden " + at + ".properties[a].anyOf[0].type");
  row_of(in("{type: string, pattern: '('}"), "FieldValueInvalid " + at + ".properties[a].pattern");
  row_of(
      in("{type: object, additionalProperties: {type: string}, properties: {b: {type: string}}}"),
      "FieldValueForbidden " + at + ".properties[a].additionalProperties");
  row_of(in("{$ref: x, type: string}"), "FieldValueForbidden " + at + ".properties[a].$ref");
  row_of(in("{type: array, items: {type: string}, uniqueItems: true}"),
         "FieldValueForbidden " + at + ".properties[a].uniqueItems");
}

BOOST_AUTO_TEST_CASE(small_kinds_are_judged) {
  auto slice = [](const std::string& rest) {
    return object("discovery.k8s.io/v1 EndpointSlice",
                  "addressType: IPv4\nendpoints: [{addresses: [10.0.0.1], " + rest + "}]\n");
  };
  check({
      {object("coordination.k8s.io/v1 Lease", "spec: {strategy: Some}\n"),
       "FieldValueNotSupported spec.strategy.strategy"},
      {"apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: "
       "system-a}\nvalue: 2000000000\n",
       "FieldValueForbidden metadata.name"},
      {slice("hints: {forZones: [{name: a}, {name: a}]}"),
       "FieldValueDuplicate endpoints[0].hints.forZones[1].name"},
      {object("v1 Node", "spec: {podCIDR: 10.0.0.0/24, podCIDRs: ['x']}\n"), ""},
      {object("v1 Node", "spec: {podCIDRs: ['x']}\n"), "FieldValueInvalid spec.podCIDRs[0]"},
      {slice("hints: {forNodes: [{name: A_}]}"),
       "FieldValueInvalid endpoints[0].hints.forNodes[0].name"},
  });
}

BOOST_AUTO_TEST_CASE(webhooks_are_judged) {
  auto hook = [](const std::string& rest) {
    return object("admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration",
                  "webhooks: [{name: a.example.com, clientConfig: {service: {name: a, namespace: "
                  "b, path: /a/b}}, " +
                      rest + "}]\n");
  };
  auto resources = [&](const std::string& list) {
    return hook("sideEffects: None, admissionReviewVersions: [v1], rules: [{operations: ['*'], "
                "apiGroups: ['*'], apiVersions: ['*'], resources: " +
                list + "}]");
  };
  check({
      {resources("[pods, pods/status]"), ""},
      {resources("['*', pods/status]"), ""},
      {resources("['*/*', pods]"), "FieldValueInvalid webhooks[0].rules[0].resources"},
      {resources("['pods/*', pods/status]"), "FieldValueInvalid webhooks[0].rules[0].resources[1]"},
      {resources("['*', pods]"), "FieldValueInvalid webhooks[0].rules[0].resources"},
      {hook("sideEffects: None, admissionReviewVersions: []"),
       "FieldValueRequired webhooks[0].admissionReviewVersions"},
      {hook("admissionReviewVersions: [v1]"), "FieldValueRequired webhooks[0].sideEffects"},
      {hook("sideEffects: Some, admissionReviewVersions: [v1]"),
       "FieldValueNotSupported webhooks[0].sideEffects"},
  });
}

BOOST_AUTO_TEST_CASE(admission_policies_are_judged) {
  auto policy = [](const std::string& rest, const std::string& constraint = "") {
    return object("admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy",
                  "spec: {matchConstraints: {resourceRules: [{operations: ['*'], apiGroups: ['*'], "
                  "apiVersions: ['*'], resources: ['*']" +
                      constraint + "}]}, " + rest + "}\n");
  };
  auto fine = [&](const std::string& rest) {
    return policy("validations: [{expression: 'true'}], " + rest);
  };
  auto mutating = [](const std::string& operation, const std::string& mutation) {
    return object("admissionregistration.k8s.io/v1 MutatingAdmissionPolicy",
                  "spec: {matchConstraints: {resourceRules: [{operations: [" + operation +
                      "], apiGroups: ['*'], apiVersions: ['*'], resources: ['*']}]}, "
                      "reinvocationPolicy: Never, mutations: [{" +
                      mutation + "}]}\n");
  };
  auto binding = [](const std::string& rest) {
    return object("admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding",
                  "spec: {policyName: a, " + rest + "}\n");
  };
  check({
      {fine("failurePolicy: Ignore"), ""},
      {policy("variables: []"),
       "FieldValueRequired spec.validations; FieldValueRequired spec.auditAnnotations"},
      {policy("auditAnnotations: [{key: a, valueExpression: \"'b'\"}]"), ""},
      {policy("auditAnnotations: [{key: a_, valueExpression: ' '}]"),
       "FieldValueInvalid spec.auditAnnotations[0].key; "
       "FieldValueRequired spec.auditAnnotations[0].valueExpression"},
      {fine("paramKind: {apiVersion: a/b/c, kind: A_}"),
       "FieldValueInvalid spec.paramKind.apiVersion; FieldValueInvalid spec.paramKind.kind"},
      {fine("paramKind: {apiVersion: a.b/, kind: Params}"),
       "FieldValueInvalid spec.paramKind.apiVersion"},
      {fine("variables: [{name: if, expression: '1'}]"),
       "FieldValueInvalid spec.variables[0].name"},
      {policy("validations: [{expression: 'true', message: \"a\\nb\", reason: Conflict}]"),
       "FieldValueInvalid spec.validations[0].message; "
       "FieldValueNotSupported spec.validations[0].reason"},
      {policy("validations: [{expression: 'true', message: \"a\\n\"}]"), ""},
      {policy("validations: [{expression: 'true'}]", ", resourceNames: [a, a]"),
       "FieldValueDuplicate spec.matchConstraints.resourceRules[0].resourceNames[1]"},
      {mutating("CREATE", "patchType: JSONPatch, jsonPatch: {expression: '[]'}"), ""},
      {mutating("DELETE", "patchType: JSONPatch, jsonPatch: {expression: '[]'}"),
       "FieldValueNotSupported spec.matchConstraints.resourceRules.operations"},
      {mutating("CREATE", "patchType: JSONPatch, applyConfiguration: {expression: '[]'}"),
       "FieldValueRequired spec.mutations[0].jsonPatch; "
       "FieldValueInvalid spec.mutations[0].applyConfiguration"},
      {binding("validationActions: [Deny]"), ""},
      {binding("paramRef: {name: a, selector: {}}, validationActions: []"),
       "FieldValueForbidden spec.paramRef.name; FieldValueForbidden spec.paramRef.selector; "
       "FieldValueRequired spec.paramRef.parameterNotFoundAction; "
       "FieldValueRequired spec.validationActions"},
  });
}

BOOST_AUTO_TEST_CASE(values_that_are_no_words_are_shown_as_json) {
  auto told = [](const std::string& yaml) {
    std::string out;
    for (auto& m : codec::read_manifests(yaml).objects)
      for (auto& f : codec::validate_manifest(m)) out += f.message + "\n";
    return out;
  };
  BOOST_TEST(told(object("v1 Service", "spec: {clusterIPs: [10.0.0.1, '<'], ports: [{port: 1}]}\n"))
                 .starts_with("Invalid value: [\"10.0.0.1\",\""));
  auto set = [](const std::string& selector, const std::string& labels) {
    return object("apps/v1 ReplicaSet", "spec: {selector: " + selector +
                                            ", template: {metadata: {labels: " + labels +
                                            "}, spec: {containers: [{name: a, image: a}]}}}\n");
  };
  BOOST_TEST(
      told(set("{matchLabels: {a: b}}", "{c: d, a: x}")) ==
      "Invalid value: {\"a\":\"x\",\"c\":\"d\"}: `selector` does not match template `labels`\n");
  BOOST_TEST(told(set("{matchLabels: {a: b}}", "{}")) ==
             "Invalid value: null: `selector` does not match template `labels`\n");
  BOOST_TEST(told(set("{}", "{a: b}")) ==
             "Invalid value: {}: empty selector is invalid for deployment\n");
}

BOOST_AUTO_TEST_CASE(hostile_23_sizes_of_config_maps_and_annotations_are_bounded) {
  auto config = object("v1 ConfigMap", "data: {a: " + std::string(1024 * 1024 + 1, 'x') + "}\n");
  BOOST_TEST(faults(config) == "FieldValueTooLong []");
  auto annotated = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {b: " +
                   std::string(256 * 1024, 'x') + "}}\n";
  BOOST_TEST(faults(annotated) == "FieldValueTooLong metadata.annotations");
}

BOOST_AUTO_TEST_CASE(no_object_is_told_more_faults_than_anybody_reads) {
  std::string ports;
  for (int i = 0; i < 10'000; ++i) ports += "    - {containerPort: 0}\n";
  auto read = codec::read_manifests(pod("", "    ports:\n" + ports));
  BOOST_REQUIRE(read.objects.size() == 1u);
  BOOST_TEST(codec::validate_manifest(read.objects[0]).size() <= schema::causes_max);
}

BOOST_AUTO_TEST_CASE(defaulting_twice_changes_nothing_for_any_kind) {
  for (auto* prototype : schema::built_in_prototypes()) {
    std::unique_ptr<google::protobuf::Message> object(prototype->New());
    schema::set_defaults(*object);
    auto once = codec::to_wire(*object);
    schema::set_defaults(*object);
    BOOST_TEST((codec::to_wire(*object) == once), prototype->GetTypeName());
    schema::validate_create(*object);
    BOOST_TEST(schema::validate_update(*object, *object).size() <= schema::causes_max);
  }
}

namespace {

/// "field: message" of each fault of what `now` makes of `before`.
template<class Object> std::string update_faults(const Object& now, const Object& before) {
  std::string out;
  for (auto& c : schema::validate_update(now, before))
    out += (out.empty() ? "" : "; ") + c.field + ": " + c.message;
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(addresses_that_were_let_pass_once_may_stay) {
  k8s::networking::v1::NetworkPolicy before;
  before.mutable_metadata()->set_name("a");
  before.mutable_metadata()->set_namespace_("default");
  before.mutable_spec()->add_policy_types("Ingress");
  auto& block = *before.mutable_spec()->add_ingress()->add_from()->mutable_ip_block();
  block.set_cidr("10.0.0.5/8");
  auto now = before;
  BOOST_TEST(!schema::validate_create(before).empty());
  BOOST_TEST(update_faults(now, before) == "");
  // Also at another place, as Kubernetes counts them for the whole object.
  *now.mutable_spec()->add_ingress()->add_from()->mutable_ip_block() = block;
  BOOST_TEST(update_faults(now, before) == "");
  now.mutable_spec()->mutable_ingress(1)->mutable_from(0)->mutable_ip_block()->set_cidr(
      "10.0.0.6/8");
  BOOST_TEST(update_faults(now, before) ==
             "spec.ingress[1].from[0].ipBlock.cidr: Invalid value: \"10.0.0.6/8\": must not have "
             "bits set beyond the prefix length");
}

// Before, only a job that had never run could change where it runs, and none what it needs.
BOOST_AUTO_TEST_CASE(a_job_may_change_what_it_needs_and_where_it_runs_while_it_is_held_back) {
  struct {
    bool suspended, started, told;
    int active;
    bool may;
  } rows[] = {
      {false, false, false, 0, false}, {true, false, false, 0, true}, {true, true, false, 0, false},
      {true, true, true, 1, false},    {true, true, true, 0, true},   {false, true, true, 0, false},
  };
  for (auto& row : rows) {
    k8s::batch::v1::Job before;
    before.mutable_metadata()->set_name("a");
    before.mutable_metadata()->set_namespace_("default");
    before.mutable_spec()->set_suspend(row.suspended);
    if (row.started) before.mutable_status()->mutable_start_time()->set_seconds(1);
    before.mutable_status()->set_active(row.active);
    if (row.told) {
      auto& c = *before.mutable_status()->add_conditions();
      c.set_type("Suspended");
      c.set_status("True");
    }
    before.mutable_spec()->mutable_template_()->mutable_spec()->add_containers()->set_name("c");
    auto fixed = [&](auto change) {
      auto now = before;
      change(*now.mutable_spec()->mutable_template_()->mutable_spec());
      return update_faults(now, before).find("spec.template: ") != std::string::npos;
    };
    BOOST_TEST_CONTEXT("row " << &row - rows) {
      BOOST_TEST(fixed([](auto& spec) {
                   auto& needs = *spec.mutable_containers(0)->mutable_resources();
                   (*needs.mutable_requests())["cpu"].set_string("2");
                 }) == !row.may);
      BOOST_TEST(fixed([](auto& spec) { (*spec.mutable_node_selector())["a"] = "b"; }) == !row.may);
      BOOST_TEST(fixed([](auto& spec) { spec.mutable_containers(0)->set_image("other"); }));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_may_not_change_is_shown_whole) {
  k8s::batch::v1::Job before;
  before.mutable_metadata()->set_name("a");
  before.mutable_metadata()->set_namespace_("default");
  before.mutable_spec()->set_completions(2);
  before.mutable_spec()->mutable_success_policy()->add_rules()->set_succeeded_count(1);
  auto now = before;
  now.mutable_spec()->clear_completions();
  now.mutable_spec()->mutable_success_policy()->mutable_rules(0)->set_succeeded_count(2);
  auto found = update_faults(now, before);
  auto says = [&](const char* text) {
    BOOST_TEST((found.find(text) != found.npos), text << " in\n" << found);
  };
  says("spec.completions: Invalid value: \"null\": field is immutable");
  says("spec.successPolicy: Invalid value: {\"rules\":[{\"succeededCount\":2}]}: field is "
       "immutable");
  now.mutable_spec()->clear_success_policy();
  found = update_faults(now, before);
  says("spec.successPolicy: Invalid value: \"null\": field is immutable");
  now = before;
  before.mutable_metadata()->mutable_creation_timestamp()->set_seconds(5);
  now.mutable_metadata()->mutable_creation_timestamp()->set_seconds(6);
  found = update_faults(now, before);
  says("metadata.creationTimestamp: Invalid value: \"1970-01-01T00:00:06Z\": field is immutable");
}

BOOST_AUTO_TEST_SUITE_END()
