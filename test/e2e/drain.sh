#!/usr/bin/env bash
# A pod that is to go stays until no machine leads clients to it any more, also where a machine is slow to
# hear of it. Usage: drain.sh TROUPE. Needs root, runc and kubectl.
set -u
troupe=$1
. "$(dirname "$0")/machine.sh"
tools=$(dirname "$0")/tools
a_cluster
slow=
cleanup_hook() { [ -z "$slow" ] || kill -CONT "$slow"; touch "$work/calm"; wait; c delete >/dev/null; }
c create --servers 1 --agents 2 >/dev/null || fail "create"
# A pod is ready when it listens, and may take its time to end.
hello_on_all web | sed 's/PeriodSeconds: 1/PeriodSeconds: 10/; s/imagePullPolicy/readinessProbe: {periodSeconds: 1, httpGet: {port: 8080}}, &/' | k apply -f - >/dev/null || fail "apply"
k rollout status daemonset/web --timeout=30s >/dev/null || fail "the pods do not come up: $(k get pods -o wide)"
service=$(k get service web -o jsonpath='{.spec.clusterIP}')
answers() { inside agent-2 curl -sf -m 2 "http://$service/" >/dev/null; }
for round in 1 2 3; do
  wait_for 20 two_serve web || fail "the service does not lead to both pods"
  wait_for 10 answers || fail "the service does not answer"
  pod=$(k get pods -o name --field-selector spec.nodeName=agent-1)
  rm -f "$work/calm"
  inside agent-2 python3 "$tools/asker.py" "$service" "$work/calm" 2 0.005 >"$work/asked" & asker=$!
  # The PROXY of agent-2 is held back while the pod on agent-1 is told to go.
  slow=$(pid_of agent-2)
  kill -STOP "$slow"
  k delete "$pod" --wait=false >/dev/null || fail "delete"
  python3 -c 'import threading; threading.Event().wait(0.3)'
  kill -CONT "$slow"; slow=
  k wait "$pod" --for=delete --timeout=20s >/dev/null 2>&1
  touch "$work/calm"
  wait $asker
  cat "$work/asked"
  grep -q ' 0 failed' "$work/asked" || fail "clients were led to a pod that had gone"
done
echo "all well"
