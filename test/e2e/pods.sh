#!/usr/bin/env bash
# What a pod is promised, as its processes and its user see it: names and addresses, who it runs as and what it
# may, its share of the machine, its order of coming and going, probes that fail and recover, jobs of all kinds.
# Usage: pods.sh TROUPE. Needs root, runc, kubectl and busybox (static).
. "$(dirname "$0")/alone.sh"
needs busybox
up
mkdir -p "$top/image/etc"
echo 'app:x:1234:1235::/:/bin/sh' >"$top/image/etc/passwd"
busybox_image "$top/image" sh cat sleep echo ls grep nslookup hostname id ps nc httpd wget test rm touch kill ip sysctl awk head readlink date mount
busy='image: "test/busybox:1", imagePullPolicy: Never'
apply() { kubectl apply -f - >/dev/null; }
apply <<END
apiVersion: batch/v1
kind: CronJob
metadata: {name: minutely}
spec:
  schedule: "* * * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, $busy, command: [echo, tick]}]}}}}
END
phase() { kubectl wait "pod/$1" --for=jsonpath='{.status.phase}'="$2" --timeout="${3:-20}s" >/dev/null 2>&1 || kubectl get pod "$1" -o jsonpath='{.status}' | cut -c1-1500; }
ready() { kubectl wait "pod/$1" --for=condition=Ready --timeout=20s >/dev/null 2>&1 || kubectl get pod "$1" -o jsonpath='{.status}' | cut -c1-1500; }
in_pod() { kubectl exec "$1" -- sh -c "$2" 2>&1; }

# NAMES
apply <<END
apiVersion: v1
kind: Service
metadata: {name: team}
spec: {clusterIP: None, selector: {app: named}, ports: [{name: web, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {selector: {app: named}, ports: [{name: web, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere}
spec: {type: ExternalName, externalName: example.test}
---
apiVersion: v1
kind: Pod
metadata: {name: named, labels: {app: named}, annotations: {note: kept}}
spec:
  terminationGracePeriodSeconds: 1
  hostname: one
  subdomain: team
  hostAliases: [{ip: 192.0.2.7, hostnames: [alias.test, other.test]}]
  containers:
  - name: main
    image: "test/busybox:1"
    imagePullPolicy: Never
    command: [sh, -c, 'mkdir -p /tmp; echo page > /tmp/index.html; exec httpd -f -p 8080 -h /tmp']
    env:
    - {name: FIRST, value: one}
    - {name: SECOND, value: '\$(FIRST) and \$\$(FIRST) and \$(MISSING)'}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: NOTE, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['note']"}}}
    - {name: LIMIT, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
    resources: {limits: {memory: 64Mi, cpu: 250m}, requests: {memory: 32Mi, cpu: 100m}}
    ports: [{containerPort: 8080}]
END
ready named
is 'its name' 'one' "$(in_pod named hostname)"
is 'its name with its domain' 'one.team.default.svc.cluster.local' "$(in_pod named 'cat /etc/hosts')"
is 'aliases' '192.0.2.7	alias.test	other.test' "$(in_pod named 'cat /etc/hosts')"
is 'variables from variables' 'one and $(FIRST) and $(MISSING)' "$(in_pod named 'echo "$SECOND"')"
is 'of where it is' "n1 $(kubectl get pod named -o jsonpath='{.status.podIP}') kept 64" "$(in_pod named 'echo $NODE $ADDRESS $NOTE $LIMIT')"
is 'where services are' "$(kubectl get service front -o jsonpath='{.spec.clusterIP}') 80" "$(kubectl run later --image=test/busybox:1 --image-pull-policy=Never --restart=Never --command -- sh -c 'echo $FRONT_SERVICE_HOST $FRONT_SERVICE_PORT_WEB' >/dev/null; phase later Succeeded; kubectl logs later)"
address=$(kubectl get pod named -o jsonpath='{.status.podIP}')
lookup() { in_pod named "nslookup $*"; }
is 'a service by its short name' "$(kubectl get service front -o jsonpath='{.spec.clusterIP}')" "$(lookup front.default.svc.cluster.local)"
is 'over the search path' page "$(in_pod named 'wget -q -O - http://front/')"
is 'a headless service leads to its pods' "$address" "$(lookup team.default.svc.cluster.local)"
is 'a pod by its host name' "$address" "$(lookup one.team.default.svc.cluster.local)"
is 'SRV' 'one.team.default.svc.cluster.local' "$(lookup -type=srv _web._tcp.team.default.svc.cluster.local)"
is 'PTR' 'one.team.default.svc.cluster.local' "$(lookup "$address")"
is 'another name' 'canonical name = example.test' "$(lookup -type=cname elsewhere.default.svc.cluster.local)"
is 'a pod by its address' "$address" "$(lookup "${address//./-}.default.pod.cluster.local")"
is 'no such name' NXDOMAIN "$(lookup nothing.default.svc.cluster.local)"
apply <<END
apiVersion: v1
kind: Pod
metadata: {name: own-names}
spec:
  terminationGracePeriodSeconds: 0
  setHostnameAsFQDN: true
  hostname: two
  subdomain: team
  dnsPolicy: None
  dnsConfig: {nameservers: [192.0.2.53], searches: [corner.test], options: [{name: ndots, value: "3"}]}
  securityContext: {sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: "99"}]}
  containers: [{name: main, $busy, command: [sleep, "1000"]}]
END
ready own-names
is 'its own resolver' 'nameserver 192.0.2.53 search corner.test options ndots:3' "$(in_pod own-names 'cat /etc/resolv.conf' | tr '\n' ' ')"
is 'the whole name as its own' two.team.default.svc.cluster.local "$(in_pod own-names hostname)"
is 'settings of its kernel' 99 "$(in_pod own-names 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start')"
is 'unsafe ones are refused' 'Forbidden' "$(kubectl run unsafe --image=test/busybox:1 --image-pull-policy=Never --restart=Never --overrides='{"spec":{"securityContext":{"sysctls":[{"name":"kernel.msgmax","value":"1"}]}}}' >/dev/null 2>&1; phase unsafe Failed; kubectl get pod unsafe -o jsonpath='{.status.reason}{.status.message}')"

# WHO IT IS AND WHAT IT MAY
mkdir -p "$top/run/seccomp" "$top/data/node/seccomp"
echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}' >"$top/data/node/seccomp/no-directories.json"
apply <<END
apiVersion: v1
kind: Pod
metadata: {name: guarded}
spec:
  terminationGracePeriodSeconds: 0
  shareProcessNamespace: true
  securityContext: {runAsUser: 1234, runAsGroup: 1235, supplementalGroups: [77], fsGroup: 88}
  containers:
  - name: tight
    image: "test/busybox:1"
    imagePullPolicy: Never
    command: [sleep, "1000"]
    securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
  - name: root
    image: "test/busybox:1"
    imagePullPolicy: Never
    command: [sleep, "2000"]
    securityContext: {runAsUser: 0, capabilities: {add: [NET_ADMIN]}, seccompProfile: {type: Localhost, localhostProfile: no-directories.json}}
  - name: almighty
    image: "test/busybox:1"
    imagePullPolicy: Never
    command: [sleep, "3000"]
    securityContext: {runAsUser: 0, privileged: true}
---
apiVersion: v1
kind: Pod
metadata: {name: hosted}
spec:
  terminationGracePeriodSeconds: 0
  hostNetwork: true
  hostPID: true
  hostIPC: true
  containers: [{name: main, $busy, command: [sleep, "1000"], securityContext: {seccompProfile: {type: Unconfined}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: not-root}
spec: {securityContext: {runAsNonRoot: true}, containers: [{name: main, $busy, command: [sleep, "1000"]}]}
END
ready guarded; ready hosted
of() { kubectl exec guarded -c "$1" -- sh -c "$2" 2>&1; }
is 'user and groups' 'uid=1234(app) gid=1235 groups=77,88,1235' "$(of tight id | sed 's/groups=1235,77,88/groups=77,88,1235/; s/groups=77,88$/groups=77,88,1235/')"
is 'read only' 'Read-only file system' "$(of tight 'echo x > /f')"
is 'no way to more rights' 'NoNewPrivs:	1' "$(of tight 'cat /proc/self/status')"
is 'no capabilities' 'CapBnd:	0000000000000000' "$(of tight 'cat /proc/self/status')"
is 'filtered system calls' 'Seccomp:	2' "$(of tight 'cat /proc/self/status')"
is 'an added capability' 'CapEff:	00000000a80435fb' "$(of root 'cat /proc/self/status' | sed 's/00000000a80[0-9a-f]*5fb/00000000a80435fb/')"
is 'a filter of the machine' 'Operation not permitted' "$(of root 'busybox mkdir /tmp/x')"
is 'everything' "$(grep CapEff /proc/self/status)" "$(of almighty 'cat /proc/self/status')"
is 'all devices' "$(ls /dev | grep -vE '^(core|fd|full|mqueue|null|ptmx|pts|random|shm|std.*|tty|urandom|zero|console)$' | head -1)" "$(of almighty 'ls /dev')"
is 'one view of processes' 'sleep 3000' "$(of tight 'ps')"
is 'what the kernel tells is masked' '0' "$(of tight 'cat /proc/timer_list 2>/dev/null | busybox wc -c')"
is 'the network of the machine' 'troupe0' "$(in_pod hosted 'ls /sys/class/net')"
is 'its processes' "$(basename "$troupe") up" "$(in_pod hosted 'ps -o args')"
is 'no filter' 'Seccomp:	0' "$(in_pod hosted 'cat /proc/self/status')"
waits() { kubectl get pod "$1" -o jsonpath='{.status.containerStatuses[*].state.waiting}' | grep -q "$2"; }
wait_for 10 waits not-root CreateContainerConfigError
is 'root is refused' 'container has runAsNonRoot and image will run as root' "$(kubectl get pod not-root -o jsonpath='{.status.containerStatuses[0].state.waiting.message}')"

# ITS SHARE
group=$(in_pod named 'cat /proc/self/cgroup')
limit() { kubectl exec "$1" -- sh -c "cat /sys/fs/cgroup/$2 /sys/fs/cgroup/$3 2>/dev/null | head -1" 2>&1; }
is 'memory' 67108864 "$(limit named memory.max memory/memory.limit_in_bytes)"
is 'time' 25000 "$(limit named cpu.max cpu/cpu.cfs_quota_us)"
is 'its class' Burstable "$(kubectl get pod named -o jsonpath='{.status.qosClass}')"
apply <<END
apiVersion: v1
kind: Pod
metadata: {name: whole}
spec:
  terminationGracePeriodSeconds: 0
  resources: {limits: {cpu: 300m, memory: 100Mi}, requests: {cpu: 300m, memory: 100Mi}}
  containers: [{name: one, $busy, command: [sleep, "1000"]}, {name: two, $busy, command: [sleep, "1000"]}]
END
ready whole
is 'a share of the pod as a whole' Guaranteed "$(kubectl get pod whole -o jsonpath='{.status.qosClass}')"

# COMING AND GOING
apply <<END
apiVersion: v1
kind: Pod
metadata: {name: ordered}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 5
  volumes: [{name: v, hostPath: {path: $top/trace, type: DirectoryOrCreate}}]
  initContainers:
  - {name: first, $busy, command: [sh, -c, 'echo first >> /v/t'], volumeMounts: [{name: v, mountPath: /v}]}
  - name: side
    image: "test/busybox:1"
    imagePullPolicy: Never
    restartPolicy: Always
    command: [sh, -c, 'echo side >> /v/t; trap "echo side-ends >> /v/t; exit 0" TERM; while :; do sleep 0.1; done']
    startupProbe: {exec: {command: [grep, side, /v/t]}, periodSeconds: 1}
    volumeMounts: [{name: v, mountPath: /v}]
  - {name: second, $busy, command: [sh, -c, 'echo second >> /v/t'], volumeMounts: [{name: v, mountPath: /v}]}
  containers:
  - name: main
    image: "test/busybox:1"
    imagePullPolicy: Never
    command: [sh, -c, 'until grep -q hook /v/t; do sleep 0.05; done; echo main >> /v/t; trap "echo main-ends >> /v/t; exit 0" USR1; while :; do sleep 0.1; done']
    lifecycle:
      postStart: {exec: {command: [sh, -c, 'echo hook >> /v/t']}}
      preStop: {exec: {command: [sh, -c, 'echo stop-hook >> /v/t']}}
      stopSignal: SIGUSR1
    volumeMounts: [{name: v, mountPath: /v}]
  os: {name: linux}
END
ready ordered
wait_for 5 grep -q main "$top/trace/t"
kubectl delete pod ordered >/dev/null
is 'each in its order' 'first side second hook main stop-hook main-ends side-ends' "$(tr '\n' ' ' <"$top/trace/t")"
apply <<END
apiVersion: v1
kind: Pod
metadata: {name: says-why}
spec:
  restartPolicy: Never
  containers: [{name: main, $busy, command: [sh, -c, 'echo the reason > /dev/termination-log; exit 42']}, {name: last-words, $busy, terminationMessagePolicy: FallbackToLogsOnError, command: [sh, -c, 'echo from the log; exit 1']}]
---
apiVersion: v1
kind: Pod
metadata: {name: hurried}
spec: {restartPolicy: Never, activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 0, containers: [{name: main, $busy, command: [sleep, "1000"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ruled}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: "test/busybox:1"
    imagePullPolicy: Never
    restartPolicy: Never
    restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [7]}}]
    command: [sh, -c, 'test -e /v/once && exit 0; touch /v/once; exit 7']
    volumeMounts: [{name: v, mountPath: /v}]
  volumes: [{name: v, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: gated}
spec: {terminationGracePeriodSeconds: 0, readinessGates: [{conditionType: example.test/open}], containers: [{name: main, $busy, command: [sleep, "1000"]}]}
END
phase says-why Failed; phase hurried Failed; phase ruled Succeeded
is 'why it ended' '42 the reason' "$(kubectl get pod says-why -o jsonpath='{.status.containerStatuses[0].state.terminated.exitCode} {.status.containerStatuses[0].state.terminated.message}')"
is 'or its last words' 'from the log' "$(kubectl get pod says-why -o jsonpath='{.status.containerStatuses[1].state.terminated.message}')"
is 'only so long' DeadlineExceeded "$(kubectl get pod hurried -o jsonpath='{.status.reason}')"
is 'begun again by its rule' 1 "$(kubectl get pod ruled -o jsonpath='{.status.containerStatuses[0].restartCount}')"
kubectl wait pod/gated --for=condition=ContainersReady --timeout=10s >/dev/null
is 'held up by its gate' False "$(kubectl get pod gated -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}')"
kubectl get --raw /api/v1/namespaces/default/pods/gated/status >/dev/null
kubectl proxy --port=$((port + 70)) >/dev/null 2>&1 & proxy=$!
wait_for 5 curl -sf "localhost:$((port + 70))/version"
curl -s -X PATCH -H 'Content-Type: application/strategic-merge-patch+json' "localhost:$((port + 70))/api/v1/namespaces/default/pods/gated/status" -d '{"status":{"conditions":[{"type":"example.test/open","status":"True"}]}}' >/dev/null
ready gated
is 'until it opens' True "$(kubectl get pod gated -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}')"
kill $proxy && wait $proxy 2>/dev/null

# PROBES
apply <<END
apiVersion: v1
kind: Service
metadata: {name: probed}
spec: {selector: {app: probed}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: probed, labels: {app: probed}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: "test/busybox:1"
    imagePullPolicy: Never
    command: [sh, -c, 'busybox mkdir -p /tmp/www; touch /tmp/well /tmp/www/up; exec httpd -f -p 8080 -h /tmp/www']
    startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, failureThreshold: 20}
    readinessProbe: {httpGet: {path: /up, port: 8080}, periodSeconds: 1, failureThreshold: 1}
    livenessProbe: {exec: {command: [test, -e, /tmp/well]}, periodSeconds: 1, failureThreshold: 1}
END
ready probed
backends() { kubectl get endpointslices -l kubernetes.io/service-name=probed -o jsonpath='{.items[*].endpoints[*].conditions.ready}'; }
backend_is() { [ "$(backends)" = "$1" ]; }
wait_for 5 backend_is true
in_pod probed 'rm /tmp/www/up'
wait_for 5 backend_is false
is 'a failing readiness probe leads nobody there' false "$(backends)"
is 'and is told' 'Readiness probe failed: HTTP probe failed with statuscode: 404' "$(kubectl get events --field-selector involvedObject.name=probed -o jsonpath='{.items[*].message}')"
in_pod probed 'touch /tmp/www/up'
wait_for 5 backend_is true
is 'until it recovers' true "$(backends)"
in_pod probed 'rm /tmp/well'
again_run() { [ "$(kubectl get pod probed -o jsonpath='{.status.containerStatuses[0].restartCount}')" = 1 ]; }
wait_for 10 again_run
is 'a failing liveness probe begins it again' 'Container main failed liveness probe, will be restarted' "$(kubectl get events --field-selector involvedObject.name=probed -o jsonpath='{.items[*].message}')"
ready probed
is 'and it is well' true "$(backends)"

# KINDS OF WORK
apply <<END
apiVersion: batch/v1
kind: Job
metadata: {name: counted}
spec:
  completions: 3
  parallelism: 2
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      initContainers: [{name: helper, $busy, restartPolicy: Always, command: [sleep, "1000"]}]
      terminationGracePeriodSeconds: 1
      containers: [{name: c, $busy, command: [sh, -c, 'echo number \$JOB_COMPLETION_INDEX']}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: everywhere}
spec:
  selector: {matchLabels: {app: everywhere}}
  template: {metadata: {labels: {app: everywhere}}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, $busy, command: [sleep, "1000"], ports: [{containerPort: 8080, hostPort: $((port + 80))}]}]}}
END
kubectl wait job/counted --for=condition=Complete --timeout=30s >/dev/null || kubectl get pods -l job-name=counted
is 'a job with helpers, by numbers' 'number 0 number 1 number 2' "$(kubectl logs -l job-name=counted -c c --tail=-1 | sort | tr '\n' ' ')"
is 'a daemon on the node' 'successfully rolled out' "$(kubectl rollout status daemonset/everywhere --timeout=20s 2>&1)"
ticked() { kubectl logs -l batch.kubernetes.io/job-name --tail=-1 2>/dev/null | grep -q tick; }
wait_for 70 ticked
is 'a job every minute' tick "$(kubectl logs -l batch.kubernetes.io/job-name --tail=-1 2>/dev/null | grep tick)"
# `kubectl delete service --all` takes what pods need to find the cluster, too: it comes back.
space=$(kubectl get namespace kube-node-lease -o jsonpath='{.metadata.uid}')
kubectl delete service kubernetes >/dev/null
kubectl delete service kube-dns -n kube-system >/dev/null
kubectl delete endpointslice kubernetes >/dev/null
wait_for 10 kubectl get service kubernetes && wait_for 10 kubectl get service kube-dns -n kube-system && wait_for 10 kubectl get endpointslice kubernetes
kubectl delete namespace kube-node-lease --wait=false >/dev/null
made_anew() { kubectl get namespace kube-node-lease -o jsonpath='{.metadata.uid}' | grep -qv "$space"; }
is 'the service of the API comes back' 10.96.0.1 "$(kubectl get service kubernetes -o jsonpath='{.spec.clusterIP}')"
is 'that of the names, too' 10.96.0.10 "$(kubectl get service kube-dns -n kube-system -o jsonpath='{.spec.clusterIP}')"
is 'and the addresses' 6443 "$(kubectl get endpointslice kubernetes -o jsonpath='{.ports[0].port}' | sed "s/$port/6443/")"
wait_for 10 made_anew && echo 'ok: a namespace of the cluster comes back' || { echo 'FAILED: a namespace of the cluster is gone'; failed=1; }
