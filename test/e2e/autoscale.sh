#!/usr/bin/env bash
# An autoscaler and what real processes use: more pods while they are busy, fewer when they are calm; and what it
# tells while it can do nothing. Usage: autoscale.sh TROUPE. Needs root, runc, kubectl and busybox (static).
. "$(dirname "$0")/alone.sh"
needs busybox
up
busybox_image "$top/image" sh sleep test touch
told() { kubectl get hpa "$1" -o jsonpath="{.status.conditions[?(@.type==\"$2\")].$3}"; }
has_told() { [[ $(told "$1" "$2" reason) == "$3" ]]; }
replicas() { [ "$(kubectl get deployment "$1" -o jsonpath='{.spec.replicas}')" = "$2" ]; }

kubectl apply -f - >/dev/null <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: busy}
spec:
  selector: {matchLabels: {app: busy}}
  template:
    metadata: {labels: {app: busy}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: c
        image: test/busybox:1
        imagePullPolicy: Never
        command: [sh, -c, "while :; do if test -e /tmp/calm; then sleep 2; fi; done"]
        resources: {requests: {cpu: 50m}, limits: {cpu: 100m}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: busy}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: busy}
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
---
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: astray}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: none}, maxReplicas: 3}
END

wait_for 40 replicas busy 3
is "busy pods become more" 3 "$(kubectl get deployment busy -o jsonpath='{.spec.replicas}')"
is "it tells so" SuccessfulRescale "$(kubectl get events -o jsonpath='{.items[*].reason}')"
is "it tells of its metric" ValidMetricFound "$(told busy ScalingActive reason)"
is "and of its bound" TooManyReplicas "$(told busy ScalingLimited reason)"
is "a target that is not there is told" 'deployments.apps "none" not found' "$(told astray AbleToScale message)"
kubectl rollout status deployment busy --timeout=20s >/dev/null
for pod in $(kubectl get pods -o name); do kubectl exec "$pod" -- touch /tmp/calm; done
wait_for 40 replicas busy 1
is "calm pods become fewer" 1 "$(kubectl get deployment busy -o jsonpath='{.spec.replicas}')"
is "kubectl shows it" Deployment/busy "$(kubectl get hpa busy --no-headers)"
kubectl scale deployment busy --replicas=0 >/dev/null
wait_for 40 has_told busy ScalingActive ScalingDisabled
is "none at all is left alone" ScalingDisabled "$(told busy ScalingActive reason)"
