#!/usr/bin/env bash
# The command line for people without kubectl, and the shell: the same work as with kubectl, over messages.
set -u
troupe=$1
. "$(dirname "$0")/machine.sh"
machine up
nsenter --net="$(at up)" "$troupe" up --data "$work/data" --run "$work/run" --port 6443 --name one >"$work/up.out" 2>>"$work/up.log" &
pids=($!)
wait_for 20 grep -q Ctrl-C "$work/up.out" || fail "the cluster did not come up"
cleanup_hook() { on up "$troupe" uninstall --yes --data "$work/data" --run "$work/run" >/dev/null; }
export KUBECONFIG=$work/data/admin.kubeconfig HOME=$work NO_COLOR=1
t() { on up "$troupe" "$@"; }
# same WHAT EXPECTED ACTUAL
same() { [ "$2" = "$3" ] || fail "$1: expected \"$2\", got \"$3\""; }
has() { case $3 in *"$2"*) ;; *) fail "$1: \"$2\" is not in: $3" ;; esac; }
code() {
  "${@:2}" >"$work/out.txt" 2>&1; local got=$?
  [ "$got" = "$1" ] || fail "exit code of ${*:2}: expected $1, got $got: $(cat "$work/out.txt")"
}

cat >"$work/web.yaml" <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: hello, image: troupe.dev/hello, ports: [{containerPort: 8080, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
YAML
code 1 t diff -f "$work/web.yaml"
out=$(t apply -f "$work/web.yaml" --wait --timeout=30s 2>"$work/wait.log") || fail "apply --wait: $out $(cat "$work/wait.log")"
has "apply" "deployment.apps/web created" "$out"
has "apply --wait" "deployment.apps/web is there" "$out"
has "applied again" "deployment.apps/web unchanged" "$(t apply -f "$work/web.yaml")"
code 0 t diff -f "$work/web.yaml"
same "jsonpath" "2" "$(t get deployment web -o jsonpath='{.status.availableReplicas}')"
same "names" "2" "$(t get pods -l app=web -o name | wc -l)"
same "custom columns" "web" "$(t get deploy -o custom-columns=N:.metadata.name --no-headers)"
has "table" "READY   STATUS    RESTARTS" "$(t get pods)"
has "several kinds" "service/web" "$(t get deploy,svc)"
has "wide" "NOMINATED NODE" "$(t get pods -o wide)"
has "yaml" "kind: List" "$(t get pods -o yaml)"
code 1 t get pod nobody
has "not found" 'Error from server (NotFound): pods "nobody" not found' "$(t get pod nobody 2>&1)"
code 2 t get pods --nonsense
code 1 t get nonsense
pod=$(t get pods -l app=web -o jsonpath='{.items[0].metadata.name}')
has "describe" "QoS Class" "$(t describe pod "$pod")"
has "describe node" "Capacity" "$(t describe node one)"
has "events" "Scheduled" "$(t events --for "pod/$pod")"
has "logs" "serving on port 8080" "$(t logs "$pod")"
has "logs of all" "[pod/" "$(t logs -l app=web --prefix)"
same "exec" "hi there" "$(t exec deploy/web -- /hello print hi there)"
same "exec with input" "typed" "$(echo typed | t exec -i "$pod" -- /hello cat /dev/stdin)"
code 3 t exec "$pod" -- /hello exit 3
nsenter --net="$(at up)" "$troupe" port-forward "pod/$pod" 18080:http >"$work/forward.log" 2>&1 & forward=$!
pids+=($forward)
answers() { on up curl -sf -m 2 http://127.0.0.1:18080/; }
wait_for 10 answers || fail "port-forward does not answer: $(cat "$work/forward.log")"
has "port-forward" "$pod" "$(answers)"
kill "$forward"; wait "$forward" 2>/dev/null
code 0 t scale deployment/web --replicas=3
code 0 t rollout status deployment/web --timeout=20s
code 1 t scale deployment/web --replicas=4 --current-replicas=9
code 0 t set env deployment/web MODE=fast
code 0 t rollout status deployment/web --timeout=20s
has "history of a rollout" "2 " "$(t rollout history deployment/web)"
code 0 t rollout undo deployment/web
code 0 t rollout status deployment/web --timeout=20s
same "undone" "" "$(t get deployment web -o jsonpath='{.spec.template.spec.containers[0].env}')"
code 0 t rollout restart deployment/web
code 0 t label deployment web tier=front
code 1 t label deployment web tier=back
code 0 t label deployment web tier=back --overwrite
same "label" "back" "$(t get deployment web -o jsonpath='{.metadata.labels.tier}')"
code 0 t annotate deployment web note=seen
code 0 t patch deployment web -p '{"spec":{"replicas":2}}'
code 0 t create configmap settings --from-literal=colour=blue
revision=$(t get configmap settings -o jsonpath='{.metadata.resourceVersion}')
code 0 t patch configmap settings -p '{"data":{"colour":"red"}}'
has "history" "data.colour=red" "$(t history configmap/settings)"
same "the past" "blue" "$(t get configmap settings --at "$revision" -o jsonpath='{.items[0].data.colour}')"
has "diff of times" "+  colour: red" "$(t diff configmap/settings --from "$revision")"
code 0 t undo configmap/settings "$revision"
same "undo" "blue" "$(t get configmap settings -o jsonpath='{.data.colour}')"
printf '#!/bin/sh\nsed -i s/blue/green/ "$1"\n' >"$work/editor"; chmod +x "$work/editor"
EDITOR=$work/editor code 0 t edit configmap settings
same "edit" "green" "$(t get configmap settings -o jsonpath='{.data.colour}')"
code 0 t create namespace shop
code 0 t create serviceaccount till -n shop
code 0 t wait --for=create sa/till -n shop
code 1 t auth can-i get secrets --as system:serviceaccount:shop:till
code 0 t auth can-i get secrets
has "whoami" "system:masters" "$(t auth whoami)"
code 1 t get pods --as nobody
has "forbidden" "cannot list resource" "$(t get pods --as nobody 2>&1)"
code 0 t cordon one
has "cordoned" "SchedulingDisabled" "$(t get nodes)"
code 0 t uncordon one
code 0 t taint node one gpu=yes:NoSchedule
code 0 t taint node one gpu:NoSchedule-
code 0 t run lonely --image=troupe.dev/hello --restart=Never
code 0 t wait pod/lonely --for=condition=Ready --timeout=20s
code 1 t drain one --timeout=5s
code 0 t uncordon one
code 0 t delete pod lonely --grace-period=1 --timeout=20s
code 1 t get pod lonely
has "kinds" "deployments" "$(t api-resources)"
same "raw" "ok" "$(t raw /readyz)"
has "cluster-info" "yes" "$(t cluster-info)"

# ---- the shell: a bad line never ends it, its code is that of the last failure ----
out=$(t shell -c 'get deploy' -c 'nonsense' -c 'use shop' -c 'get sa till' 2>&1); same "shell's code" 2 $?
has "shell" "till" "$out"
has "shell" 'there is no command "nonsense"' "$out"
same "from a pipe" "configmap/settings" "$(printf '# a comment\nget cm settings -o name\n' | t shell)"
has "an address alone" "2/2" "$(t shell -c deployment/web)"
has "tree" "controller/deployment" "$(t shell -c tree)"
has "mailbox" "after" "$(t mailbox controller/deployment)"
has "what is in it" '"waiting": 0' "$(t mailbox controller/deployment -o json)"
has "completion" "deployments" "$(t completion words -- get deplo)"
has "completion of names" "settings" "$(t completion words -- get configmap se)"
has "completion of fields" "deploy.spec.template" "$(t completion words -- explain deploy.spec.te)"
has "explain in the shell" "FIELD:    replicas <integer>" "$(t shell -c 'explain deployment.spec.replicas')"
code 1 t explain deployment.spec.replica
has "help" "The shell's own" "$(t shell -c help)"

# ---- a person at a terminal: Tab completes, a hint at the right, history is kept, a bad line ends nothing ----
mkfifo "$work/keys"; exec 8<>"$work/keys"
TERM=xterm script -qfc "stty cols 120; exec nsenter --net=$(at up) $troupe shell" "$work/typed" <&8 >/dev/null 2>&1 & person=$!; pids+=($person)
sees() { wait_for 10 grep -q "$1" "$work/typed" || fail "$2: $(cat -v "$work/typed")"; }
sees 'default> ' "the shell does not ask"
printf 'nonsense\n' >&8; sees 'there is no command "nonsense"' "a bad line"
printf 'get deplo\t' >&8; sees 'ments' "Tab completes no kind"
printf 'we\t\n' >&8; sees '2/2' "Tab completes no name"
printf 'history' >&8; sees 'show how an object came to be' "no hint about a verb"
printf ' ' >&8; sees 'TYPE NAME | TYPE/NAME' "no hint about what follows it"
printf 'deployment/web\n' >&8; sees 'REVISION' "the line with the hint does not run"
printf 'exit\n' >&8
no_person() { ! kill -0 $person; }
wait_for 10 no_person || fail "exit does not end the shell"
exec 8>&-
grep -q 'get\\040deployments\\040web' "$work/.local/share/troupe/history" || fail "no history: $(cat "$work/.local/share/troupe/history")"
[ "$(stat -c %a "$work/.local/share/troupe/history")" = 600 ] || fail "others may read the history"

# ---- why: the one thing that is wrong, in the first line ----
why() { # WHAT EXPECTED: waits until the first line of why names it, then measures
  local end=$((SECONDS + 30)) first
  until first=$(t why "$1" ${3:+-n $3} 2>&1 | head -1); case $first in *"$2"*) true ;; *) false ;; esac; do
    [ $SECONDS -lt $end ] || fail "why $1: expected \"$2\", got: $(t why "$1" ${3:+-n $3} 2>&1)"
    read -rt 0.1 <> <(:) || true
  done
  echo "why $1: $first" | cut -c1-150
}
faulty() { # NAME: a deployment of one, its container and pod spec from standard input
  { printf 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s}\nspec:\n  selector: {matchLabels: {app: %s}}\n  template:\n    metadata: {labels: {app: %s}}\n    spec:\n' "$1" "$1" "$1"; sed 's/^/      /'; } >"$work/$1.yaml"
  t apply -f "$work/$1.yaml" >/dev/null || fail "apply $1"
}
c='containers: [{name: c, image: troupe.dev/hello'
echo "$c, resources: {requests: {cpu: '900'}}}]" | faulty hungry
why deployment/hungry "Insufficient cpu"
t taint node one only=gpus:NoSchedule >/dev/null
echo "$c}]" | faulty untolerated
why deployment/untolerated "taint"
t taint node one only:NoSchedule- >/dev/null
echo "containers: [{name: c, image: '127.0.0.1:1/none:1'}]" | faulty imageless
why deployment/imageless "has no image"
echo "containers: [{name: c, image: 'no-such-registry.invalid/x:1'}]" | faulty nameless
why deployment/nameless "has no image"
has "dns" "cannot be resolved" "$(t why deployment/nameless | sed -n 2p)"
echo "$c, readinessProbe: {httpGet: {path: /, port: 9}, periodSeconds: 1}}]" | faulty unready
why deployment/unready "eadiness probe failed"
echo "$c, envFrom: [{secretRef: {name: missing}}]}]" | faulty secretless
why deployment/secretless "\"missing\""
printf '%s, volumeMounts: [{name: v, mountPath: /v}]}]\nvolumes: [{name: v, persistentVolumeClaim: {claimName: big}}]\n' "$c" | faulty unbound
printf 'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: big}\nspec: {accessModes: [ReadWriteOnce], storageClassName: none-such, resources: {requests: {storage: 1Gi}}}\n' >"$work/claim.yaml"
t apply -f "$work/claim.yaml" >/dev/null
why deployment/unbound "there is no storage class"
t create quota small --hard=pods=0 -n shop >/dev/null
t create deployment poor --image=troupe.dev/hello -n shop >/dev/null
why deployment/poor "exceeded quota" shop
printf '%s}]\nserviceAccountName: ghost\n' "$c" | faulty accountless
why deployment/accountless "ghost"
echo "$c, ports: [{containerPort: 8080, hostPort: 31999}]}]" | faulty first
t rollout status deployment/first --timeout=20s >/dev/null || fail "first"
echo "$c, ports: [{containerPort: 8080, hostPort: 31999}]}]" | faulty second
why deployment/second "free ports"
echo "$c, args: [exit, '7']}]" | faulty crashing
why deployment/crashing "exit code 7"
t create configmap held --from-literal=a=b >/dev/null
t patch configmap held -p '{"metadata":{"finalizers":["example.com/never"]}}' >/dev/null
t delete configmap held --wait=false >/dev/null
why configmap/held "example.com/never"
t patch configmap held -p '{"metadata":{"finalizers":null}}' >/dev/null
same "what is well" "0" "$(t why deployment/web >/dev/null; echo $?)"
begun=$(date +%s%N)
for _ in 1 2 3 4 5 6 7 8 9 10; do t why deployment/crashing >/dev/null; done
echo "why takes $((($(date +%s%N) - begun) / 10000000)) ms with starting the program"

# ---- the servers' own actors ----
has "actors" "controller/deployment" "$(t raw /troupe/v1/actors)"
has "an actor answers" '"answers":true' "$(t raw /troupe/v1/actors/controller/deployment)"
code 0 t raw POST "/troupe/v1/actors/controller/deployment?word=resync"
code 1 t raw /troupe/v1/actors --as nobody
has "a node's actor answers by its name" '"answers":true' "$(t raw /troupe/v1/actors/node/one)"
pod=$(t get pods -l app=web -o jsonpath='{.items[0].metadata.name}')
has "the tree goes down to the pods" "pod/default/$pod" "$(t shell -c tree)"
has "a pod's actor answers" '"answers": true' "$(t ask "pod/$pod")"
has "and its mailbox" "after" "$(t mailbox "pod/$pod" agent/one)"
code 0 t tell "pod/$pod" resync
code 1 t tell "pod/$pod" sing
code 1 t ask pod/nobody
has "no pod" "there is no pod default/nobody" "$(t ask pod/nobody 2>&1)"

# ---- trace: messages as they pass ----
nsenter --net="$(at up)" "$troupe" trace deployment/web >"$work/trace" 2>"$work/trace.why" & tracer=$!; pids+=($tracer)
wait_for 10 grep -q listening "$work/trace.why" || fail "nobody listens: $(cat "$work/trace.why")"
replicas=$(t get deployment web -o jsonpath='{.spec.replicas}')
code 0 t scale deployment/web --replicas=$((replicas + 1))
traced() { grep -Eq "$1" "$work/trace"; }
for words in 'user/[^ ]+ +-> gateway +asks, to (patch|update), deployments.apps/default/web' \
  'gateway +-> store +changes deployments.apps/default/web' \
  'store +-> controller/deployment +tells deployments.apps/default/web +r[0-9]+' \
  'controller/deployment +-> store +changes replicasets.apps/default/web-' \
  'controller/replicaset +-> store +creates pods/default/web-' \
  'store +-> scheduler +tells, as new, pods/default/web-' \
  'scheduler +-> store +changes pods/default/web-.* spec.nodeName=one' \
  'nodes +-> agent/one +tells pods/default/web-' \
  'agent/one +-> pod/default/web-[^ ]+ +begins pods/default/web-' \
  'pod/default/web-[^ ]+ +-> machine +asks, for pods/default/web-.* a start of hello' \
  'agent/one +-> node/one +reports pods/default/web-.* phase=Running ready=1/1' \
  'node/one +-> store +changes pods/default/web-.* status.phase=Running' \
  'controller/deployment +-> store +changes deployments.apps/default/web'; do
  wait_for 20 traced "$words" || fail "the trace has no \"$words\": $(cat "$work/trace" "$work/trace.why")"
done
traced 'pods/default/(hungry|crashing)' && fail "the trace tells of what is none of its kin: $(cat "$work/trace")"
kill "$tracer"; wait "$tracer" 2>/dev/null
grep -c . "$work/trace" | sed 's/$/ messages about a deployment that grows by one/'
code 0 t scale deployment/web --replicas="$replicas"
code 0 t create secret generic hush --from-literal=word=open-sesame
rm -f "$work/trace.why" # of the trace before
nsenter --net="$(at up)" "$troupe" trace secret/hush -o json >"$work/trace" 2>"$work/trace.why" & tracer=$!; pids+=($tracer)
wait_for 10 grep -q listening "$work/trace.why" || fail "nobody listens: $(cat "$work/trace.why")"
code 0 t patch secret hush -p '{"stringData":{"word":"open-barley"}}'
wait_for 10 traced '"verb":"changes"' || fail "no message about a secret: $(cat "$work/trace")"
kill "$tracer"; wait "$tracer" 2>/dev/null
grep -q "open-\|b3Blbi" "$work/trace" && fail "the trace tells a secret"
code 1 t trace deployment/web --timeout=5s --as nobody
has "the level of the log" info "$(t loglevel)"
has "is set" debug "$(t loglevel debug)"
code 1 t loglevel loud
has "and set back" info "$(t loglevel info)"
code 1 t loglevel debug --as nobody
code 0 t delete deployment --all --timeout=30s
code 0 t delete -f "$work/web.yaml" --ignore-not-found
echo "all well"
