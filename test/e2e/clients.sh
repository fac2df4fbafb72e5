#!/usr/bin/env bash
# Client libraries against a cluster of one: Python's (Debian: python3-kubernetes) and JavaScript's
# (@kubernetes/client-node from npm, in a version that runs on every node from 18 on) create, list, watch, patch, exec and delete. What is not on the machine
# is left out, and says so.
set -u
troupe=$1
here=$(cd "$(dirname "$0")" && pwd)
python= node=
for p in python3 /usr/bin/python3; do "$p" -c 'import kubernetes' 2>/dev/null && python=$p && break; done
[ -n "$python" ] || echo "left out: there is no python3-kubernetes"
. "$here/machine.sh"
if command -v node >/dev/null && command -v npm >/dev/null &&
  (mkdir -p "$work/js" && cd "$work/js" && timeout 120 npm install --silent --no-audit --no-fund @kubernetes/client-node@1.0.0 >"$work/npm.out" 2>&1); then
  node=$(command -v node)
else
  echo "left out: @kubernetes/client-node cannot be installed (is there node, npm and a way to its registry?)"
fi
[ -n "$python$node" ] || { echo "skipped: there is no client library"; exit 77; }
machine clients
nsenter --net="$(at clients)" "$troupe" up --data "$work/data" --run "$work/run" --port 6443 --name one >"$work/up.out" 2>>"$work/up.log" &
pids=($!)
cleanup_hook() { on clients "$troupe" uninstall --yes --data "$work/data" --run "$work/run" >/dev/null; }
export KUBECONFIG=$work/data/admin.kubeconfig
wait_for 20 grep -q Ctrl-C "$work/up.out" || fail "the cluster did not come up"
on clients "$kubectl" wait --for=condition=Ready node/one --timeout=10s >/dev/null || fail "the node is not ready"
if [ -n "$python" ]; then on clients timeout 60 "$python" "$here/client.py" || fail "the Python client"; fi
if [ -n "$node" ]; then
  cp "$here/client.mjs" "$work/js/"
  (cd "$work/js" && on clients timeout 60 "$node" client.mjs) || fail "the JavaScript client"
fi
