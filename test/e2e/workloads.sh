#!/usr/bin/env bash
# Every kubectl on this machine against all controllers and a few nodes that pretend: what people do with
# workloads, from apply to drain. Skipped without any kubectl.
set -u
troupe=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/every_kubectl.sh"
controllers='*' server_flags=(--hollow 4)
set -f # the star is no pattern here
. "$here/server.sh"

pods='{hollow.troupe.dev/run-time: 50ms}'
n=0
for k in "${clients[@]}"; do
  n=$((n + 1))
  ns=w$n
  version=$("$k" version --client -o json 2>/dev/null | sed -n 's/.*"gitVersion": "\([^"]*\)".*/\1/p')
  echo "$k: $version"
  "$k" create namespace $ns >/dev/null
  cat >"$data/w.yaml" <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "web:1"}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: "db:1"}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: each}
spec:
  selector: {matchLabels: {app: each}}
  template:
    metadata: {labels: {app: each}}
    spec: {containers: [{name: c, image: "each:1"}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: keep}
spec: {maxUnavailable: 2, selector: {matchLabels: {app: web}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: sum}
spec:
  completions: 4
  parallelism: 2
  completionMode: Indexed
  template:
    metadata: {annotations: $pods}
    spec: {restartPolicy: Never, containers: [{name: c, image: sum}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate:
    spec: {template: {metadata: {annotations: $pods}, spec: {restartPolicy: Never, containers: [{name: c, image: tick}]}}}
YAML
  k() { timeout 60 "$k" -n "$ns" "$@"; }
  expect created k apply -f "$data/w.yaml"
  expect 'successfully rolled out' k rollout status deploy/web
  expect 'partitioned roll out complete' k rollout status sts/db
  expect 'successfully rolled out' k rollout status ds/each
  expect 'condition met' k wait --for=condition=complete job/sum
  until_is 0-3 k get job sum -o 'jsonpath={.status.completedIndexes}'

  for w in deploy/web sts/db ds/each; do
    expect updated k set image $w c=new:2
    expect '' k rollout status $w
    expect 2 k rollout history $w
    expect 'new:2' k rollout history $w --revision=2
    expect 'rolled back' k rollout undo $w
    expect '' k rollout status $w
    expect 3 k rollout history $w
    expect restarted k rollout restart $w
    expect '' k rollout status $w
  done
  until_is 'web:1' k get deploy web -o 'jsonpath={.spec.template.spec.containers[0].image}'

  expect paused k rollout pause deploy/web
  expect updated k set image deploy/web c=new:3
  expect scaled k scale deploy/web --replicas=6
  until_is 6 k get deploy web -o 'jsonpath={.status.readyReplicas}'
  until_is web:1 k get pods -l app=web -o 'jsonpath={.items[0].spec.containers[0].image}'
  expect resumed k rollout resume deploy/web
  expect 'successfully rolled out' k rollout status deploy/web
  until_is 'new:3 new:3 new:3 new:3 new:3 new:3' k get pods -l app=web --field-selector=status.phase=Running \
    -o 'jsonpath={.items[*].spec.containers[0].image}'

  expect scaled k scale sts/db --replicas=1
  until_is 'db-0' k get pods -l app=db -o 'jsonpath={.items[*].metadata.name}'
  if [[ $version != v1.20.* ]]; then # which only knows cron jobs of batch/v1beta1
    expect created k create job --from=cronjob/tick now
    expect 'condition met' k wait --for=condition=complete job/now
  fi

  until_is 2 k get pdb keep -o 'jsonpath={.status.disruptionsAllowed}'
  expect 'node/hollow-0' k drain hollow-0 --ignore-daemonsets --force
  expect uncordoned k uncordon hollow-0
  until_is 6 k get deploy web -o 'jsonpath={.status.readyReplicas}'

  # Not waiting: kubectl waits for the name, which the new set bears again at once.
  expect deleted k delete rs -l app=web --cascade=orphan --wait=false
  until_is 6 k get deploy web -o 'jsonpath={.status.readyReplicas}' # a new set adopts the orphans
  expect deleted k delete deploy/web --cascade=foreground
  until_is '' k get pods -l app=web -o name
  expect deleted k delete job/sum cronjob/tick ds/each sts/db
  until_is '' k get pods,jobs -o name
  expect deleted "$k" delete namespace $ns
done
[ "$failures" = 0 ] && echo "all well"
exit $((failures > 0))
