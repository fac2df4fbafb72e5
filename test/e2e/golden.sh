#!/usr/bin/env bash
# Replays the recorded cases of a real API server. With "*" behind the program, the controllers run, and
# the cases that need them. Skipped where the cases are not on the machine.
set -u
troupe=$1
here=$(cd "$(dirname "$0")" && pwd)
golden=${TROUPE_GOLDEN:-$here/../../../shared/golden}
[ -f "$golden/replay.py" ] || { echo "skipped: no recorded cases at $golden"; exit 77; }
controllers=${2:-none}
. "$here/server.sh"
replay() { python3 "$golden/replay.py" check --server "$url" --token "$token" --jobs 4 "$@" "$golden/cases"; }
if [ "$controllers" = none ]; then
  replay >"$data/out" 2>&1
  tail -n 1 "$data/out"
else
  for area in delete namespaces rbac; do replay --controllers --only "$area/*"; done >"$data/out" 2>&1
  grep ' passed' "$data/out"
  exit $(($(grep -c '^FAIL' "$data/out") > 0))
fi
grep '^FAIL' "$data/out" | cut -c1-300
grep -q ' passed, 0 failed' "$data/out"
