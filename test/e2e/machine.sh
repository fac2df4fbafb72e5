# Sourced by tests that need a machine's own network: network namespaces, entered without a mount
# namespace of their own so that control groups stay in sight. Needs root and runc.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
needs root runc kubectl
kubectl=$(command -v kubectl)
work=$(mktemp -d /tmp/troupe-e2e.XXXXXX)
chmod 711 "$work"
spaces=() pids=() tag=$$

# on NAME COMMAND...: runs in the network of a machine; at NAME: where that is, for what goes on behind us.
at() { echo "/run/netns/t$tag-$1"; }
on() { local name=$1; shift; nsenter --net="$(at "$name")" "$@"; }
# machine NAME: a machine whose only link is its loopback.
machine() { ip netns add "t$tag-$1"; spaces+=("t$tag-$1"); ip -n "t$tag-$1" link set lo up; }
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
# a_cluster: what is asked of one that `troupe cluster` makes. $run and $kept are its directories; c COMMAND...
# is `troupe cluster` by $program, inside MACHINE ... runs in its network, pid_of MACHINE is its process,
# containers ... which containers pods run in and how often they were restarted, one pod a line.
a_cluster() {
  name=t$tag program=$troupe
  run=$work/run/$name kept=$work/clusters/$name
  export KUBECONFIG=$work/kubeconfig
  c() { "$program" cluster "$1" "$name" --dir "$work/clusters" --run "$work/run" "${@:2}"; }
  k() { timeout 20 "$kubectl" --context "troupe-$name" "$@"; }
  inside() { nsenter --net="/run/netns/troupe-$name-$1" "${@:2}"; }
  pid_of() { cut -d' ' -f1 "$run/$1.pid"; }
  containers() { k get pods "$@" -o jsonpath='{range .items[*]}{.metadata.name}={.status.containerStatuses[0].containerID},{.status.containerStatuses[0].restartCount}{"\n"}{end}' | sort; }
  fail() { echo "FAILED: $*" >&2; tail -n 15 "$kept"/log/*.log >&2; exit 1; }
}
machines_end() {
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
  cleanup_hook
  for s in "${spaces[@]}"; do ip netns del "$s" 2>/dev/null; done
  rm -rf "$work"
}
cleanup_hook() { :; }
trap machines_end EXIT
