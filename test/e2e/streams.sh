#!/usr/bin/env bash
# What goes to and fro between people and containers, with every kubectl on this machine: logs in all their
# cuts, exec with and without a terminal, attach, cp, port-forward, debug. Usage: streams.sh TROUPE.
# Needs root, runc, kubectl, python3 and busybox (static).
. "$(dirname "$0")/alone.sh"
needs busybox
. "$(dirname "$0")/every_kubectl.sh"
terminal() { python3 "$(dirname "$0")/tools/terminal.py" "$@"; }
up
busybox_image "$top/image" sh cat sleep echo tar stty httpd ls mkdir rm wc md5sum dd head seq test nc tee stat
kubectl apply -f - >/dev/null <<'END'
apiVersion: v1
kind: Pod
metadata: {name: talker, labels: {app: talker}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: test/busybox:1
    imagePullPolicy: Never
    command: [sh, -c, 'if test -e /kept/again; then echo second life; else echo first life; seq 1 100; echo to stderr >&2; echo x > /kept/again; exit 3; fi; exec sleep 1000']
    volumeMounts: [{name: kept, mountPath: /kept}]
  - {name: echo, image: "test/busybox:1", imagePullPolicy: Never, command: [sh, -c, 'while read line; do echo "heard $line"; done; sleep 1000'], stdin: true, tty: false}
  - {name: screen, image: "test/busybox:1", imagePullPolicy: Never, command: [sh, -c, 'while read line; do echo "saw $line on $(stty size)"; done'], stdin: true, tty: true}
  volumes: [{name: kept, emptyDir: {}}]
END
again has 1 kubectl get pod talker -o jsonpath='{.status.containerStatuses[?(@.name=="main")].restartCount}'
kubectl wait pod/talker --for=condition=Ready --timeout=30s >/dev/null || kubectl describe pod talker | tail -20
head -c 3000000 /dev/urandom >"$top/noise"
mkdir -p "$top/tree/deep" && echo one >"$top/tree/a" && echo two >"$top/tree/deep/b"
for kubectl in "${clients[@]}"; do
  k() { "$kubectl" "$@"; }
  begun=$failures
  rm -f "$top/forward" "$top/followed" "$top/heard" # of the client before
  expect 'second life' k logs talker -c main
  expect 'first life' k logs talker -c main --previous
  is_exactly 0 "$(printf '99\n100\nto stderr')" "$(k logs talker -c main -p --tail=3)" || tell FAILED '99 100 to stderr' "$(k logs talker -c main -p --tail=3)" tail
  is_exactly 0 'first l' "$(k logs talker -c main -p --limit-bytes=7)" || tell FAILED 'first l' "$(k logs talker -c main -p --limit-bytes=7)" limit-bytes
  expect "$(date -u +%Y-%m-)" k logs talker -c main --timestamps
  is_exactly 0 '' "$(k logs talker -c main --since-time=2100-01-01T00:00:00Z 2>&1)" || tell FAILED nothing '' since-time
  expect 'second life' k logs talker -c main --since=1h
  expect '[pod/talker/main] second life' k logs -l app=talker --all-containers --prefix
  refuse 'is not valid for pod' k logs talker -c nobody
  refuse 'NotFound' k logs nobody
  "$kubectl" logs -f talker -c main --tail=1 >"$top/followed" 2>&1 &
  follower=$!
  wait_for 5 grep -q 'second life' "$top/followed"
  k exec talker -c main -- sh -c "echo followed by $kubectl > /proc/1/fd/1"
  wait_for 5 grep -q "followed by $kubectl" "$top/followed" || tell FAILED "followed by $kubectl" "$(cat "$top/followed")" logs -f
  kill $follower && wait $follower 2>/dev/null
  # exec: what comes and goes is the same to the byte; exit codes; both streams apart.
  [ "$(k exec -i talker -c main -- cat <"$top/noise" 2>/dev/null | md5sum)" = "$(md5sum <"$top/noise")" ] || tell FAILED 'the same bytes' '' exec -i
  k exec talker -c main -- sh -c 'echo out; echo err >&2; exit 5' >"$top/out" 2>"$top/err"
  [ $? = 5 ] && [ "$(cat "$top/out")" = out ] && grep -q err "$top/err" || tell FAILED '5 out err' "$(cat "$top/out" "$top/err")" exec
  refuse 'no such file or directory' k exec talker -c main -- /bin/none
  # A terminal: its size when it begins, and when it changes.
  shown=$(terminal "$kubectl" exec -it talker -c main -- sh -c 'echo ready; while read x; do stty size; test "$x" = end && exit 9; done' \
    --steps 'ready => go\n' '24 80 => 40x100!' ' => a\n' 'a => b\n' '40 100 => end\n')
  [ $? = 9 ] && has 0 '40 100' "$shown" || tell FAILED '24 80, 40 100, exit 9' "$shown" exec -it
  # attach: to a container's own streams.
  mkfifo "$top/said" && exec 7<>"$top/said"
  "$kubectl" attach -i talker -c echo <&7 >"$top/heard" 2>/dev/null &
  attached=$!
  echo "from $kubectl" >&7
  wait_for 5 grep -q "heard from $kubectl" "$top/heard" || tell FAILED "heard from $kubectl" "$(cat "$top/heard")" attach -i
  kill $attached && wait $attached 2>/dev/null
  exec 7>&- && rm "$top/said"
  shown=$(timeout 10 python3 "$(dirname "$0")/tools/terminal.py" "$kubectl" attach -it talker -c screen --steps 'prompt => hello\n' 'saw hello on => !' 2>&1)
  has 0 'saw hello on' "$shown" || tell FAILED 'saw hello on' "$shown" attach -it
  # cp in both directions, a file and a directory.
  expect '' k cp "$top/noise" talker:/tmp/noise -c main
  expect '' k cp talker:/tmp/noise "$top/back" -c main
  cmp -s "$top/noise" "$top/back" || tell FAILED 'the same file' "$(ls -l "$top/noise" "$top/back" 2>&1)" cp
  expect '' k cp "$top/tree" talker:/tmp/tree -c main
  expect '' k cp talker:/tmp/tree "$top/copied" -c main
  diff -r "$top/tree" "$top/copied" >/dev/null || tell FAILED 'the same tree' "$(ls -R "$top/copied" 2>&1)" cp
  rm -rf "$top/back" "$top/copied"; k exec talker -c main -- rm -rf /tmp/tree /tmp/noise
  # port-forward to a listener in the pod, one connection after the other.
  k exec talker -c main -- sh -c 'test -e /tmp/www || { mkdir -p /tmp/www; echo page > /tmp/www/index.html; httpd -p 8000 -h /tmp/www; }'
  "$kubectl" port-forward talker $((port + 60)):8000 >"$top/forward" 2>&1 &
  forward=$!
  wait_for 10 grep -q Forwarding "$top/forward"
  has 0 Forwarding "$(cat "$top/forward")" || tell FAILED Forwarding "$(cat "$top/forward")" port-forward
  for n in 1 2 3; do expect page curl -sS --max-time 5 "localhost:$((port + 60))"; done
  kill $forward && wait $forward 2>/dev/null
  [ $failures = "$begun" ] && echo "ok: $("$kubectl" version --client --short 2>/dev/null | head -1 || echo "$kubectl") $kubectl"
done
newest=$(ls -1 "${clients[@]}" | grep -E 'kubectl$|\.1\.[0-9]+$' | sort -V | tail -1)
shown=$(timeout 30 python3 "$(dirname "$0")/tools/terminal.py" "$newest" debug -it talker -c looker --image=test/busybox:1 --image-pull-policy=Never --target=main -- sh -c 'echo begun; read x; echo "$x from $(ls /proc/1/root/kept)"' \
  --steps 'pressing enter => seen\n' 2>&1)
is 'debug sees its target' 'seen from again' "$shown"
[ "$failures" = 0 ] || failed=1
