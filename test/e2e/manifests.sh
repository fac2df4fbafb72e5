#!/usr/bin/env bash
# A directory of manifests rebuilds a cluster from nothing: its objects are there after the first start, follow
# their files, and come back on a server that knows nothing yet. A file that is wrong holds up no other.
set -u
troupe=$1
work=$(mktemp -d /tmp/troupe-e2e.XXXXXX)
server=
stop() { [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; server=; }
trap 'stop; rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; tail -n 20 "$work/log" >&2; exit 1; }
wait_for() { local end=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; read -rt 0.05 <> <(:) || true; done; }
start() {
  : >"$work/log"
  "$troupe" server --data "$work/$1" --address 127.0.0.1 --port 0 --link-port 0 --manifests "$work/manifests" 2>"$work/log" &
  server=$!
  wait_for 20 test -s "$work/$1/admin.kubeconfig" || fail "the server does not come up"
  export KUBECONFIG=$work/$1/admin.kubeconfig
}
value() { "$troupe" get "$1" -n shop -o jsonpath="$2" 2>/dev/null; }
is() { [ "$(value "$1" "$2")" = "$3" ]; }
mkdir "$work/manifests"
cat >"$work/manifests/10-shop.yaml" <<'YAML'
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boxes.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: boxes, singular: box, kind: Box}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
YAML
cat >"$work/manifests/20-box.yaml" <<'YAML'
apiVersion: example.com/v1
kind: Box
metadata: {name: b, namespace: shop}
spec: {size: 3}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: prices, namespace: shop}
data: {tea: "2"}
YAML
echo 'apiVersion: v1
kind: ConfigMap
metadata: {name: other, namespace: nowhere}
data: {x: here}' >"$work/manifests/15-lost.yaml"
start first
wait_for 20 is box/b '{.spec.size}' 3 || fail "the custom object is not there"
wait_for 5 is configmap/prices '{.data.tea}' 2 || fail "the config map is not there"
grep -q 'manifests: it cannot be applied.*15-lost.yaml.*nowhere' "$work/log" || fail "no word about the file that is wrong"
# They follow their files, and what somebody else has changed is taken back with the next word of the file.
"$troupe" patch configmap prices -n shop -p '{"data":{"tea":"9","cake":"4"}}' --type merge >/dev/null || fail "patch"
sed -i 's/tea: "2"/tea: "3"/' "$work/manifests/20-box.yaml"
wait_for 10 is configmap/prices '{.data.tea} {.data.cake}' '3 4' || fail "the object does not follow its file: $(value configmap/prices '{.data}')"
sed -i 's/nowhere/shop/' "$work/manifests/15-lost.yaml"
wait_for 70 is configmap/other '{.data.x}' here || fail "a file that was put right is not applied"
echo 'kind: [' >"$work/manifests/30-broken.yaml"
rm "$work/manifests/15-lost.yaml"
told() { grep -q '30-broken.yaml' "$work/log" && grep -q 'its objects stay.*15-lost.yaml' "$work/log"; }
wait_for 10 told || fail "no word about a broken file and a removed one"
is configmap/other '{.data.x}' here || fail "an object went with its file"
stop
start second
wait_for 20 is configmap/prices '{.data.tea}' 3 || fail "a server that knew nothing does not have the objects"
is box/b '{.spec.size}' 3 || fail "the custom object is not rebuilt"
echo "all well"
