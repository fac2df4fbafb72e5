#!/usr/bin/env bash
# What controllers owe to people and programs when something goes wrong or changes late, against a few nodes
# that pretend: lost nodes, deleted workers, classes that come late, volumes that nobody deletes, budgets over
# custom workloads. Skipped without any kubectl.
set -u
troupe=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/every_kubectl.sh"
controllers='*' server_flags=(--hollow 2)
set -f # the star is no pattern here
. "$here/server.sh"

k() { timeout 60 "${clients[0]}" "$@"; }
# patch PATH JSON: a merge patch, of a status too.
patch() {
  curl -sk -o "$data/answer" -X PATCH -H "Authorization: Bearer $token" -H 'Content-Type: application/merge-patch+json' \
    "$url$1" -d "$2"
  grep -q '"kind":"Status"' "$data/answer" && tell FAILED "a patched object" "$(cat "$data/answer")" patch "$1"
}

cat >"$data/widgets.yaml" <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    subresources: {scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
YAML
expect created k apply -f "$data/widgets.yaml"
expect 'condition met' k wait --for=condition=Established crd/widgets.example.com
cat >"$data/widget.yaml" <<'YAML'
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {size: 4}
YAML
expect created k apply -f "$data/widget.yaml"
cat >"$data/pods.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata:
  name: of-widget
  labels: {app: widget}
  ownerReferences: [{apiVersion: example.com/v1, kind: Widget, name: w, controller: true, uid: $(k get widget w -o 'jsonpath={.metadata.uid}')}]
spec: {containers: [{name: c, image: "c:1"}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: widgets}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: widget}}}
---
apiVersion: v1
kind: Service
metadata: {name: near}
spec: {selector: {app: widget}, ports: [{port: 80}], trafficDistribution: PreferSameNode}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: kept}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Delete
  storageClassName: ""
  hostPath: {path: /mnt/kept}
  claimRef: {namespace: default, name: owner}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: owner}
spec: {accessModes: [ReadWriteOnce], storageClassName: "", volumeName: kept, resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: long}
spec:
  template:
    metadata: {annotations: {hollow.troupe.dev/run-time: 1h}}
    spec: {restartPolicy: Never, containers: [{name: c, image: long}]}
YAML
expect created k apply -f "$data/pods.yaml"

# A budget over a custom workload counts as many as that wants.
until_is '4 3 1' k get pdb widgets -o 'jsonpath={.status.expectedPods} {.status.desiredHealthy} {.status.currentHealthy}'
becomes hollow- k get endpointslices -l kubernetes.io/service-name=near -o 'jsonpath={.items[0].endpoints[0].hints.forNodes[0].name}'

# A worker that somebody deletes is a failure; the next one comes later.
until_is 1 k get job long -o 'jsonpath={.status.active}'
expect deleted k delete pod -l job-name=long
until_is 1 k get job long -o 'jsonpath={.status.failed}'
until_is '' k get pods -l job-name=long -o name

# A budget whose size nobody knows lets nobody go, and says why.
cat >"$data/eviction.json" <<'JSON'
{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "on-its-own"}}
JSON
owner=$(k get nodes -o 'jsonpath={.items[0].metadata.name}')
cat >"$data/budget.yaml" <<'YAML'
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: own}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: own}}}
YAML
cat >"$data/own.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata:
  name: on-its-own
  labels: {app: own}
  ownerReferences: [{apiVersion: v1, kind: Node, name: $owner, controller: true, uid: $(k get node "$owner" -o 'jsonpath={.metadata.uid}')}]
spec: {containers: [{name: c, image: "c:1"}]}
YAML
expect created k apply -f "$data/budget.yaml"
until_is 1 k get pdb own -o 'jsonpath={.status.observedGeneration}'
expect created k apply -f "$data/own.yaml"
until_is Running k get pod on-its-own -o 'jsonpath={.status.phase}'
evict() {
  curl -sk -H "Authorization: Bearer $token" -H 'Content-Type: application/json' --data-binary @"$data/eviction.json" \
    "$url/api/v1/namespaces/default/pods/on-its-own/eviction"
}
becomes 'does not allow evicting pods currently because it failed sync: nodes does not implement the scale' evict

# A quota over claims counts those whose volumes have the attributes it is about.
cat >"$data/quota.yaml" <<'YAML'
apiVersion: v1
kind: ResourceQuota
metadata: {name: gold}
spec:
  hard: {persistentvolumeclaims: "1"}
  scopeSelector: {matchExpressions: [{scopeName: VolumeAttributesClass, operator: In, values: [gold]}]}
YAML
claim() { # claim NAME CLASS
  printf 'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: %s}\nspec: {accessModes: [ReadWriteOnce], ' "$1"
  printf 'volumeAttributesClassName: %s, resources: {requests: {storage: 1Gi}}}\n' "$2"
}
expect created k apply -f "$data/quota.yaml"
until_is 0 k get quota gold -o 'jsonpath={.status.used.persistentvolumeclaims}'
expect created k create -f <(claim first gold)
expect created k create -f <(claim other silver)
until_is 1 k get quota gold -o 'jsonpath={.status.used.persistentvolumeclaims}'
refuse 'exceeded quota: gold' k create -f <(claim second gold)
expect deleted k delete pvc first
until_is 0 k get quota gold -o 'jsonpath={.status.used.persistentvolumeclaims}'

# What nobody can delete says so.
until_is Bound k get pvc owner -o 'jsonpath={.status.phase}'
expect deleted k delete pvc owner
until_is 'Failed host_path deleter only supports /tmp/.+ but received provided /mnt/kept' \
  k get pv kept -o 'jsonpath={.status.phase} {.status.message}'

# A class that becomes the default is one for claims that have waited for it.
expect patched k patch storageclass local-path -p '{"metadata":{"annotations":{"storageclass.kubernetes.io/is-default-class":"false"}}}'
k apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: late}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
YAML
becomes 'no storage class is set' k get events --field-selector involvedObject.name=late -o 'jsonpath={.items[*].message}'
expect patched k patch storageclass local-path -p '{"metadata":{"annotations":{"storageclass.kubernetes.io/is-default-class":"true"}}}'
until_is local-path k get pvc late -o 'jsonpath={.spec.storageClassName}'

# A node that falls silent is told of, and its pods serve nobody once it is gone.
k apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Node
metadata: {name: lost}
---
apiVersion: v1
kind: Pod
metadata: {name: on-lost, labels: {app: lost}}
spec: {nodeName: lost, containers: [{name: c, image: "c:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: lost}
spec: {selector: {app: lost}, ports: [{port: 80}]}
YAML
patch /api/v1/nodes/lost/status '{"status":{"conditions":[{"type":"Ready","status":"True","reason":"R","lastHeartbeatTime":"2026-01-01T00:00:00Z"}]}}'
patch /api/v1/namespaces/default/pods/on-lost/status \
  '{"status":{"phase":"Running","podIP":"10.9.9.9","podIPs":[{"ip":"10.9.9.9"}],"conditions":[{"type":"Ready","status":"True"}]}}'
until_is 10.9.9.9 k get endpointslices -l kubernetes.io/service-name=lost -o 'jsonpath={.items[*].endpoints[*].addresses[0]}'
patch /api/v1/nodes/lost/status '{"status":{"conditions":[{"type":"Ready","status":"False","reason":"R"}]}}'
becomes 'Node lost status is now: NodeNotReady' k get events --field-selector involvedObject.name=lost,reason=NodeNotReady -o 'jsonpath={.items[*].message}'
expect deleted k delete node lost
until_is '' k get endpointslices -l kubernetes.io/service-name=lost -o 'jsonpath={.items[*].endpoints[*].addresses[0]}'
expect on-lost k get pod on-lost # long before anybody takes it away

# A token that a secret holds lets its account in until the account or the secret is gone.
expect created k create serviceaccount robot
k apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Secret
metadata: {name: robot, annotations: {kubernetes.io/service-account.name: robot}}
type: kubernetes.io/service-account-token
YAML
held() { k get secret robot -o 'jsonpath={.data.token}' | base64 -d; }
becomes . held
robot=$(held)
enter() { curl -sk -o /dev/null -w '%{http_code}' "$@" "$url/api/v1/namespaces/default/pods"; }
until_is 403 enter -H "Authorization: Bearer $robot" # known, and with no rights
until_is 401 enter -H "Authorization: Bearer ${robot%?}" # not so if anything of it is missing
expect deleted k delete serviceaccount robot
until_is 401 enter -H "Authorization: Bearer $robot"
until_is '' k get secret robot --ignore-not-found -o name

# Who asks for a certificate has one as soon as somebody approves.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$data/jane.key" -subj /O=team/CN=jane -out "$data/jane.csr" 2>/dev/null
k apply -f - >/dev/null <<YAML
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: jane}
spec: {signerName: kubernetes.io/kube-apiserver-client, usages: [client auth], request: $(base64 -w0 "$data/jane.csr")}
YAML
expect approved k certificate approve jane
signed() { k get csr jane -o 'jsonpath={.status.certificate}' | base64 -d; }
becomes BEGIN signed
signed >"$data/jane.crt"
until_is 403 enter --cert "$data/jane.crt" --key "$data/jane.key"

until_is 1 k get job long -o 'jsonpath={.status.active}' # by now the next try has begun

[ "$failures" = 0 ] && echo "all well"
exit $((failures > 0))
