#!/usr/bin/env bash
# A deployment is rolled again and again while clients from outside the pods ask for it as fast as
# they can, each time over a new connection: none may fail. The pods have no preStop.
# Usage: rollout.sh TROUPE [ROLLOUTS]. Needs root, runc, kubectl and python3.
. "$(dirname "$0")/alone.sh"
rollouts=${2:-5}
up
kubectl create deployment web --image=troupe.dev/hello --replicas=3 >/dev/null
kubectl expose deployment web --port=80 --target-port=8080 >/dev/null
kubectl patch deployment web --type=json -p '[{"op": "add", "path": "/spec/template/spec/containers/0/readinessProbe",
  "value": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}}]' >/dev/null
kubectl rollout status deployment/web --timeout=60s >/dev/null
address=$(kubectl get service web -o jsonpath='{.spec.clusterIP}')
python3 "$(dirname "$0")/tools/asker.py" "$address" "$top/stop" >"$top/load" &
load=$!
for i in $(seq "$rollouts"); do
  kubectl set env deployment/web ROUND="$i" >/dev/null
  kubectl rollout status deployment/web --timeout=60s >/dev/null || { echo "FAILED: rollout $i"; failed=1; }
done
touch "$top/stop"
wait $load
is "$rollouts rollouts" ' 0 failed' "$(cat "$top/load")"
cat "$top/load"
