#!/usr/bin/env bash
# Pods that really run: a whole cluster on this machine, driven by kubectl. Usage: node.sh TROUPE.
# Needs root, runc and kubectl; leaves nothing behind, also when it fails.
. "$(dirname "$0")/alone.sh"
up
kubectl create deployment hello --image=troupe.dev/hello --replicas=3 >/dev/null
is 'three replicas run' 'successfully rolled out' "$(kubectl rollout status deployment/hello --timeout=60s 2>&1)"
pod=$(kubectl get pods -o name | head -1)
is 'logs' 'serving on port 8080' "$(kubectl logs "$pod" 2>&1)"
is 'exec' 'hi there' "$(kubectl exec "$pod" -- /hello print hi there 2>&1)"
is 'exec with stdin' 'from here' "$(echo from here | kubectl exec -i "$pod" -- /hello cat /proc/self/fd/0 2>&1)"
kubectl exec "$pod" -- /hello exit 7 >/dev/null 2>&1
is 'exit codes come back' 7 $?
is 'metrics through the node' container_memory_working_set_bytes \
  "$(kubectl get --raw /api/v1/nodes/n1/proxy/metrics/resource 2>&1)"
kubectl port-forward "$pod" $((port + 100)):8080 >"$top/forward" 2>&1 &
forward=$!
until grep -q Forwarding "$top/forward" || ! kill -0 $forward 2>/dev/null; do :; done
is 'port-forward' "Hello from ${pod#pod/}" "$(curl -sS --max-time 5 "localhost:$((port + 100))" 2>&1)"
kill $forward && wait $forward 2>/dev/null
kubectl debug "${pod#pod/}" -c dbg --image=troupe.dev/hello -- /hello print looked >/dev/null 2>&1
kubectl wait "$pod" --for=jsonpath='{.status.ephemeralContainerStatuses[0].state.terminated.exitCode}'=0 \
  --timeout=20s >/dev/null 2>&1
is 'debug' looked "$(kubectl logs "$pod" -c dbg 2>&1)"
for round in 1 2 3; do
  before=$(cat "$top"/run/pods/*/*.run | sort)
  kill -9 "$pid"
  wait "$pid" 2>/dev/null
  up
  is "kill -9 touches no container ($round)" 'successfully rolled out' \
    "$(kubectl rollout status deployment/hello --timeout=60s 2>&1)"
  [ "$before" = "$(cat "$top"/run/pods/*/*.run | sort)" ] || { echo "FAILED: other processes run"; failed=1; }
done
cat >"$top/data/static-pods/own.yaml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: own}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: troupe.dev/hello}]
END
until kubectl wait pod/own-n1 --for=condition=Ready --timeout=20s >/dev/null 2>&1; do
  [ $((tries = ${tries:-0} + 1)) -lt 50 ] || break
done
is 'a static pod is shown' 'file Node/n1' "$(kubectl get pod own-n1 -o \
  jsonpath='{.metadata.annotations.kubernetes\.io/config\.source} {.metadata.ownerReferences[0].kind}/{.metadata.ownerReferences[0].name}' 2>&1)"
mirror() { kubectl get pod own-n1 -o jsonpath="$1" 2>&1; }
container='{.status.containerStatuses[0].containerID} restarts:{.status.containerStatuses[0].restartCount}'
before=$(mirror "$container") uid=$(mirror '{.metadata.uid}')
kubectl delete pod own-n1 --wait=false >/dev/null
# Between the old mirror and the new one there is none, and the new one knows nothing at first.
shown_again() { [ "$(mirror '{.metadata.uid}')" != "$uid" ] && mirror "$container" | grep -q ://; }
wait_for 20 shown_again
is 'deleting its mirror does not touch it' "$before" "$(mirror "$container")"
rm "$top/data/static-pods/own.yaml"
kubectl wait pod/own-n1 --for=delete --timeout=20s >/dev/null 2>&1
is 'it goes with its file' NotFound "$(kubectl get pod own-n1 2>&1)"
kubectl run job --image=troupe.dev/hello --restart=Never -- exit 3 >/dev/null
kubectl wait pod/job --for=jsonpath='{.status.phase}'=Failed --timeout=20s >/dev/null 2>&1
is 'exit codes are shown' 3 "$(kubectl get pod job -o jsonpath='{.status.containerStatuses[0].state.terminated.exitCode}')"
kubectl delete deployment hello >/dev/null
kubectl delete pod job >/dev/null
kubectl wait --for=delete pod --all --timeout=30s >/dev/null 2>&1
is 'nothing is left' 0 "$(ls "$top/run/pods" | wc -l)"
