#!/usr/bin/env bash
# Troupe is killed again and again while pods come and go: no container that should stay is touched, and of those
# that went nothing is left: no process, directory, mount, link or rule. Usage: churn.sh TROUPE [KILLS].
# Needs root, runc and kubectl.
. "$(dirname "$0")/alone.sh"
kills=${2:-8}
up
kubectl create deployment stays --image=troupe.dev/hello --replicas=4 >/dev/null
kubectl expose deployment stays --port=80 --target-port=8080 >/dev/null
kubectl rollout status deployment/stays --timeout=60s >/dev/null || { echo 'FAILED: it does not come up'; failed=1; exit; }
uids=$(kubectl get pods -l app=stays -o jsonpath='{.items[*].metadata.uid}')
staying() { for uid in $uids; do cat "$top/run/pods/$uid"/*.run; done | sort; }
counts() { # what there is of pods: directories, shims, links, mounts, rules
  local own=0 p
  for p in /proc/[0-9]*/cmdline; do case $(tr '\0' ' ' <"$p") in *troupe-shim*"$top"*) own=$((own + 1)) ;; esac; done 2>/dev/null
  echo "$(ls "$top/run/pods" | wc -l) directories, $own shims, $(ip -o link | grep -c 'troupe-.*@') links," \
    "$(grep -c "$top/run/pods/" /proc/self/mountinfo) mounts, $(nft -a list ruleset 2>/dev/null | grep -c 'handle') rules"
}
processes=$(staying) before=$(counts)
churn() {
  local n=0
  while :; do
    n=$((n + 1))
    kubectl run "passing-$n" --image=troupe.dev/hello --restart=Never --grace-period=1 -- exit $((n % 3)) --wait=false >/dev/null 2>&1
    kubectl run "running-$n" --image=troupe.dev/hello >/dev/null 2>&1
    [ $n -gt 3 ] && kubectl delete pod "passing-$((n - 3))" "running-$((n - 3))" --grace-period=1 --wait=false --ignore-not-found >/dev/null 2>&1
  done
}
churn & churner=$!
RANDOM=${SEED:=$$} && echo "seed $SEED"
for round in $(seq "$kills"); do
  read -rt "0.$((RANDOM % 9))$((RANDOM % 10))" <> <(:) || true # the moment of the kill is what is random
  kill -9 "$pid"
  wait "$pid" 2>/dev/null
  up
done
kill "$churner" && wait "$churner" 2>/dev/null
[ "$processes" = "$(staying)" ] && echo "ok: $kills kills touched no container" || { echo 'FAILED: other processes run'; failed=1; }
is 'nothing was restarted' '0 0 0 0' "$(kubectl get pods -l app=stays -o jsonpath='{.items[*].status.containerStatuses[0].restartCount}')"
# Who was being started when the kill came is neither lost nor begun twice.
under_way() { kubectl get pods --no-headers | grep -E 'Pending|Creating|^passing.*Running'; }
arrived() { ! under_way; }
wait_for 20 arrived
states=$(kubectl get pods -o jsonpath='{range .items[*]}{.metadata.name} {.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].state.terminated.reason}{"\n"}{end}')
wrong=$(grep -E '^passing' <<<"$states" | grep -vE ' 0( Completed| Error)?$'; grep -E '^running' <<<"$states" | grep -vE ' 0 $')
[ -z "$wrong" ] && echo 'ok: nor those that came' || { echo "FAILED: nor those that came: $wrong"; failed=1; }
settled() {
  local gone
  gone=$(kubectl get pods -o name | grep -E 'passing|running') && kubectl delete --grace-period=1 --wait=false $gone
  [ "$(counts)" = "$before" ]
}
wait_for 40 settled
is 'nothing is left of those that went' "$before" "$(counts)"
address=$(kubectl get service stays -o jsonpath='{.spec.clusterIP}')
asked=$(for _ in $(seq 40); do curl -sS --max-time 2 "http://$address/" 2>&1 || echo; done | sort | uniq -c)
is 'the service leads to all' 4 "$(grep -c Hello <<<"$asked")"
[ $failed = 0 ] || { echo "$asked"; kubectl get pods -o wide | cut -c1-90; kubectl get events | tail -20; ip route; ls -la "$top"/run/pods/*; }
