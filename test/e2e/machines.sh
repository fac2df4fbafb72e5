#!/usr/bin/env bash
# Three machines on one switch: a server, and two agents that join with a token. Pods on different machines
# reach each other and one service; a machine that is cut off is told apart and comes back.
set -u
troupe=$1
. "$(dirname "$0")/machine.sh"
ip netns add "t$tag-switch"; spaces+=("t$tag-switch")
ip -n "t$tag-switch" link add name br0 type bridge; ip -n "t$tag-switch" link set br0 up
for n in 1 2 3; do
  machine $n
  ip -n "t$tag-switch" link add name port$n type veth peer name eth0 netns "t$tag-$n"
  ip -n "t$tag-switch" link set port$n master br0 up
  ip -n "t$tag-$n" addr add "192.168.77.$n/24" dev eth0
  ip -n "t$tag-$n" link set eth0 up
done
cleanup_hook() { for n in 2 3; do on $n "$troupe" uninstall --yes --data "$work/a$n" --run "$work/r$n" >/dev/null; done; }
nsenter --net="$(at 1)" "$troupe" server --data "$work/s" --port 6443 --advertise 192.168.77.1 2>"$work/server.log" & pids+=($!)
wait_for 20 test -s "$work/s/admin.kubeconfig" || fail "the server does not come up"
export KUBECONFIG=$work/s/admin.kubeconfig
k() { on 1 "$kubectl" "$@"; }
token=$(on 1 "$troupe" token create --data "$work/s") || fail "no token"
on 1 "$troupe" token list --data "$work/s" | grep -q "${token%%.*}" || fail "the token is not listed"
# A token of another cluster, a wrong secret: nothing is sent, nobody joins.
wrong="${token%%::*}::$(printf '0%.0s' $(seq 64))"
on 2 "$troupe" agent --server https://192.168.77.1:6443 --token "$wrong" --name n2 --data "$work/a2" --run "$work/r2" 2>"$work/wrong.log" &&
  fail "joined another cluster than the token's"
grep -q "another cluster" "$work/wrong.log" || fail "no word about the other cluster"
forged="${token%%.*}.0000000000000000::${token##*::}"
on 2 "$troupe" agent --server https://192.168.77.1:6443 --token "$forged" --name n2 --data "$work/a2" --run "$work/r2" 2>"$work/forged.log" &&
  fail "joined with a forged token"
agent() {
  nsenter --net="$(at "$1")" "$troupe" agent --server https://192.168.77.1:6443 --token "$token" --name "n$1" --data "$work/a$1" --run "$work/r$1" 2>>"$work/agent$1.log" &
  agents[$1]=$!; pids+=($!)
}
declare -A agents=()
agent 2; agent 3
ready() { [ "$(k get nodes --no-headers | grep -cw Ready)" = 2 ]; }
wait_for 20 ready || fail "the nodes do not become ready: $(k get nodes)"
hello_on_all hello | k apply -f - >/dev/null || fail "apply"
k rollout status daemonset/hello --timeout=40s || fail "the daemon set does not come up: $(k get pods -o wide)"
ip=$(k get service hello -o jsonpath='{.spec.clusterIP}')
answers() { on "$1" curl -sf -m 2 "http://$ip/"; }
for n in 2 3; do
  wait_for 10 answers $n || fail "the service does not answer on machine $n"
  seen=$(for _ in $(seq 30); do answers $n; done | sort -u | wc -l)
  [ "$seen" = 2 ] || fail "from machine $n the service led to $seen pods, not 2"
done
for pod_ip in $(k get pods -l app=hello -o jsonpath='{range .items[*]}{.status.podIP}{"\n"}{end}'); do
  for n in 2 3; do on $n curl -sf -m 3 "http://$pod_ip:8080/" >/dev/null || fail "machine $n does not reach pod $pod_ip"; done
done
# Agents dial out and nothing dials in: logs, exec and port-forward go over their links.
for pod in $(k get pods -l app=hello -o name); do
  k logs "$pod" | grep -q . || fail "no logs of $pod"
  [ "$(k exec "$pod" -- /hello print over the link)" = "over the link" ] || fail "exec in $pod"
  [ "$(echo typed | k exec -i "$pod" -- /hello cat /dev/stdin)" = typed ] || fail "exec with input in $pod"
  k exec "$pod" -- /no/such/program 2>"$work/exec.log" && fail "a program that is not there ran"
  nsenter --net="$(at 1)" "$kubectl" port-forward --request-timeout=0 "$pod" 18080:8080 >"$work/forward.log" 2>&1 & forward=$!
  pids+=($forward)
  forwarded() { on 1 curl -sf -m 2 http://127.0.0.1:18080/ >/dev/null; }
  wait_for 10 forwarded || fail "port-forward to $pod does not answer: $(cat "$work/forward.log")"
  kill "$forward"; wait "$forward" 2>/dev/null
done
# The agent dies and comes back: its containers stay as they were.
ids() { k get pods -l app=hello -o jsonpath='{range .items[*]}{.metadata.name}={.status.containerStatuses[0].containerID}{"\n"}{end}'; }
before=$(ids)
kill -9 "${agents[2]}"; wait "${agents[2]}" 2>/dev/null
agent 2
wait_for 20 ready || fail "the node does not come back"
k rollout status daemonset/hello --timeout=20s || fail "the daemon set is not whole again"
[ "$before" = "$(ids)" ] || fail "containers were touched: $before now $(ids)"
k delete daemonset/hello --timeout=30s || fail "delete"
no_pods() { [ -z "$(k get pods -o name)" ]; }
wait_for 15 no_pods || fail "pods do not go"
echo "all well"
