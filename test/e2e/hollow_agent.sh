#!/usr/bin/env bash
# An agent that only pretends: its nodes join a server over links of their own, run pods, and are back when
# it starts again. Tells how much memory the server needs for them.
set -u
troupe=$1
nodes=${2:-30}
here=$(cd "$(dirname "$0")" && pwd)
controllers='*'
. "$here/server.sh"
agent=
leave() {
  [ -n "$agent" ] && kill "$agent" 2>/dev/null && wait "$agent" 2>/dev/null
  finish
}
trap leave EXIT
fail() { echo "FAILED: $*"; tail -n 5 "$data/log"; tail -n 5 "$data/agent.log"; exit 1; }
get() { "$troupe" get "$@" -o json 2>/dev/null | tr -d " "; }

# becomes COUNT WORDS COMMAND...: runs it again until WORDS are there so often; fails after 30 seconds.
becomes() {
  local count=$1 words=$2 found=
  shift 2
  for _ in $(seq 300); do
    found=$("$@" | grep -oF -- "$words" | wc -l)
    [ "$found" = "$count" ] && return
    read -rt 0.1 <> <(:) || true
  done
  fail "$found of $words, not $count, in: $*"
}

pass=$("$troupe" token create --data "$data") || fail "no token"
start_agent() {
  "$troupe" agent --hollow "$nodes" --name play --server "$url" --token "$pass" --data "$data/agent" 2>>"$data/agent.log" &
  agent=$!
}
start_agent
becomes "$nodes" '"reason":"KubeletReady"' get nodes
replicas=$((nodes * 5))
cat >"$data/web.yaml" <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: $replicas
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "registry.example/web:1"}]}
YAML
"$troupe" apply -f "$data/web.yaml" >/dev/null || fail "apply"
becomes "$replicas" '"phase":"Running"' get pods
echo "$nodes nodes and $replicas pods: server $(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$server/status") MiB, agent $(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$agent/status") MiB"

# It dies, and its nodes come back with what they were given; pods go where there is somebody.
kill -9 "$agent"; wait "$agent" 2>/dev/null
start_agent
"$troupe" scale deployment/web --replicas=$((replicas + nodes)) >/dev/null || fail "scale"
becomes $((replicas + nodes)) '"phase":"Running"' get pods
"$troupe" delete deployment web >/dev/null || fail "delete"
becomes 0 '"phase":"Running"' get pods
echo "ok"
