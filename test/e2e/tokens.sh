#!/usr/bin/env bash
# A pod's token is replaced before it ends, while the pod runs: the clock is set forward for that.
# Usage: tokens.sh TROUPE SHIFTED_CLOCK_LIBRARY. Needs root, runc and kubectl.
. "$(dirname "$0")/alone.sh"
clock() { printf '%+15d' "$1" 1<>"$top/clock"; } # in place: the process has it mapped
clock 0
LD_PRELOAD=$2 SHIFTED_CLOCK=$top/clock up
kubectl apply -f - >/dev/null <<END
apiVersion: v1
kind: Pod
metadata: {name: holder}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: troupe.dev/hello, volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 600}}]}}]
END
kubectl wait pod/holder --for=condition=Ready --timeout=20s >/dev/null
file=$(find "$top/run" -path '*/v/token')
token() { cat "$file"; }
accepted() { curl -sk -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $1" "https://127.0.0.1:$port/api/v1/namespaces/default/pods"; }
claim() { python3 -c 'import base64, json, sys; part = sys.argv[1].split(".")[1]; print(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))[sys.argv[2]])' "$1" "$2"; }
first=$(token)
is 'a token for ten minutes' 600 "$(($(claim "$first" exp) - $(claim "$first" iat)))"
is 'known, and with no rights' 403 "$(accepted "$first")"
clock 500
kubectl annotate pod holder looked=at >/dev/null # its timers run by another clock
another() { [ "$(token)" != "$first" ]; }
wait_for 10 another && echo 'ok: it is replaced in its last fifth' || { echo 'FAILED: it is not replaced'; failed=1; }
is 'the new one is known' 403 "$(accepted "$(token)")"
clock 700
is 'the old one is over' 401 "$(accepted "$first")"
is 'the new one still holds' 403 "$(accepted "$(token)")"
is 'nothing was started anew' '0' "$(kubectl get pod holder -o jsonpath='{.status.containerStatuses[0].restartCount}')"
