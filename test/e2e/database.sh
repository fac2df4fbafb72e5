#!/usr/bin/env bash
# PostgreSQL as a StatefulSet, its image made of this machine's Debian packages: what it has stored is
# there after its pod was deleted, after Troupe was killed, and after a stop and a new start.
# Usage: database.sh TROUPE. Needs root, runc, kubectl, busybox and postgresql-15.
. "$(dirname "$0")/alone.sh"
bin=/usr/lib/postgresql/15/bin
[ -x $bin/postgres ] || { echo 'this test needs PostgreSQL (Debian: postgresql-15)'; exit 77; }
needs busybox

# image DIR: the files of the packages and the libraries that they need.
image() {
  busybox_files "$1" sh mkdir chown chmod cat test sleep
  mkdir "$1/data"
  chmod 1777 "$1/tmp"
  printf 'root:x:0:0::/:/bin/sh\npostgres:x:999:999::/data:/bin/sh\n' >"$1/etc/passwd"
  printf 'root:x:0:\npostgres:x:999:\n' >"$1/etc/group"
  { printf '%s\n' /usr/share/postgresql/15 /usr/lib/postgresql/15/lib /usr/share/zoneinfo \
      $bin/postgres $bin/initdb $bin/psql $bin/pg_isready
    ldd $bin/postgres $bin/initdb $bin/psql $bin/pg_isready | grep -o '/[^ ]*\.so[^ ]*' | sort -u
  } | tar -C / -chPT - | tar -C "$1" -xf - 2>/dev/null
}
image "$top/image"
up
"$troupe" image build-from-dir "$top/image" test/postgres:15 --data "$top/data/node" --user 999:999 \
  --entrypoint /bin/sh --entrypoint -c --entrypoint \
  "test -s /data/db/PG_VERSION || { $bin/initdb -D /data/db -A trust --locale=C >/dev/null && echo 'host all all all trust' >>/data/db/pg_hba.conf; }; exec $bin/postgres -D /data/db -c listen_addresses=* -c unix_socket_directories=/tmp" \
  >/dev/null || { echo 'FAILED: no image'; failed=1; exit; }
kubectl apply -f - >/dev/null <<'END'
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      securityContext: {runAsUser: 999, runAsGroup: 999, fsGroup: 999}
      terminationGracePeriodSeconds: 20
      containers:
      - name: postgres
        image: test/postgres:15
        imagePullPolicy: Never
        ports: [{containerPort: 5432}]
        readinessProbe:
          exec: {command: [/usr/lib/postgresql/15/bin/pg_isready, -h, 127.0.0.1, -q]}
          periodSeconds: 1
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
END
ready() { kubectl wait pod/db-0 --for=condition=Ready --timeout="${1:-60}s"; }
wait_for 60 ready 60 || { kubectl describe pod db-0; kubectl logs db-0; }
sql() { kubectl exec db-0 -- $bin/psql -h 127.0.0.1 -U postgres -d postgres -Atc "$1" 2>&1; }
is 'it stores' 'INSERT 0 1000' "$(sql 'create table t (n int)' >/dev/null; sql 'insert into t select generate_series(1,1000)')"
is 'by its name' 1000 "$(kubectl exec db-0 -- $bin/psql -h db-0.db.default.svc.cluster.local -U postgres -d postgres -Atc 'select count(*) from t' 2>&1)"
uid=$(kubectl get pod db-0 -o jsonpath='{.metadata.uid}')
kubectl delete pod db-0 >/dev/null
wait_for 60 ready 60
[ "$uid" != "$(kubectl get pod db-0 -o jsonpath='{.metadata.uid}')" ] || { echo 'FAILED: it is the same pod'; failed=1; }
is 'its rows are there after the pod was deleted' 500500 "$(sql 'select sum(n) from t')"
run=$(cat "$top"/run/pods/*/*.run)
kill -9 "$pid" && wait "$pid" 2>/dev/null
up
wait_for 30 ready 30
is 'and after Troupe was killed' 500500 "$(sql 'select sum(n) from t')"
is 'which did not touch it' "$run" "$(cat "$top"/run/pods/*/*.run)"
kill "$pid" && wait "$pid" 2>/dev/null
"$troupe" down --data "$top/data" --run "$top/run" >/dev/null
up
wait_for 60 ready 60
is 'and after everything was stopped' 500500 "$(sql 'select sum(n) from t')"
kubectl delete statefulset db >/dev/null
kubectl wait pod/db-0 --for=delete --timeout=30s >/dev/null 2>&1
path=$(kubectl get pv -o jsonpath='{.items[0].spec.hostPath.path}')
is 'the volume stays without its set' PG_VERSION "$(ls "$path/db" 2>&1)"
kubectl delete pvc --all >/dev/null
gone() { [ ! -e "$path" ] && [ -z "$(kubectl get pv -o name)" ]; }
wait_for 20 gone
is 'its directory goes with its claim' 'No such file' "$(ls "$path" 2>&1)"
