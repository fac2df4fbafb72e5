# Sourced by tests that need a machine's own network: network namespaces, entered without a mount
# namespace of their own so that control groups stay in sight. Needs root and runc.
[ "$(id -u)" = 0 ] || { echo "this test needs root"; exit 77; }
command -v runc >/dev/null || { echo "this test needs runc"; exit 77; }
kubectl=$(command -v kubectl || true)
[ -n "$kubectl" ] || { echo "this test needs kubectl (Debian: kubernetes-client)"; exit 77; }
work=$(mktemp -d /tmp/troupe-e2e.XXXXXX)
chmod 711 "$work"
spaces=() pids=() tag=$$

# on NAME COMMAND...: runs in the network of a machine; at NAME: where that is, for what goes on behind us.
at() { echo "/run/netns/t$tag-$1"; }
on() { local name=$1; shift; nsenter --net="$(at "$name")" "$@"; }
# machine NAME: a machine whose only link is its loopback.
machine() { ip netns add "t$tag-$1"; spaces+=("t$tag-$1"); ip -n "t$tag-$1" link set lo up; }
# wait_for SECONDS COMMAND...: until it succeeds; looks fifty milliseconds apart.
wait_for() {
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    read -rt 0.05 <> <(:) || true
  done
}
# hello_on_all NAME: the manifest of the built-in image on every machine, and of its service.
hello_on_all() {
  cat <<YAML
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: $1}
spec:
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: $1, image: troupe.dev/hello, imagePullPolicy: IfNotPresent}]}
---
apiVersion: v1
kind: Service
metadata: {name: $1}
spec: {selector: {app: $1}, ports: [{port: 80, targetPort: 8080}]}
YAML
}
# two_serve NAME: whether the service leads to two pods that are ready. `k` is the script's kubectl.
two_serve() { [ "$(k get endpointslices -l "kubernetes.io/service-name=$1" -o jsonpath='{.items[*].endpoints[*].conditions.ready}')" = "true true" ]; }
fail() { echo "FAILED: $*" >&2; tail -n 20 "$work"/*.log >&2; exit 1; }
machines_end() {
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
  cleanup_hook
  for s in "${spaces[@]}"; do ip netns del "$s" 2>/dev/null; done
  rm -rf "$work"
}
cleanup_hook() { :; }
trap machines_end EXIT
