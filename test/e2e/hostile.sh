#!/usr/bin/env bash
# Bad input of every kind against a running server: the answer each gets, and what it costs.
set -u
troupe=$1
here=$(cd "$(dirname "$0")" && pwd)
server_flags=(--max-watches-per-user 20)
. "$here/server.sh"
URL=$url TOKEN=$token DATA=$data SERVER=$server python3 "$here/hostile.py"
