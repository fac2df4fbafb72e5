#!/usr/bin/env bash
# `troupe up` as its first user meets it: a deployment really runs, a service answers, names resolve, logs
# and exec work; kill -9 of Troupe touches no container; uninstall leaves nothing.
set -u
troupe=$1
. "$(dirname "$0")/machine.sh"
machine up
up() {
  rm -f "$work/up.out"
  nsenter --net="$(at up)" "$troupe" up --data "$work/data" --run "$work/run" --port 6443 --name one --merge-kubeconfig >"$work/up.out" 2>>"$work/up.log" &
  pids=($!)
  wait_for 20 grep -q Ctrl-C "$work/up.out" || fail "the cluster did not come up"
}
cleanup_hook() { on up "$troupe" uninstall --yes --data "$work/data" --run "$work/run" >/dev/null; }
# The user's own kubeconfig, which has another cluster in it already.
export KUBECONFIG=$work/kubeconfig
echo 'apiVersion: v1
kind: Config
clusters: [{name: other, cluster: {server: "https://192.0.2.1"}}]
contexts: [{name: other, context: {cluster: other, user: ""}}]
current-context: other' >"$KUBECONFIG"
k() { on up "$kubectl" "$@"; }

up
head -1 "$work/up.out"
k wait --for=condition=Ready node/one --timeout=10s || fail "the node is not ready"
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
      - name: hello
        image: troupe.dev/hello
        imagePullPolicy: IfNotPresent
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: hello}
spec: {type: NodePort, selector: {app: hello}, ports: [{port: 80, targetPort: 8080}]}
YAML
k apply -f "$work/hello.yaml" || fail "apply"
k rollout status deployment/hello --timeout=30s || fail "the deployment does not come up"
ip=$(k get service hello -o jsonpath='{.spec.clusterIP}')
port=$(k get service hello -o jsonpath='{.spec.ports[0].nodePort}')
programmed() { on up curl -sf -m 2 "http://$ip/"; }
wait_for 5 programmed || fail "the service does not answer"
seen=$(for _ in $(seq 40); do on up curl -sf -m 2 "http://$ip/"; done | sort -u | wc -l)
[ "$seen" = 3 ] || fail "the service led to $seen pods, not 3"
on up curl -sf -m 2 "http://10.244.0.1:$port/" >/dev/null || fail "the node port does not answer"
pod=$(k get pods -l app=hello -o jsonpath='{.items[0].metadata.name}')
k logs "$pod" | grep -q serving || fail "no logs"
[ "$(k exec "$pod" -- /hello print from inside)" = "from inside" ] || fail "exec"
k exec "$pod" -- /hello cat /etc/resolv.conf | grep -q 'nameserver 10.96.0.10' || fail "resolv.conf"
k exec "$pod" -- /hello cat /var/run/secrets/kubernetes.io/serviceaccount/namespace | grep -q default ||
  fail "no token volume"
# Names, as any resolver asks for them.
answer=$(on up python3 - <<'PY'
import socket, struct
q = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"".join(bytes([len(p)]) + p.encode() for p in "hello.default.svc.cluster.local".split(".")) + b"\0\0\1\0\1"
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3); s.sendto(q, ("10.96.0.10", 53))
print(socket.inet_ntoa(s.recv(512)[-4:]))
PY
)
[ "$answer" = "$ip" ] || fail "the name resolved to $answer, not $ip"

ids() { k get pods -l app=hello -o jsonpath='{range .items[*]}{.metadata.name}={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{"\n"}{end}'; }
before=$(ids)
for round in 1 2 3; do
  kill -9 "${pids[0]}"; wait "${pids[0]}" 2>/dev/null
  on up curl -sf -m 2 "http://$ip/" >/dev/null || fail "the service does not answer without Troupe"
  up
  k wait --for=condition=Ready node/one --timeout=10s >/dev/null || fail "the node is not ready again"
done
k rollout status deployment/hello --timeout=20s || fail "the deployment is not whole after kill -9"
[ "$before" = "$(ids)" ] || fail "containers were touched: $before now $(ids)"

k delete deployment/hello --timeout=20s || fail "delete"
no_pods() { [ -z "$(k get pods -o name)" ]; }
wait_for 15 no_pods || fail "pods do not go"
kill "${pids[0]}"; wait "${pids[0]}" 2>/dev/null; pids=()
on up "$troupe" uninstall --yes --data "$work/data" --run "$work/run" || fail "uninstall"
[ ! -e "$work/data" ] || fail "the data directory is left"
[ "$("$kubectl" config get-contexts -o name)" = other ] || fail "the kubeconfig is not as it was: $("$kubectl" config get-contexts)"
grep -q "$work" /proc/mounts && fail "mounts are left: $(grep "$work" /proc/mounts)"
on up ip -br link | grep troupe && fail "links are left"
echo "all well"
