#!/usr/bin/env bash
# A whole cluster on this machine by one command: three servers and two agents, each in a network of its
# own. Pods on both agents and their service; a killed server; all killed and started again; stop, start,
# delete; nothing is left.
set -u
troupe=$1
. "$(dirname "$0")/machine.sh"
name=t$tag
c() { "$troupe" cluster "$1" "$name" --dir "$work/clusters" --run "$work/run" "${@:2}"; }
export KUBECONFIG=$work/kubeconfig
cleanup_hook() { c delete >/dev/null; }
k() { timeout 20 "$kubectl" --context "troupe-$name" "$@"; }
echo 'apiVersion: v1
kind: Config
clusters: [{name: other, cluster: {server: "https://192.0.2.1"}}]
contexts: [{name: other, context: {cluster: other, user: ""}}]
current-context: other' >"$KUBECONFIG"
c create --servers 3 --agents 2 | tee "$work/said" || fail "create"
c create --servers 3 --agents 2 >/dev/null || fail "create is not harmless to repeat"
c create --servers 1 --agents 2 2>"$work/shape" && fail "another shape was accepted"
grep -q "of another shape (3 servers, 2 agents)" "$work/shape" || fail "no word about the shape: $(cat "$work/shape")"
[ "$(k get nodes --no-headers | grep -cw Ready)" = 2 ] || fail "not two nodes: $(k get nodes)"
"$kubectl" config get-contexts -o name | grep -qx other || fail "another context was lost"
"$troupe" cluster list --dir "$work/clusters" --run "$work/run" -o json | grep -q '"status":"running"' || fail "not listed"
hello_on_all hello | k apply -f - >/dev/null || fail "apply"
k rollout status daemonset/hello --timeout=20s || fail "the daemon set does not come up: $(k get pods -o wide)"
ip=$(k get service hello -o jsonpath='{.spec.clusterIP}')
in_agent() { nsenter --net="/run/netns/troupe-$name-agent-$1" "${@:2}"; }
both() { [ "$(for _ in $(seq 20); do in_agent "$1" curl -sf -m 2 "http://$ip/"; done | sort -u | wc -l)" = 2 ]; }
for n in 1 2; do wait_for 10 both $n || fail "the service does not lead to both pods from agent $n"; done
pid_of() { cut -d' ' -f1 "$work/run/$name/$1.pid"; }
# Any one server is killed: the address of the API leads to another, writes go on.
kill -9 "$(pid_of server-1)"
# A try whose answer was lost with the server may have written: the next one takes another name.
writes() { written=after-$((++tries)); k create configmap "$written"; }
tries=0 began=$(date +%s%N)
wait_for 10 writes || fail "no writes after a server was killed"
echo "a server killed: writes go on after $((($(date +%s%N) - began) / 1000000)) ms"
all_run() { "$troupe" cluster list --dir "$work/clusters" --run "$work/run" -o json | grep -q '"status":"running"'; }
c start >/dev/null && all_run || fail "start does not bring a member back"
# All of them at once.
for p in server-1 server-2 server-3 agent-1 agent-2 relay; do kill -9 "$(pid_of $p)"; done
began=$(date +%s%N)
c start >/dev/null || fail "start after all were killed"
k rollout status daemonset/hello --timeout=20s >/dev/null || fail "the daemon set is not back"
for n in 1 2; do wait_for 10 both $n || fail "the service is not back on agent $n"; done
echo "all killed: everything is back after $((($(date +%s%N) - began) / 1000000)) ms"
k get configmap "$written" >/dev/null || fail "something acknowledged is lost"
c stop >/dev/null || fail "stop"
ip link show | grep -q "troupe-$name" && fail "links are left after stop"
[ -z "$(ls /run/netns | grep "troupe-$name-")" ] || fail "namespaces are left after stop"
c start >/dev/null || fail "start after stop"
k rollout status daemonset/hello --timeout=20s >/dev/null || fail "the daemon set is not back after a stop"
wait_for 10 both 2 || fail "the service is not back after a stop"
number=$(sed 's/.*"number":\([0-9]*\).*/\1/' "$work/clusters/$name/cluster.json")
c delete || fail "delete"
[ -z "$(ls /run/netns | grep "troupe-$name-")" ] || fail "namespaces are left"
ip link show "trc$number" >/dev/null 2>&1 && fail "a bridge is left"
[ ! -e "$work/clusters/$name" ] && [ ! -e "$work/run/$name" ] || fail "files are left"
"$kubectl" config get-contexts -o name | grep -q "troupe-$name" && fail "the context is left"
c delete >/dev/null || fail "delete is not harmless to repeat"
echo "all well"
