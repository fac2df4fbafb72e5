#!/usr/bin/env bash
# Installs what is missing, builds Troupe, brings a cluster up on this machine and shows its main job done: a
# deployment of three really runs and answers through its service. Everything it started is gone when it
# ends. Needs root on Debian 12.
set -eu
cd "$(dirname "$0")"
test/support/install-packages
cmake --preset release >/dev/null
ninja -C build/release troupe troupe-shim troupe-hello
troupe=$PWD/build/release/troupe
work=$(mktemp -d /tmp/troupe-try.XXXXXX)
chmod 711 "$work"
cluster=
cleanup() {
  [ -n "$cluster" ] && kill "$cluster" 2>/dev/null && wait "$cluster" 2>/dev/null
  "$troupe" uninstall --yes --data "$work/data" --run "$work/run" >/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -n "${NO_COLOR:-}" ] && say() { printf '\n%s\n' "$*"; }

say "A whole cluster, with nothing configured:"
"$troupe" up --data "$work/data" --run "$work/run" --port 0 >"$work/out" 2>"$work/log" &
cluster=$!
for _ in $(seq 200); do
  grep -q Ctrl-C "$work/out" && break
  kill -0 "$cluster" 2>/dev/null || { cat "$work/log"; exit 1; }
  read -rt 0.05 <> <(:) || true
done
head -1 "$work/out"
awk '/VmRSS/ {print "It holds " int($2 / 1024) " MB of memory."}' "/proc/$cluster/status"

cat >"$work/hello.yaml" <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello}
spec:
  replicas: 3
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec:
      containers:
      - {name: hello, image: troupe.dev/hello, imagePullPolicy: IfNotPresent, ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: hello}
spec: {selector: {app: hello}, ports: [{port: 80, targetPort: 8080}]}
YAML

export KUBECONFIG=$work/data/admin.kubeconfig
if ! command -v kubectl >/dev/null; then
  say "kubectl is not there: installing Debian's (kubernetes-client)"
  apt-get install -y -qq kubernetes-client >/dev/null
fi
say "kubectl apply -f hello.yaml: a Deployment of three and its Service"
start=$(date +%s%N)
kubectl apply -f "$work/hello.yaml"
kubectl rollout status deployment/hello --timeout=60s
echo "all three run after $((($(date +%s%N) - start) / 1000000)) ms"
say "kubectl get pods -o wide"
kubectl get pods -o wide
say "What the Service answers:"
ip=$(kubectl get service hello -o jsonpath='{.spec.clusterIP}')
for _ in 1 2 3 4 5 6; do curl -s -m 5 "http://$ip/"; done
say "Gone again:"
kubectl delete -f "$work/hello.yaml"
