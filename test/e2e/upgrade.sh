#!/usr/bin/env bash
# A cluster goes to the next version machine by machine, servers first, and back, while clients write, read and
# ask a service: pods are not touched, nothing acknowledged is lost, no read and no request fails.
# Usage: upgrade.sh TROUPE NEXT_TROUPE. Needs root, runc and kubectl.
set -u
troupe=$1 next=$2
. "$(dirname "$0")/machine.sh"
tools=$(dirname "$0")/tools
a_cluster
cleanup_hook() { touch "$work/stop" "$work/calm"; wait; c delete >/dev/null; }
c create --servers 3 --agents 2 >/dev/null || fail "create"
hello_on_all web | k apply -f - >/dev/null || fail "apply"
k rollout status daemonset/web --timeout=30s >/dev/null || fail "the pods do not come up: $(k get pods -o wide)"
before=$(containers)
slices() { k get endpointslices -l kubernetes.io/service-name=web -o jsonpath='{range .items[*]}{.metadata.name} {.metadata.generation}{"\n"}{end}'; }
service=$(k get service web -o jsonpath='{.spec.clusterIP}')
answers() { inside agent-1 curl -sf -m 2 "http://$service/" >/dev/null; }
wait_for 10 answers || fail "the service does not answer"
wait_for 10 two_serve web || fail "the service does not lead to both pods"
slices_before=$(slices)
field() { sed -n "s/.*$1: //p" "$kept/kubeconfig" | base64 -d; }
field client-certificate-data >"$work/crt"; field client-key-data >"$work/key"; field certificate-authority-data >"$work/ca"
sed -n 's/.*server: https:..//p' "$kept/kubeconfig" >"$work/hosts"
python3 "$tools/writer.py" "$work" 8 >"$work/written" & writer=$!
inside agent-1 python3 "$tools/asker.py" "$service" "$work/calm" 2 0.01 >"$work/asked" & asker=$!
# Each read is one command of its own, as users give them.
(reads=0; until [ -e "$work/calm" ]; do
  reads=$((reads + 1)); k get pods -o name >"$work/read" 2>"$work/read.why" || echo "read $reads: $(cat "$work/read.why")" >>"$work/unread"
done; echo "$reads reads") >"$work/reads" & reader=$!
protocols() { grep -ho 'protocol=.*' "$kept"/log/server-*.log | sort | uniq -c | xargs; }
# A leader that is asked to end hands over first: writes do not wait for an election.
leads() { c_members | grep -o '"leader":[0-9]*' | cut -d: -f2; }
c_members() { inside agent-1 "$troupe" raw /troupe/v1/members --kubeconfig "$kept/kubeconfig"; }
leader=$(leads); [ -n "$leader" ] || fail "nobody leads: $(c_members)"
from=$(date +%s.%N)
kill "$(pid_of "server-$leader")"
another() { local now; now=$(leads); [ -n "$now" ] && [ "$now" != "$leader" ] && [ "$now" != 0 ]; }
wait_for 10 another || fail "nobody else leads"
goes_on() { [ "$(tail -n 1 "$work/acks" | cut -d' ' -f1 | cut -d. -f1)" -gt $((${from%.*} + 2)) ]; }
wait_for 10 goes_on || fail "writes do not go on"
grep -q "another server is to lead" "$kept/log/server-$leader.log" || fail "it did not hand over"
awk -v from="$from" '$1 > from - 1 { if (last && $1 - last > gap) gap = $1 - last; last = $1 } END { printf "a leader that is asked to end: the longest wait of a write %.3f s\n", gap; exit gap > 1 }' "$work/acks" ||
  fail "writes waited for an election"
c start >/dev/null || fail "server $leader does not come back"
for program in "$next" "$troupe"; do
  for m in server-{1,2,3} agent-{1,2}; do
    pid=$(pid_of $m)
    kill "$pid"
    gone() { [ "$(sed 's/.*) \(.\).*/\1/' "/proc/$pid/stat" 2>/dev/null || echo Z)" = Z ]; }
    wait_for 15 gone || fail "$m does not end when it is asked to"
    c start >/dev/null || fail "$m does not start as $(basename "$program")"
    [ "$(readlink "/proc/$(pid_of $m)/exe")" = "$(readlink -f "$program")" ] || fail "$m is no $(basename "$program")"
  done
  ready() { [ "$(k get nodes --no-headers | grep -cw Ready)" = 2 ]; }
  wait_for 10 ready || fail "not all nodes are ready: $(k get nodes)"
  [ "$(containers)" = "$before" ] || fail "pods were touched: $before, now $(containers)"
  [ "$(slices)" = "$slices_before" ] || fail "clients were led elsewhere for a while: $slices_before, now $(slices)"
  echo "all are $(basename "$program"): links so far: $(protocols)"
done
protocols | grep -q 'protocol=2' || fail "the next version was not spoken"
touch "$work/calm" "$work/stop"
wait $asker $reader
wait $writer || fail "the writer: $(cat "$work/written")"
cat "$work/written" "$work/asked" "$work/reads"
grep -q ' 0 failed' "$work/asked" || fail "requests through the service failed"
[ ! -s "$work/unread" ] || fail "reads failed: $(head -5 "$work/unread")"
echo "all well"
