#!/usr/bin/env bash
# The files of a running server's store: defragmented under writes, read again, healed where they are damaged,
# sealed with new keys, and saved; each time the server is killed afterwards and has everything when it is back. Usage: store.sh TROUPE.
set -u
troupe=$1
server_flags=(--backup-dir "$(mktemp -d /tmp/troupe-e2e-backups.XXXXXX)")
. "$(dirname "$0")/server.sh"
trap 'finish; rm -rf "${server_flags[1]}"' EXIT
fail() { echo "FAILED: $*" >&2; tail -n 20 "$data/log" >&2; exit 1; }
wait_for() { local end=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; read -rt 0.05 <> <(:) || true; done; }
again() { # killed and started again, with everything
  kill -9 "$server"; wait "$server" 2>/dev/null; touch "$data/begun"
  "$troupe" server --data "$data" --address 127.0.0.1 --port 0 --token-file "$data/tokens" --controllers none "${server_flags[@]}" 2>>"$data/log" &
  server=$!
  up() { [ "$KUBECONFIG" -nt "$data/begun" ] && "$troupe" get configmaps -o name >"$data/names" 2>/dev/null; }
  wait_for 20 up || fail "it does not come back $1"
  [ "$(grep -c configmap/kept- "$data/names")" = 40 ] || fail "$(grep -c configmap/kept- "$data/names") of 40 are there $1"
}
field() { "$troupe" store show --data "$data" -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
head -c 700000 /dev/zero | tr '\0' 'x' >"$data/large"
put() { "$troupe" create configmap "$1" --from-file "$data/large" >/dev/null || fail "no write of $1"; }

# Enough for checkpoints; most of it goes again.
for n in $(seq 40); do put "kept-$n"; put "gone-$n"; done
for n in $(seq 40); do "$troupe" delete configmap "gone-$n" >/dev/null || fail "no deletion"; done
for n in $(seq 30); do put "gone-$n"; "$troupe" delete configmap "gone-$n" >/dev/null; done
written() { [ "$(field bytes)" -gt 20000000 ]; }
wait_for 10 written || fail "no checkpoint was written: $("$troupe" store show --data "$data")"

quiet() { local now; now=$(field bytes); read -rt 0.5 <> <(:); [ "$now" = "$(field bytes)" ]; } # nothing more is on its way
wait_for 20 quiet || fail "checkpoints are written for ever"
# Defragmented while somebody writes.
while [ ! -e "$data/enough" ]; do "$troupe" label configmap kept-1 "at=$RANDOM" --overwrite >/dev/null || { touch "$data/refused"; break; }; done & writer=$!
for _ in 1 2 3; do "$troupe" store defragment --data "$data" >/dev/null || fail "it cannot be defragmented"; done
touch "$data/enough"; wait $writer
[ ! -e "$data/refused" ] || fail "a write was refused meanwhile"
# What was written since may have made it grow again: each tells how it was before and after.
sed -n 's/.*checkpoint was defragmented bytes_before=\([0-9]*\) bytes=\([0-9]*\)$/\1 \2/p' "$data/log" >"$data/sizes"
[ "$(wc -l <"$data/sizes")" -ge 3 ] && awk '$2 > $1 {exit 1}' "$data/sizes" || fail "it has grown: $(cat "$data/sizes")"
# Once nobody writes, nothing is left that holds nothing.
wait_for 20 quiet || fail "checkpoints are written for ever"
"$troupe" store defragment --data "$data" >/dev/null || fail "it cannot be defragmented in peace"
[ "$(field freeBytes)" -lt 4000000 ] || fail "$(field freeBytes) bytes still hold nothing"
again "after it was defragmented"

# Sound, and then not.
"$troupe" store check --data "$data" | grep -q 'everything is sound' || fail "sound files are not found sound"
python3 - "$data/store/state.mdb" <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    at = f.read().find(b"x" * 600000)
    assert at > 0
    f.seek(at + 300000); f.write(b"y")
END
"$troupe" store check --data "$data" >"$data/said" && fail "damage is not found"
grep -q 'written over from memory' "$data/said" || fail "damage is not healed: $(cat "$data/said")"
"$troupe" store show --data "$data" | grep -q 'last check.*damage was found' || fail "the last check is not shown"
again "after damage was healed"
"$troupe" store check --data "$data" | grep -q 'everything is sound' || fail "healed files are not sound"

# Nobody but administrators.
code=$(curl -sk -o /dev/null -w '%{http_code}' -X POST "$(sed -n 's/.*server: //p' "$KUBECONFIG")/troupe/v1/store/defragment")
[ "$code" = 401 ] || [ "$code" = 403 ] || fail "a stranger may defragment: $code"

# A new key for secrets, while everything runs.
secret() { "$troupe" get secret "$1" -o 'jsonpath={.data.v}' 2>/dev/null | base64 -d; }
"$troupe" create secret generic before --from-literal v=hidden-1 >/dev/null || fail "no secret"
"$troupe" secrets rotate --data "$data" >"$data/said" || fail "no new key: $(cat "$data/said")"
grep -q 'Key 2 seals' "$data/said" && grep -q '1 secrets are sealed' "$data/said" || fail "rotated: $(cat "$data/said")"
"$troupe" create secret generic after --from-literal v=hidden-2 >/dev/null || fail "no secret after it"
"$troupe" secrets new-key --data "$data" | tee "$data/key" | "$troupe" secrets add-key --data "$data" | grep -q 'Key 2 seals; these open: \[1,2,3\]' || fail "a key that only opens is not added"
rm "$data/key"
again "with other keys"
[ "$(secret before)" = hidden-1 ] && [ "$(secret after)" = hidden-2 ] || fail "secrets do not open: '$(secret before)' '$(secret after)'"
"$troupe" secrets use-key 3 --data "$data" | grep -q 'Key 3 seals' || fail "the third key does not seal"
"$troupe" secrets reload --data "$data" | grep -q 'Key 3 seals' || fail "the keys are not read again"
"$troupe" secrets reseal --data "$data" | grep -q '2 secrets' || fail "not sealed again"
grep -rq hidden- "$data/store" && fail "a secret lies in the clear"
again "with a third key"
[ "$(secret before)" = hidden-1 ] || fail "a secret that was sealed again does not open"

# A start mends what default roles lack, and one at which nothing is lacking writes nothing.
role() { "$troupe" get clusterrole system:node -o "jsonpath={$1}" 2>/dev/null; }
revision() { "$troupe" get configmaps -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["metadata"]["resourceVersion"])'; }
"$troupe" patch clusterrole system:node --type merge -p '{"rules":[]}' >/dev/null || fail "no change of a role"
[ -z "$(role .rules)" ] || [ "$(role .rules)" = null ] || fail "the role still has $(role .rules)"
again "with a role that lacks its rules"
role .rules | grep -q certificatesigningrequests || fail "the role has no rules after a start: '$(role .rules)'"
begun=$(revision)
again "with all roles"
[ "$(revision)" = "$begun" ] || fail "a start at which nothing was lacking wrote up to $(revision), from $begun"

saved=$("$troupe" backup save --data "$data") || fail "no backup on demand"
"$troupe" backup check "$saved" | grep -q 'is whole' || fail "the backup in $saved is not whole"
# Without a server: read, and nothing changed.
kill "$server"; wait "$server" 2>/dev/null; server=
"$troupe" store check --data "$data" | grep -q 'No server runs.*everything is sound' || fail "sound files are not found sound offline"
truncate -s -4096 "$data/store/state.mdb"
"$troupe" store check --data "$data" 2>"$data/said" && fail "a file cut short is found sound offline"
grep -q 'state.mdb' "$data/said" || fail "offline damage is not told: $(cat "$data/said")"
echo "all well"
