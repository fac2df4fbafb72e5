#!/usr/bin/env bash
# Machines of two subnets with a router between them: their pods reach each other over the overlay, with
# packets that fit, and nobody but a machine of the cluster is heard on it. Usage: subnets.sh TROUPE.
set -u
troupe=$1
. "$(dirname "$0")/machine.sh"
tools=$(dirname "$0")/tools
# 1 is the server, 2 an agent beside it, 3 an agent behind the router, 9 a stranger beside agent 3.
for n in 1 2 3 9 router; do machine $n; done
subnet() { # subnet NAME GATEWAY MEMBER...: a switch, the router's leg, and who is on it
  local name=$1 net=${2%.*} n
  ip netns add "t$tag-$name"; spaces+=("t$tag-$name")
  ip -n "t$tag-$name" link add name br0 mtu 1400 type bridge; ip -n "t$tag-$name" link set br0 up
  for n in router "${@:3}"; do
    local inside=eth0; [ $n = router ] && inside=$name
    ip -n "t$tag-$name" link add name "p$n" mtu 1400 type veth peer name "$inside" mtu 1400 netns "t$tag-$n"
    ip -n "t$tag-$name" link set "p$n" master br0 up
    ip -n "t$tag-$n" addr add "$([ $n = router ] && echo "$2" || echo "$net.$n")/24" dev "$inside"
    ip -n "t$tag-$n" link set "$inside" up
    [ $n = router ] || ip -n "t$tag-$n" route add default via "$2"
  done
}
subnet left 10.71.1.254 1 2
subnet right 10.71.2.254 3 9
on router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
cleanup_hook() { for n in 2 3; do on $n "$troupe" uninstall --yes --data "$work/a$n" --run "$work/r$n" >/dev/null; done; }
nsenter --net="$(at 1)" "$troupe" server --data "$work/s" --advertise 10.71.1.1 2>"$work/server.log" & pids+=($!)
wait_for 20 test -s "$work/s/admin.kubeconfig" || fail "the server does not come up"
export KUBECONFIG=$work/s/admin.kubeconfig
k() { on 1 timeout 30 "$kubectl" "$@"; }
token=$(on 1 "$troupe" token create --data "$work/s") || fail "no token"
for n in 2 3; do
  nsenter --net="$(at $n)" "$troupe" agent --server https://10.71.1.1:6443 --token "$token" --name "n$n" --data "$work/a$n" --run "$work/r$n" 2>"$work/agent$n.log" & pids+=($!)
done
ready() { [ "$(k get nodes --no-headers | grep -cw Ready)" = 2 ]; }
wait_for 20 ready || fail "the nodes do not become ready: $(k get nodes)"
hello_on_all hello | k apply -f - >/dev/null || fail "apply"
k rollout status daemonset/hello --timeout=30s >/dev/null || fail "the daemon set does not come up: $(k get pods -o wide)"
service=$(k get service hello -o jsonpath='{.spec.clusterIP}')
declare -A pod=() net=()
for n in 2 3; do
  pod[$n]=$(k get pods -o jsonpath="{.items[?(@.spec.nodeName==\"n$n\")].status.podIP}")
  net[$n]=$(echo "$work/r$n"/pods/*/ns/net)
done
reaches() {
  local from to
  for from in "$(at 2)" "$(at 3)" "${net[2]}" "${net[3]}"; do
    for to in 2 3; do nsenter --net="$from" curl -sf -m 2 "http://${pod[$to]}:8080/" >/dev/null || return 1; done
    [ "$(for _ in $(seq 20); do nsenter --net="$from" curl -sf -m 2 "http://$service/"; done | sort -u | wc -l)" = 2 ] || return 1
    [ "$(nsenter --net="$from" python3 "$tools/resolve.py" hello.default.svc.cluster.local)" = "$service" ] || return 1
  done
}
wait_for 10 reaches || fail "not everybody reaches everybody across the router"
ip -n "t$tag-2" route get "${pod[3]}" | grep -q troupe-overlay || fail "the way is not over the overlay"
# Much at once, from pod to pod: packets are as large as the overlay takes, 50 bytes less than the network.
nsenter --net="${net[3]}" python3 -c '
import socket
with socket.create_server(("0.0.0.0", 9000)) as s:
    c, _ = s.accept()
    n = 0
    while more := c.recv(65536): n += len(more)
    print(n)' >"$work/taken" & taker=$!
pids+=($taker)
listens() { nsenter --net="${net[3]}" ss -Htln | grep -q :9000; }
wait_for 5 listens || fail "nobody listens"
mtu=$(nsenter --net="${net[2]}" timeout 10 python3 -c '
import socket, sys
s = socket.create_connection((sys.argv[1], 9000), 5)
s.sendall(b"x" * 3000000)
print(s.getsockopt(socket.IPPROTO_IP, 14)) # IP_MTU
s.close()' "${pod[3]}") || fail "much at once does not pass from pod to pod"
wait $taker
[ "$(cat "$work/taken")" = 3000000 ] && [ "$mtu" = 1350 ] || fail "$(cat "$work/taken") bytes passed, in packets of up to $mtu"
# A stranger forges what a machine would say. It is not heard; and would be, were there no guard.
heard() { ip -n "t$tag-3" -s -j link show troupe-overlay | sed 's/.*"rx":{"bytes":[0-9]*,"packets":\([0-9]*\).*/\1/'; }
range=$(k get node n3 -o jsonpath='{.spec.podCIDR}')
mac=$(python3 -c 'import sys; print("0a:59:" + ":".join("%02x" % int(x) for x in sys.argv[1].split("/")[0].split(".")))' "$range")
ip -n "t$tag-9" link add name forged type vxlan id $((0x74726f)) dstport 4789 remote 10.71.2.3 nolearning
ip -n "t$tag-9" link set forged up
ip -n "t$tag-9" addr add 10.244.200.1/32 dev forged
ip -n "t$tag-9" neigh add "${range%/*}" lladdr "$mac" dev forged
ip -n "t$tag-9" route add "$range" via "${range%/*}" dev forged onlink
knock() { on 9 python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(20): s.sendto(b"forged", (sys.argv[1], 8080))' "${pod[3]}"; }
before=$(heard)
knock
reaches || fail "the others are not heard any more"
among=$(ip -n "t$tag-9" -s -j link show forged | sed 's/.*"tx":{"bytes":[0-9]*,"packets":\([0-9]*\).*/\1/')
[ "$among" -ge 20 ] || fail "the stranger has not spoken ($among packets)"
calm=$(heard)
knock
[ $(($(heard) - calm)) -lt 20 ] || fail "a stranger is heard on the overlay"
on 3 nft delete table ip troupe-overlay || fail "there is no guard"
calm=$(heard)
knock
unguarded() { [ $(($(heard) - calm)) -ge 20 ]; }
wait_for 2 unguarded || fail "this test proves nothing: a stranger is not heard without the guard either"
echo "all well"
