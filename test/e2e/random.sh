#!/usr/bin/env bash
# Requests at random against a server with controllers and pretended machines, for builds with sanitizers:
#   random.sh PROGRAM [SEED] [SECONDS]
# Whatever comes, the server goes on, answers and has nothing to report; the seed is told.
set -u
troupe=$1 seed=${2:-$RANDOM} seconds=${3:-60}
here=$(cd "$(dirname "$0")" && pwd)
controllers='*' server_flags=(--hollow 5)
. "$here/server.sh"
URL=$url TOKEN=$token SERVER=$server DATA=${RANDOM_DATA:-$data} python3 "$here/random_requests.py" "$seed" "$seconds" \
  "$here/../fuzz/corpus" ${TROUPE_GOLDEN:-"$here/../../../shared/golden"}
code=$?
grep -E 'runtime error|Sanitizer' "$data/log" && code=1
kill "$server"; wait "$server"; ended=$?; server=
[ $ended = 0 ] || { echo "the server ended with $ended:"; tail -n 30 "$data/log"; code=1; }
exit $code
