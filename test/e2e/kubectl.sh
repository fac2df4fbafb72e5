#!/usr/bin/env bash
# Every kubectl on this machine against one server: the commands that people type, their exit codes and
# what they print. Debian's kubernetes-client serves where there is no other. Skipped without any.
set -u
troupe=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/every_kubectl.sh"
. "$here/server.sh"

n=0
for k in "${clients[@]}"; do
  n=$((n + 1))
  ns=k$n
  echo "$k: $("$k" version --client -o json 2>/dev/null | sed -n 's/.*"gitVersion": "\([^"]*\)".*/\1/p')"
  cat >"$data/d.yaml" <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: $ns, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "registry.example/web:1"}]}
YAML
  expect "created" "$k" create namespace $ns
  expect "created" "$k" -n $ns create serviceaccount default
  expect "configured" "$k" apply -f <(sed 's/replicas: 2/replicas: 3/' "$data/d.yaml" >"$data/d3.yaml"; "$k" apply -f "$data/d.yaml" >/dev/null; cat "$data/d3.yaml")
  expect "unchanged" "$k" apply -f "$data/d3.yaml"
  expect "0/3" "$k" -n $ns get deploy web
  expect "serverside-applied" "$k" apply --server-side --force-conflicts -f "$data/d.yaml"
  expect "scaled" "$k" -n $ns scale deploy web --replicas=4
  expect "4" "$k" -n $ns get deploy web -o 'jsonpath={.spec.replicas}'
  expect "image updated" "$k" -n $ns set image deploy/web c=registry.example/web:2
  expect "restarted" "$k" -n $ns rollout restart deploy/web
  expect "labeled" "$k" -n $ns label deploy web tier=front
  expect "annotate" "$k" -n $ns annotate deploy web note=x
  expect "patched" "$k" -n $ns patch deploy web -p '{"spec":{"replicas":1}}'
  expect "registry.example/web:2" "$k" -n $ns describe deploy web
  expect "created" "$k" -n $ns create configmap cm --from-literal=a=b
  expect "created" "$k" -n $ns create secret generic s --from-literal=p=q
  expect "exposed" "$k" -n $ns expose deploy web --port=80
  expect "ClusterIP" "$k" -n $ns get svc web
  expect "autoscaled" "$k" -n $ns autoscale deploy web --max=3
  expect "yes" "$k" auth can-i create pods
  refuse "no" "$k" auth can-i create pods --as=nobody
  expect "created" "$k" -n $ns run p --image=registry.example/web:1
  expect "Pending" "$k" -n $ns get pods
  expect "pods" "$k" api-resources
  expect "apps/v1" "$k" api-versions
  expect "KIND:" "$k" explain deployment.spec
  expect "deleted" "$k" -n $ns delete pod p --wait=false
  refuse "NotFound" "$k" -n $ns get deploy nothing
  refuse "unknown" "$k" apply -f <(sed 's/replicas: 2/replicaz: 2/' "$data/d.yaml") --validate=true
  expect "ok" "$k" get --raw /healthz
  expect "deleted" "$k" -n $ns delete deploy,svc,cm,secret --all --wait=false
done
[ "$failures" -eq 0 ] && echo "all commands of ${#clients[@]} kubectl versions answered as expected"
exit $((failures > 0))
