#!/usr/bin/env bash
# Installs what is missing, builds Troupe, starts an API server in a temporary directory and shows it at
# work: objects read, checked, defaulted, stored, listed. Everything it started is gone when it ends.
set -eu
cd "$(dirname "$0")"
test/support/install-packages
cmake --preset release >/dev/null
ninja -C build/release troupe
troupe=$PWD/build/release/troupe
data=$(mktemp -d /tmp/troupe-try.XXXXXX)
server=
cleanup() {
  [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
  rm -rf "$data"
}
trap cleanup EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -n "${NO_COLOR:-}" ] && say() { printf '\n%s\n' "$*"; }

cat >"$data/web.yaml" <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "registry.example/web:1.0", ports: [{containerPort: 80}], resources: {requests: {cpu: 0.25}}}
YAML

say "One manifest in the forms that clients use:"
"$troupe" convert -f "$data/web.yaml" -o json | head -c 400
echo ...

say "An API server with nothing configured:"
start=$(date +%s%N)
"$troupe" server --data "$data" --address 127.0.0.1 --port 0 2>"$data/log" &
server=$!
for _ in $(seq 100); do
  [ -s "$data/admin.kubeconfig" ] && break
  kill -0 "$server" || { cat "$data/log"; exit 1; }
  read -rt 0.05 <> <(:) || true
done
echo "ready after $((($(date +%s%N) - start) / 1000000)) ms, $(awk '/VmRSS/ {print int($2 / 1024) " MB"}' "/proc/$server/status") of memory"

field() { sed -n "s/.*$1: //p" "$data/admin.kubeconfig"; }
field client-certificate-data | base64 -d >"$data/crt"
field client-key-data | base64 -d >"$data/key"
field certificate-authority-data | base64 -d >"$data/ca"
api() { curl -sS --cacert "$data/ca" --cert "$data/crt" --key "$data/key" "$@"; }
url=$(field server)

say "Applied (server-side apply, as helm and kubectl do it):"
api -X PATCH -H 'Content-Type: application/apply-patch+yaml' --data-binary @"$data/web.yaml" \
  "$url/apis/apps/v1/namespaces/default/deployments/web?fieldManager=try" | head -c 300
echo ...

if command -v kubectl >/dev/null; then
  export KUBECONFIG=$data/admin.kubeconfig
  say "kubectl get deployments,namespaces:"
  kubectl get deployments,namespaces
  say "kubectl explain deployment.spec.replicas:"
  kubectl explain deployment.spec.replicas
else
  say "As the table that kubectl shows:"
  api -H 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io' "$url/apis/apps/v1/namespaces/default/deployments" | head -c 300
  echo
fi
