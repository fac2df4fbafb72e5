#!/usr/bin/env bash
# Every kubectl on this machine against pretended nodes: what people do with nodes and services. Skipped
# without any kubectl.
set -u
troupe=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/every_kubectl.sh"
controllers='*'
server_flags=(--hollow 4)
. "$here/server.sh"

n=0
for k in "${clients[@]}"; do
  n=$((n + 1))
  ns=h$n
  echo "$k"
  node=hollow-$((n % 4))
  "$k" create namespace $ns >/dev/null
  in_ns() { "$k" -n $ns "$@"; }
  cat >"$data/web.yaml" <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: "registry.example/web:1", ports: [{name: http, containerPort: 8080}]}]
YAML
  becomes "Ready" "$k" get node $node
  becomes "deployment.apps/web" in_ns apply -f "$data/web.yaml"
  becomes "successfully rolled out" in_ns rollout status deploy/web --timeout=10s
  becomes "condition met" in_ns wait --for=condition=Available deploy/web --timeout=10s
  becomes "exposed" in_ns expose deploy web --port=80 --target-port=http
  becomes ":8080" in_ns get endpoints web
  becomes "8080" in_ns get endpointslices -l kubernetes.io/service-name=web
  becomes "cordoned" "$k" cordon $node
  becomes "SchedulingDisabled" "$k" get node $node
  becomes "drained" "$k" drain $node --ignore-daemonsets --force --timeout=20s
  becomes "successfully rolled out" in_ns rollout status deploy/web --timeout=10s
  [ -z "$(in_ns get pods --field-selector "spec.nodeName=$node,status.phase=Running" -o name)" ] ||
    { echo "FAILED: pods are left on $node"; failures=$((failures + 1)); }
  becomes "uncordoned" "$k" uncordon $node
  becomes "tainted" "$k" taint node $node key=value:NoExecute
  becomes "created" in_ns run stuck --image=registry.example/x:1 \
    --overrides='{"spec":{"nodeSelector":{"kubernetes.io/hostname":"'$node'"}}}'
  becomes "had untolerated taint(s)" in_ns describe pod stuck
  becomes "untainted" "$k" taint node $node key-
  becomes "condition met" in_ns wait --for=condition=Ready pod/stuck --timeout=10s
  cat >"$data/volume.yaml" <<YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: stateful}
spec:
  containers: [{name: c, image: "registry.example/x:1"}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]
YAML
  becomes "pod/stateful created" in_ns create -f "$data/volume.yaml"
  becomes "Bound" in_ns get pvc data
  becomes "Running" in_ns get pod stateful
  becomes "deleted" in_ns delete deploy,svc,pod,pvc --all --timeout=20s
  becomes "No resources found" in_ns get endpointslices
  becomes "deleted" "$k" delete namespace $ns --timeout=20s
done
[ "$failures" -eq 0 ] && echo "nodes and services did as ${#clients[@]} kubectl versions told them"
exit $((failures > 0))
