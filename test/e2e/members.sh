#!/usr/bin/env bash
# Servers join and leave while clients write: one grows to three, to five, and shrinks to two without the
# first one. Nothing acknowledged is lost, an agent that only knew the first server follows, and a lost
# majority is told with numbers and got out of by `troupe recover`.
set -u
troupe=$1
. "$(dirname "$0")/machine.sh"
ip netns add "t$tag-switch"; spaces+=("t$tag-switch")
ip -n "t$tag-switch" link add name br0 type bridge; ip -n "t$tag-switch" link set br0 up
for n in 1 2 3 4 5 9; do
  machine $n
  ip -n "t$tag-switch" link add name port$n type veth peer name eth0 netns "t$tag-$n"
  ip -n "t$tag-switch" link set port$n master br0 up
  ip -n "t$tag-$n" addr add "192.168.78.$n/24" dev eth0
  ip -n "t$tag-$n" link set eth0 up
done
cleanup_hook() { on 9 "$troupe" uninstall --yes --data "$work/a9" --run "$work/r9" >/dev/null; }
declare -A server=()
start() { # start N [more flags]
  nsenter --net="$(at "$1")" "$troupe" server --data "$work/s$1" --advertise "192.168.78.$1" "${@:2}" 2>>"$work/server$1.log" &
  server[$1]=$!; pids+=($!)
}
members() { on "$1" "$troupe" members "${@:2}" --data "$work/s$1"; }
voters() { [ "$(members "$1" list -o json | grep -o '"role":"\(voter\|leader\)"' | wc -l)" = "$2" ]; }
start 1
wait_for 20 test -s "$work/s1/admin.kubeconfig" || fail "the first server does not come up"
export KUBECONFIG=$work/s1/admin.kubeconfig
k() { on 1 timeout 20 "$kubectl" "$@"; }
agent_token=$(on 1 "$troupe" token create --data "$work/s1") || fail "no token"
nsenter --net="$(at 9)" "$troupe" agent --server https://192.168.78.1:6443 --token "$agent_token" --name n9 --data "$work/a9" --run "$work/r9" 2>>"$work/agent9.log" & pids+=($!)
ready() { k get nodes --no-headers | grep -qw Ready; }
wait_for 20 ready || fail "the node does not become ready"
# A token of an agent lets no server join.
on 2 "$troupe" server --data "$work/s2" --advertise 192.168.78.2 --join "$agent_token@192.168.78.1" 2>"$work/refused" && fail "joined with an agent's token"
grep -q "role server" "$work/refused" || fail "no word about the token: $(cat "$work/refused")"
token=$(on 1 "$troupe" token create --role server --data "$work/s1") || fail "no token for servers"
field() { sed -n "s/.*$1: //p" "$work/s1/admin.kubeconfig" | base64 -d; }
field client-certificate-data >"$work/crt"; field client-key-data >"$work/key"; field certificate-authority-data >"$work/ca"
echo 192.168.78.1:6443 >"$work/hosts"
nsenter --net="$(at 9)" python3 "$(dirname "$0")/tools/writer.py" "$work" 2.5 >"$work/written" 2>&1 & writer=$!; pids+=($!)
for n in 2 3 4 5; do
  from=$((n - 1))
  start $n --join "$token@192.168.78.$from"
  wait_for 20 voters 1 $n || fail "server $n does not become a voter: $(members 1 list)"
  echo "192.168.78.$n:6443" >>"$work/hosts"
done
members 3 list
knows() { grep -o '"id"' "$work/a9/join/servers.json" | wc -l | grep -qx "$1"; }
wait_for 10 knows 5 || fail "the agent does not hear of the servers: $(cat "$work/a9/join/servers.json")"
# A server that starts again finds by itself what it is.
kill "${server[4]}"; wait "${server[4]}" 2>/dev/null
start 4
back() { members 1 list -o json | grep -o '"id":4[^}]*' | grep -q '"reachable":true'; }
wait_for 10 back || fail "server 4 does not come back"
members 2 transfer 2 >/dev/null || fail "transfer"
leads() { members 3 list -o json | grep -q '"leader":2'; }
wait_for 10 leads || fail "server 2 does not lead: $(members 3 list)"
# They go one by one, the leader and the first one among them.
echo "192.168.78.4:6443 192.168.78.5:6443" >"$work/hosts"
gone() { ! kill -0 "$1" 2>/dev/null; }
for n in 2 1 3; do
  members 5 remove $n >/dev/null || fail "cannot remove server $n"
  wait_for 5 gone "${server[$n]}" || fail "server $n does not end when it is removed: $(tail -3 "$work/server$n.log")"
done
wait_for 20 voters 4 2 || fail "not two are left: $(members 4 list)"
grep -q "the others have removed this server" "$work/server2.log" || fail "server 2 does not say why it ended"
wait_for 10 knows 2 || fail "the agent does not let go of who left"
touch "$work/stop"; wait $writer || fail "the writer: $(cat "$work/written")"
cat "$work/written"
export KUBECONFIG=$work/s4/admin.kubeconfig
k() { on 4 timeout 20 "$kubectl" "$@"; }
k create deployment late --image troupe.dev/hello --dry-run=client -o yaml | sed 's/image: .*/&\n        imagePullPolicy: IfNotPresent/' | k apply -f - >/dev/null || fail "apply"
k rollout status deployment/late --timeout=20s >/dev/null || fail "the agent that knew only the first server runs nothing new"
slice() { k get endpointslice kubernetes -o jsonpath='{.endpoints[*].addresses[0]}'; }
both_served() { [ "$(slice | tr ' ' '\n' | sort | xargs)" = "192.168.78.4 192.168.78.5" ]; }
wait_for 10 both_served || fail "the API is not said to be at both: $(slice)"
# The majority is lost.
kill -9 "${server[5]}"; wait "${server[5]}" 2>/dev/null
said() { k create configmap lonely 2>&1 | tee "$work/lonely" | grep -q "1 of 2 servers can be reached and 2 are needed"; }
wait_for 40 said || fail "a lost majority is not told: $(cat "$work/lonely")"
kill "${server[4]}"; wait "${server[4]}" 2>/dev/null
on 4 "$troupe" recover --data "$work/s4" </dev/null >"$work/recover" 2>&1 && fail "recovered without being asked twice"
on 4 "$troupe" recover --yes --data "$work/s4" || fail "recover"
start 4
alone() { k create configmap alone; }
wait_for 20 alone || fail "no writes after recovery"
k get configmap w-1 >/dev/null || fail "something is lost after recovery"
voters 4 1 || fail "not alone: $(members 4 list)"
echo "all well"
