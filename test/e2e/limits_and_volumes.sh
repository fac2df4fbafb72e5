#!/usr/bin/env bash
# Every type of volume as its pod sees it, and pods that take more than they may: memory, disk.
# Usage: limits_and_volumes.sh TROUPE. Needs root, runc, kubectl and busybox (static).
. "$(dirname "$0")/alone.sh"
needs busybox
# Huge pages are the kernel's for all: what was there before is put back.
pages=/proc/sys/vm/nr_hugepages before=$(cat /proc/sys/vm/nr_hugepages 2>/dev/null || echo none)
give_pages_back() { [ "$before" = none ] || echo "$before" >$pages; finish; }
trap give_pages_back EXIT
[ "$before" = none ] || echo $((before + 8)) 2>/dev/null >$pages
up
busybox_image "$top/image" sh cat ls sleep echo touch stat dd head df mount grep tr
kubectl create configmap conf --from-literal=word=configured --from-literal=other=two >/dev/null
kubectl create secret generic key --from-literal=word=hidden >/dev/null
mkdir -p "$top/host/there" && echo from-the-host >"$top/host/there/file" && chmod -R a+rX "$top/host"
cat >"$top/pod.yaml" <<END
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: all, labels: {app: volumes}}
spec:
  restartPolicy: Never
  securityContext: {fsGroup: 2000}
  containers:
  - name: main
    image: test/busybox:1
    imagePullPolicy: Never
    command: [/bin/sh, -c]
    args:
    - |
      echo x > /disk/f && echo disk \$(cat /disk/f) \$(stat -c %g /disk/f)
      mount | grep -q 'tmpfs on /memory' && echo memory \$(df -k /memory | grep -o ' 1024 ' | head -1)
      echo host \$(cat /host/file) \$(touch /host/x 2>&1 | grep -o Read-only)
      echo conf \$(cat /conf/word) \$(cat /conf/renamed 2>/dev/null) \$(stat -Lc %a /conf/word)
      echo secret \$(cat /secret/word) \$(stat -Lc %a /secret/word)
      echo all \$(cat /all/a) \$(cat /all/b) \$(cat /all/name) \$(test -s /all/token && echo token)
      echo downward \$(cat /down/labels)
      echo claim \$(touch /claim/x && echo written)
      echo ephemeral \$(touch /ephemeral/x && echo written)
      echo sub \$(cat /sub/word)
      echo one \$(cat /one)
    volumeMounts:
    - {name: disk, mountPath: /disk}
    - {name: memory, mountPath: /memory}
    - {name: host, mountPath: /host, readOnly: true}
    - {name: conf, mountPath: /conf}
    - {name: secret, mountPath: /secret}
    - {name: all, mountPath: /all}
    - {name: down, mountPath: /down}
    - {name: claim, mountPath: /claim}
    - {name: ephemeral, mountPath: /ephemeral}
    - {name: conf, mountPath: /one, subPath: word}
    - {name: disk, mountPath: /sub/deep, subPathExpr: a/b}
    - {name: secret, mountPath: /sub/word, subPath: word}
  volumes:
  - {name: disk, emptyDir: {sizeLimit: 10Mi}}
  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  - {name: host, hostPath: {path: $top/host/there, type: Directory}}
  - {name: conf, configMap: {name: conf, defaultMode: 0640}}
  - {name: secret, secret: {secretName: key, defaultMode: 0400}}
  - name: all
    projected:
      sources:
      - configMap: {name: conf, items: [{key: word, path: a}]}
      - secret: {name: key, items: [{key: word, path: b}]}
      - downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}
      - serviceAccountToken: {path: token, expirationSeconds: 600}
  - {name: down, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
  - {name: claim, persistentVolumeClaim: {claimName: claim}}
  - name: ephemeral
    ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}}
END
kubectl apply -f "$top/pod.yaml" >/dev/null
kubectl wait pod/all --for=jsonpath='{.status.phase}'=Succeeded --timeout=40s >/dev/null 2>&1 || kubectl describe pod all | tail -15
said=$(kubectl logs all 2>&1)
is 'emptyDir on disk, with the group of the pod' 'disk x 2000' "$said"
is 'emptyDir in memory' 'memory 1024' "$said"
is 'hostPath, read only' 'host from-the-host Read-only' "$said"
is 'configMap with its mode' 'conf configured 640' "$said"
is 'secret: the group may read, too' 'secret hidden 440' "$said"
is 'projected' 'all configured hidden all token' "$said"
is 'downwardAPI' 'downward app="volumes"' "$said"
is 'a claim' 'claim written' "$said"
is 'a claim of its own' 'ephemeral written' "$said"
is 'subPath of a secret' 'sub hidden' "$said"
is 'subPath of a file' 'one configured' "$said"
kubectl delete pod all >/dev/null
if [ "$before" != none ] && [ "$(cat $pages)" -gt "$before" ]; then
  is 'huge pages are told' 'Mi' "$(kubectl get node n1 -o jsonpath='{.status.allocatable.hugepages-2Mi}')"
  for medium in HugePages HugePages-2Mi; do
    name=huge-$(echo $medium | tr -dc 0-9)p
    kubectl apply -f - >/dev/null <<END
apiVersion: v1
kind: Pod
metadata: {name: $name}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: test/busybox:1
    imagePullPolicy: Never
    command: [/bin/sh, -c, "grep /huge /proc/mounts; dd if=/dev/zero of=/huge/f bs=1 count=0 seek=2097152 && stat -c %s /huge/f"]
    resources: {limits: {hugepages-2Mi: 4Mi, memory: 32Mi}}
    volumeMounts: [{name: v, mountPath: /huge}]
  volumes: [{name: v, emptyDir: {medium: $medium}}]
END
    kubectl wait pod/$name --for=jsonpath='{.status.phase}'=Succeeded --timeout=20s >/dev/null 2>&1 || kubectl describe pod $name | tail -5
    is "emptyDir of $medium" 'hugetlbfs' "$(kubectl logs $name 2>&1)"
    is "a file in it" '2097152' "$(kubectl logs $name 2>&1)"
  done
else
  echo 'skipped: this kernel gives no huge pages'
fi
greedy() { # greedy NAME LIMITS VOLUME COMMAND
  kubectl apply -f - >/dev/null <<END
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  restartPolicy: Never
  containers:
  - {name: main, image: "test/busybox:1", imagePullPolicy: Never, command: [/bin/sh, -c, "$4"], resources: {limits: {$2}}, volumeMounts: [{name: v, mountPath: /v}]}
  volumes: [{name: v, emptyDir: {$3}}]
END
}
greedy memory 'memory: 16Mi' '' 'head -c 64000000 /dev/zero | tr -d x | cat > /dev/null; X=$(head -c 64000000 /dev/zero | tr \\\\0 x); sleep 60'
greedy volume '' 'sizeLimit: 1Mi' 'dd if=/dev/zero of=/v/f bs=1M count=3; sleep 600'
greedy layer 'ephemeral-storage: 2Mi' '' 'dd if=/dev/zero of=/tmp/f bs=1M count=4; sleep 600'
kubectl wait pod/memory --for=jsonpath='{.status.phase}'=Failed --timeout=40s >/dev/null 2>&1
is 'out of memory' 'OOMKilled 137' "$(kubectl get pod memory -o jsonpath='{.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode}')"
for pod in volume layer; do
  kubectl wait pod/$pod --for=jsonpath='{.status.phase}'=Failed --timeout=40s >/dev/null 2>&1
done
is 'too much in a volume' 'Evicted Usage of EmptyDir volume "v" exceeds the limit "1Mi".' "$(kubectl get pod volume -o jsonpath='{.status.reason} {.status.message}')"
is 'too much in a layer' 'Evicted Pod ephemeral local storage usage exceeds the total limit of containers 2Mi.' "$(kubectl get pod layer -o jsonpath='{.status.reason} {.status.message}')"
is 'its event' 'Evicted' "$(kubectl get events --field-selector involvedObject.name=volume -o jsonpath='{.items[*].reason}')"
is 'its condition' 'TerminationByKubelet' "$(kubectl get pod volume -o jsonpath='{.status.conditions[?(@.type=="DisruptionTarget")].reason}')"
