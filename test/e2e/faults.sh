#!/usr/bin/env bash
# What a cluster of many machines bears: three servers and three agents, each with a network of its own. Any
# server is killed, a leader is cut off from the others both ways and one way, a machine of pods is cut off,
# everything is killed, and clocks jump. Meanwhile one client writes and another asks a service from outside
# the pods. Usage: faults.sh TROUPE
# [SHIFTED_CLOCK_LIBRARY]. Needs root, runc, kubectl and nft.
set -u
troupe=$1
. "$(dirname "$0")/machine.sh"
tools=$(dirname "$0")/tools
command -v nft >/dev/null || { echo "this test needs nft (Debian: nftables)"; exit 77; }
a_cluster
export TROUPE_NODE_MONITOR_GRACE_PERIOD=4s
cleanup_hook() { touch "$work/stop" "$work/calm"; wait; c delete >/dev/null; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
address() { echo "10.89.$number.$([ "${1%-*}" = server ] && echo 1 || echo 10)${1##*-}"; }
# The server whose word of leading is of the highest term.
leader() { grep -Ho 'this server leads term=[0-9]*' "$kept"/log/server-*.log | sed 's/.*server-\(.\)\.log:.*=\(.*\)/\2 \1/' | sort -n | tail -1 | cut -d' ' -f2; }
# What is written goes through the address of the API; longest_gap SINCE: between two acknowledged writes.
longest_gap() { awk -v since="$1" '$1 * 1000 > since { if (last && $1 - last > gap) gap = $1 - last } { last = $1 } END { printf "%d", gap * 1000 }' "$work/acks"; }
writes_since() { [ "$(tail -1 "$work/acks" | cut -d. -f1)" -gt $((($1 + 999) / 1000)) ]; }
calm_after() { wait_for 15 writes_since "$(($(now_ms) + 300))"; }
settled() { # settled WHAT SINCE LIMIT_MS: writes went on, and how soon
  calm_after || fail "$1: no writes: $(tail -3 "$work/refused")"
  local gap; gap=$(longest_gap "$2")
  echo "$1: the longest gap between writes is $gap ms"
  [ "$gap" -le "$3" ] || fail "$1: writes were gone for $gap ms: $(tail -3 "$work/refused")"
}
asking() { rm -f "$work/calm"; inside agent-1 python3 "$tools/asker.py" "$service" "$work/calm" 2 0.01 >"$work/asked" & asker=$!; }
asked() { touch "$work/calm"; wait "$asker"; grep -q ' 0 failed' "$work/asked" || fail "$1: requests through the service: $(cat "$work/asked")"; }
same_containers() { [ "$(containers -l app=web)" = "$before" ] || fail "$1: containers are others: $before, now $(containers -l app=web)"; }

c create --servers 3 --agents 3 | tail -n 4 || fail "create"
number=$(sed 's/.*"number":\([0-9]*\).*/\1/' "$kept/cluster.json")
k apply -f - >/dev/null <<'YAML' || fail "apply"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations:
      - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 1}
      - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 1}
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
      containers: [{name: web, image: troupe.dev/hello, imagePullPolicy: IfNotPresent}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
YAML
k rollout status deployment/web --timeout=30s >/dev/null || fail "the pods do not come up: $(k get pods -o wide)"
service=$(k get service web -o jsonpath='{.spec.clusterIP}')

# Everybody reaches everybody: pods on all machines, the service, its name, the API.
nodes() { k get pods -l app=web -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort -u | wc -l; }
[ "$(nodes)" = 3 ] || fail "the pods are not spread: $(k get pods -o wide)"
reaches_all() { # reaches_all NETNS: from the machine or the pod whose network that is
  local ip
  for ip in $(k get pods -l app=web -o jsonpath='{.items[*].status.podIP}'); do
    nsenter --net="$1" curl -sf -m 2 "http://$ip:8080/" >/dev/null || { echo "pod $ip is not reached"; return 1; }
  done
  [ "$(nsenter --net="$1" python3 "$tools/resolve.py" web.default.svc.cluster.local)" = "$service" ] || { echo "the name leads elsewhere"; return 1; }
  [ "$(for _ in $(seq 30); do nsenter --net="$1" curl -sf -m 2 "http://$service/"; done | sort -u | wc -l)" = 3 ] || { echo "the service does not lead to all"; return 1; }
  nsenter --net="$1" curl -sk -m 2 -o /dev/null https://10.96.0.1/livez || { echo "the API is not reached"; return 1; }
}
everywhere() {
  local where
  for where in /run/netns/troupe-$name-agent-{1,2,3} "$run"/agent-*/pods/*/ns/net; do
    reaches_all "$where" >"$work/reached" || { echo "from $where: $(cat "$work/reached")"; return 1; }
  done
}
wait_for 10 everywhere || fail "not everybody reaches everybody: $(everywhere)"
before=$(containers -l app=web)

field() { sed -n "s/.*$1: //p" "$kept/kubeconfig" | base64 -d; }
field client-certificate-data >"$work/crt"; field client-key-data >"$work/key"; field certificate-authority-data >"$work/ca"
sed -n 's/.*server: https:..//p' "$kept/kubeconfig" >"$work/hosts"
: >"$work/acks"
python3 "$tools/writer.py" "$work" 20 >"$work/written" & writer=$!
calm_after || fail "no writes at all: $(tail -3 "$work/refused")"

# Any server is killed, the one that leads among them.
asking
for n in 1 2 3; do
  led=$(leader) since=$(now_ms)
  kill -9 "$(pid_of server-$n)"
  settled "server $n of 3 is killed (server $led led)" "$since" 3000
  c start >/dev/null || fail "server $n does not come back"
done
asked "servers were killed"
same_containers "servers were killed"

# The leader is cut off from the other servers: both ways, then only its words, then only theirs.
cut_off() { # cut_off SERVER in|out|both
  local others rules=""
  others=$(for n in 1 2 3; do [ "$n" = "$1" ] || echo "$(address server-$n)"; done | paste -sd,)
  [ "$2" = out ] || rules="chain in { type filter hook input priority -300; ip saddr { $others } drop; }"
  [ "$2" = in ] || rules+=$'\n'"chain out { type filter hook output priority -300; ip daddr { $others } drop; }"
  inside "server-$1" nft "table inet cut_off {"$'\n'"$rules"$'\n'"}"
}
asking
for way in both out in; do
  led=$(leader) since=$(now_ms)
  another() { [ "$(leader)" != "$led" ]; }
  cut_off "$led" $way
  wait_for 15 another || fail "nobody takes over from server $led, which is cut off ($way)"
  settled "the leader is cut off ($way)" "$since" 8000
  inside "server-$led" nft delete table inet cut_off
  rejoined() { curl -s -m 1 --cacert "$work/ca" --cert "$work/crt" --key "$work/key" -o /dev/null -w '%{http_code}' --resolve "kubernetes:6443:$(address "server-$led")" https://kubernetes:6443/readyz | grep -qx 200; }
  wait_for 15 rejoined || fail "server $led does not come back to the others ($way)"
done
asked "a leader was cut off"
same_containers "a leader was cut off"

# A machine of pods is cut off: its pods are replaced as their tolerations say, and when it is back nothing
# of the old ones is left.
lost=$(k get pods -l app=web -o jsonpath='{.items[?(@.spec.nodeName=="agent-3")].metadata.name}')
since=$(now_ms)
inside agent-3 ip link set eth0 down
replaced() { [ "$(k get pods -l app=web -o jsonpath='{range .items[*]}{.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status} {.metadata.deletionTimestamp}{"\n"}{end}' | grep -c 'agent-[12] True $')" = 3 ]; }
wait_for 30 replaced || fail "the pods of agent 3 are not replaced: $(k get pods -o wide; k get node agent-3 -o yaml)"
echo "a machine is cut off: its pods are replaced after $(($(now_ms) - since)) ms"
asking
since=$(now_ms)
inside agent-3 ip link set eth0 up
inside agent-3 ip route replace default via "10.89.$number.1"
clean() { [ "$(k get nodes --no-headers | grep -cw Ready)" = 3 ] && ! k get pod $lost >/dev/null 2>&1 && [ -z "$(ls "$run/agent-3/pods")" ]; }
wait_for 30 clean || fail "agent 3 does not come back clean: $(k get nodes; k get pods -o wide; ls "$run/agent-3/pods")"
echo "the machine is back and clean after $(($(now_ms) - since)) ms"
asked "a machine came back"

# All are killed and started again.
k rollout restart deployment/web >/dev/null # one on each again
k rollout status deployment/web --timeout=20s >/dev/null || fail "the pods are not rolled"
three() { [ "$(k get pods -l app=web -o name | wc -l)" = 3 ]; }
wait_for 10 three || fail "pods of before stay: $(k get pods -o wide)"
before=$(containers -l app=web)
for p in server-{1,2,3} agent-{1,2,3} relay; do kill -9 "$(pid_of $p)"; done
since=$(now_ms)
c start >/dev/null || fail "start after all were killed"
back() { for n in 1 2 3; do inside agent-$n curl -sf -m 1 "http://$service/" || return 1; done; k create configmap "back-$((++tries))"; }
tries=0
wait_for 10 back || fail "all were killed, and the service or writes are not back"
took=$(($(now_ms) - since))
echo "all are killed: all is back after $took ms"
[ $took -le 8000 ] || fail "all were killed: it took too long"
wait_for 10 everywhere || fail "not everybody reaches everybody after all were killed: $(everywhere)"
same_containers "all were killed"

# The clock of the server that leads jumps, by a day and by 400, beyond the life of every certificate. It would
# judge certificates and tokens as nobody else does: it says so, sends clients to the others, leads no more.
if [ -n "${2:-}" ]; then
  clock() { printf '%+15d' "$(($1 * 86400))" 1<>"$work/clock"; } # in place: the process has it mapped
  said() { grep -q "$1" "$kept/log/server-$led.log"; }
  led=$(leader)
  clock 0
  kill -9 "$(pid_of "server-$led")"
  (export LD_PRELOAD=$2 SHIFTED_CLOCK=$work/clock; c start >/dev/null) || fail "server $led does not start with a clock of its own"
  members() { inside "server-$led" "$troupe" members "$@" --data "$kept/server-$led"; }
  handed_over() { members transfer "$led" && [ "$(leader)" = "$led" ]; }
  wait_for 10 handed_over || fail "server $led does not lead again"
  for jump in 1 0 400; do
    since=$(now_ms)
    clock $jump
    [ $jump = 0 ] || wait_for 10 said "the clock of this server is .* ahead of those of the other servers" || fail "no word about the clock"
    settled "the clock of server $led, which led, jumps $jump days ahead (server $(leader) leads)" "$since" 4000
    same_containers "a clock jumped $jump days ahead"
  done
  # It makes its certificates anew by that clock; when it is set right, it makes them anew again.
  renewed() { [ "$(grep -c "certificates are renewed" "$kept/log/server-$led.log")" -ge $1 ]; }
  kill -HUP "$(pid_of "server-$led")"
  wait_for 10 renewed 1 || fail "certificates are not renewed"
  clock 0
  kill -HUP "$(pid_of "server-$led")"
  wait_for 10 said "the clock of this server agrees with the others' again" && wait_for 10 renewed 2 || fail "server $led does not recover from its clock"
  rejoined() { curl -s -m 1 --cacert "$work/ca" --cert "$work/crt" --key "$work/key" -o /dev/null -w '%{http_code}' --resolve "kubernetes:6443:$(address "server-$led")" https://kubernetes:6443/api/v1/nodes/agent-1 | grep -qx 200; }
  wait_for 10 rejoined || fail "server $led does not serve as before"
fi
touch "$work/stop"; wait "$writer" || fail "the writer: $(cat "$work/written")"
cat "$work/written"
cut -d' ' -f3- "$work/refused" | sort | uniq -c | sort -rn | head -5
