#!/usr/bin/env bash
# A whole cluster on this machine by one command: three servers and two agents, each in a network of its
# own. Pods on both agents and their service; a killed server; all killed and started again; stop, start,
# delete; nothing is left.
set -u
troupe=$1
# A network of its own, which has no way out and forwards nothing.
[ -n "${TROUPE_OWN_NETWORK:-}" ] || exec unshare --net env TROUPE_OWN_NETWORK=1 "$0" "$@"
ip link set lo up
forwards=/proc/sys/net/ipv4/ip_forward
echo 0 >$forwards
. "$(dirname "$0")/machine.sh"
a_cluster
cleanup_hook() { c delete >/dev/null; }
echo 'apiVersion: v1
kind: Config
clusters: [{name: other, cluster: {server: "https://192.0.2.1"}}]
contexts: [{name: other, context: {cluster: other, user: ""}}]
current-context: other' >"$KUBECONFIG"
python3 "$(dirname "$0")/tools/docker_archive.py" "$(dirname "$troupe")/troupe-hello" example.test/given:1 "$work/given.tar"
c create --servers 3 --agents 2 --image "$work/given.tar" | tee "$work/said" || fail "create"
c create --servers 3 --agents 2 >/dev/null || fail "create is not harmless to repeat"
c create --servers 1 --agents 2 2>"$work/shape" && fail "another shape was accepted"
grep -q "of another shape (3 servers, 2 agents)" "$work/shape" || fail "no word about the shape: $(cat "$work/shape")"
[ "$(k get nodes --no-headers | grep -cw Ready)" = 2 ] || fail "not two nodes: $(k get nodes)"
"$kubectl" config get-contexts -o name | grep -qx other || fail "another context was lost"
"$troupe" cluster list --dir "$work/clusters" --run "$work/run" -o json | grep -q '"status":"running"' || fail "not listed"
[ "$(cat $forwards)" = 1 ] || fail "nothing is forwarded"
runs_given() { k get pod given -o jsonpath='{.status.phase}' | grep -q Succeeded; }
k run given --image=example.test/given:1 --image-pull-policy=Never --restart=Never -- exit 0 >/dev/null
wait_for 20 runs_given || fail "no machine has the image that was given: $(k describe pod given | tail -5)"
hello_on_all hello | k apply -f - >/dev/null || fail "apply"
k rollout status daemonset/hello --timeout=20s || fail "the daemon set does not come up: $(k get pods -o wide)"
ip=$(k get service hello -o jsonpath='{.spec.clusterIP}')
in_agent() { inside "agent-$1" "${@:2}"; }
number() { sed 's/.*"number":\([0-9]*\).*/\1/' "$work/clusters/$name/cluster.json"; }
both() { [ "$(for _ in $(seq 20); do in_agent "$1" curl -sf -m 2 "http://$ip/"; done | sort -u | wc -l)" = 2 ]; }
for n in 1 2; do wait_for 10 both $n || fail "the service does not lead to both pods from agent $n"; done
# The world outside, which knows nothing of the cluster's addresses: agents and pods reach it in this machine's
# name, and it sees nothing else.
machine outside
ip link add name "o$tag" type veth peer name eth0 netns "t$tag-outside" || fail "no link to the world outside"
ip addr add 198.51.100.1/30 dev "o$tag"; ip link set "o$tag" up
ip -n "t$tag-outside" addr add 198.51.100.2/30 dev eth0; ip -n "t$tag-outside" link set eth0 up
nsenter --net="$(at outside)" python3 -c '
import http.server
class Tell(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(self.client_address[0].encode())
    def log_message(self, *words): pass
http.server.HTTPServer(("198.51.100.2", 80), Tell).serve_forever()' & pids+=($!)
seen_as() { [ "$("$@" curl -sf -m 2 http://198.51.100.2/)" = 198.51.100.1 ]; }
wait_for 10 seen_as in_agent 1 || fail "an agent does not reach the world outside: $(nft list table ip "troupe-way-out-$(number)")"
uid=$(k get pods -l app=hello -o jsonpath='{.items[0].metadata.uid}')
process=$(cut -d' ' -f1 "$(find "$work/run" -name "$uid.hello.*.run" | head -1)") # others on this machine have such pods, too
in_pod() { nsenter --target "$process" --net "$@"; }
seen_as in_pod || fail "a pod does not reach the world outside"
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
seen_as in_agent 1 || fail "the world outside is not reached after a stop"
# The servers' actors are those of the leader, whichever server is asked; a pod's is on its machine.
t() { in_agent 1 "$troupe" "$@" --kubeconfig "$work/clusters/$name/kubeconfig"; }
for _ in 1 2 3 4 5 6; do t ask scheduler | grep -q '"answers": *true' || fail "the scheduler cannot be asked: $(t ask scheduler 2>&1)"; done
pod=$(k get pods -l app=hello -o jsonpath='{.items[0].metadata.name}')
t ask "pod/$pod" | grep -q '"answers": *true' || fail "a pod's actor cannot be asked: $(t ask "pod/$pod" 2>&1)"
t tell "pod/$pod" resync >/dev/null || fail "a pod's actor cannot be told anything"
# A trace tells what passes on the leader and on the machine, whichever server is asked.
t trace daemonset/hello --timeout=30s >"$work/trace" 2>"$work/trace.why" & tracer=$!; pids+=($tracer)
wait_for 10 grep -q listening "$work/trace.why" || fail "nobody listens: $(cat "$work/trace.why")"
k rollout restart daemonset/hello >/dev/null; k rollout status daemonset/hello --timeout=30s >/dev/null || fail "the rollout"
traced() { grep -Eq "$1" "$work/trace"; }
for words in 'controller/daemonset +-> store +creates pods/' 'nodes +-> agent/.* tells pods/' 'agent/.*-> pod/default/hello-.* (begins|tells)' 'pod/default/hello-.*-> machine +asks, for pods/.*a start of hello'; do
  wait_for 10 traced "$words" || fail "the trace has no \"$words\": $(cat "$work/trace" "$work/trace.why")"
done
kill "$tracer"; wait "$tracer" 2>/dev/null
number=$(number)
c delete || fail "delete"
[ -z "$(ls /run/netns | grep "troupe-$name-")" ] || fail "namespaces are left"
[ "$(cat $forwards)" = 0 ] || fail "the machine goes on forwarding"
nft list tables | grep -q troupe-way-out && fail "a way out is left"
ip link show "trc$number" >/dev/null 2>&1 && fail "a bridge is left"
[ ! -e "$work/clusters/$name" ] && [ ! -e "$work/run/$name" ] || fail "files are left"
"$kubectl" config get-contexts -o name | grep -q "troupe-$name" && fail "the context is left"
c delete >/dev/null || fail "delete is not harmless to repeat"
echo "all well"
