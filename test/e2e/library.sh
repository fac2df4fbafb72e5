#!/usr/bin/env bash
# A program that uses the library hears every change once, while the server that leads is killed again
# and again. library.sh TROUPE HEARS_ALL [KILLS]
set -u
troupe=$1 hears_all=$2 kills=${3:-4}
. "$(dirname "$0")/three_servers.sh"
KUBECONFIG=$work/1/admin.kubeconfig "$hears_all" "$work/stop" & hears=$!
for ((i = 1; i <= kills; ++i)); do
  read -rt 0.7 <> <(:) || true
  was=$(leader)
  kill -9 "${pid[$was]}"; wait "${pid[$was]}" 2>/dev/null
  another() { [ -n "$(leader)" ] && [ "$(leader)" != "$was" ]; }
  wait_for 10 another || { echo "nobody takes over"; exit 1; }
  start "$was"
done
read -rt 0.5 <> <(:) || true
touch "$work/stop"
wait $hears || { tail -n 5 "$work"/*.log >&2; echo "FAILED"; exit 1; }
echo "the leader was killed $kills times"
