#!/usr/bin/env bash
# What a server does when its disk is full, and when the files of its data directory are damaged one by one:
# it says so and loses nothing it has acknowledged. Usage: disks.sh TROUPE. Needs root for a small disk.
set -u
troupe=$1
[ "$(id -u)" = 0 ] || { echo "this test needs root"; exit 77; }
work=$(mktemp -d /tmp/troupe-e2e.XXXXXX)
server=
stop() { [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; server=; }
finish() { stop; umount "$work/disk" 2>/dev/null; rm -rf "$work"; }
trap finish EXIT
fail() { echo "FAILED: $*" >&2; tail -n 20 "$work/log" >&2; exit 1; }
wait_for() { local end=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; read -rt 0.05 <> <(:) || true; done; }
mkdir "$work/disk"
truncate -s 256M "$work/image" && mkfs.ext4 -q "$work/image" && mount -o loop "$work/image" "$work/disk" 2>"$work/log" ||
  { echo "this test needs loop devices: $(cat "$work/log")"; exit 77; }
data=$work/disk/data
export KUBECONFIG=$data/admin.kubeconfig
begin() { : >"$work/log"; "$troupe" server --data "$data" --address 127.0.0.1 --port 0 --link-port 0 --controllers none 2>"$work/log" & server=$!; }
up() { [ "$KUBECONFIG" -nt "$work/begun" ] && grep -q 'the API is ready' "$work/log"; }
start() { touch "$work/begun"; begin; wait_for 20 up || fail "the server does not come up${1:+ $1}"; }
put() { "$troupe" create configmap "$1" --from-literal "v=$1" 2>"$work/said" >/dev/null; }
start
put before || fail "no write: $(cat "$work/said")"

# Full: what makes it fuller is refused in words, what frees space is not, and room heals it.
filler() { fallocate -l "$1" "$work/disk/filler" 2>/dev/null; }
filler 180M || fail "cannot fill the disk"
refused() { ! put "$1"; }
wait_for 10 refused full-1 || fail "a full disk takes writes"
grep -qi 'disk\|space\|storage' "$work/said" || fail "no word about the disk: $(cat "$work/said")"
"$troupe" delete configmap before >/dev/null || fail "a full disk takes no deletion"
kill -9 "$server"; wait "$server" 2>/dev/null
head -c 200M /dev/zero >>"$work/disk/filler" 2>/dev/null # nothing is left at all
begin
alive() { grep -q 'the API is ready' "$work/log" || ! kill -0 "$server" 2>/dev/null; }
wait_for 20 alive || fail "on a disk without any room it neither starts nor says why"
kill -0 "$server" 2>/dev/null || { grep -qi 'space\|full' "$work/log" || fail "it ended on a full disk, and says nothing of it"; }
stop
rm "$work/disk/filler"
start "on a disk that has room again"
put after || fail "room again, and no write: $(cat "$work/said")"
for n in $(seq 50); do put "w-$n" || fail "write $n: $(cat "$work/said")"; done
stop

# Damaged: each file in turn has a few of its bytes changed, is cut short, or is gone. The server comes up with
# everything, or does not come up and names what is wrong.
cp -a "$data" "$work/good"
whole() { [ "$("$troupe" get configmaps -o name | grep -c configmap/w-)" = 50 ]; }
served=0 told=0
over() { grep -q 'the API is ready' "$work/log" || ! kill -0 "$server" 2>/dev/null; }
try() { # try WHAT FILE: with the directory as it is now
  begin
  wait_for 20 over || fail "$1: it neither starts nor ends"
  if kill -0 "$server" 2>/dev/null; then
    wait_for 5 whole || fail "$1: it serves without what was acknowledged"
    served=$((served + 1))
  else
    wait "$server" 2>/dev/null; local code=$?
    [ $code -lt 128 ] || fail "$1: it died of signal $((code - 128))"
    grep -qi "$(basename "$2" | cut -c1-5)\|store\|key\|certificate" "$work/log" || fail "$1: it ended and does not say why"
    told=$((told + 1)) server=
  fi
  stop
  rm -rf "$data"; cp -a "$work/good" "$data"
}
for file in $(cd "$work/good" && find . -type f ! -name lock ! -name '*-lock' | sort); do
  size=$(stat -c %s "$data/$file")
  python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    for at in (int(sys.argv[2]) // 3, min(900, int(sys.argv[2]) // 2)):
        f.seek(at); b = f.read(8); f.seek(at); f.write(bytes(x ^ 0x5a for x in b))' "$data/$file" "$size"
  try "changed $file" "$file"
  truncate -s $((size / 2)) "$data/$file"
  try "cut $file short" "$file"
  case $file in */log-* | */state.mdb | */secrets.key) ;; *) rm "$data/$file"; try "removed $file" "$file" ;; esac
done
echo "damaged files: $served times all was there, $told times it said what is wrong"
[ $told -gt 0 ] || fail "no damage was ever noticed"
echo "all well"
