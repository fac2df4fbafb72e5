# Sourced by tests of several servers: three real processes on loopback that agree, with the first one's
# kubeconfig in $work/1; leader says who leads, start N starts one again.
work=$(mktemp -d /tmp/troupe-e2e.XXXXXX)
declare -A pid=()
finish() { for p in "${pid[@]}"; do kill -CONT "$p" 2>/dev/null; kill -9 "$p" 2>/dev/null; wait "$p" 2>/dev/null; done; rm -rf "$work"; }
trap finish EXIT
ports=($(python3 - <<'PY'
import socket
held = [socket.socket() for _ in range(6)]
for s in held: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in held])
PY
))
servers=(--server "1=127.0.0.1:${ports[0]}" --server "2=127.0.0.1:${ports[1]}" --server "3=127.0.0.1:${ports[2]}")
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# The keys of the cluster are made by the first server and copied to the others.
"$troupe" server --data "$work/1" --port "${ports[3]}" --link-port 0 --address 127.0.0.1 2>/dev/null & p=$!
wait_for 10 test -s "$work/1/admin.kubeconfig" || exit 1
kill $p; wait $p
rm -rf "$work/1/store" "$work/1/admin.kubeconfig"
for n in 2 3; do mkdir -m 700 "$work/$n" && cp -r "$work/1/pki" "$work/$n/"; done
start() { "$troupe" server --data "$work/$1" --address 127.0.0.1 --port "${ports[$((2 + $1))]}" --id "$1" "${servers[@]}" 2>>"$work/$1.log" & pid[$1]=$!; }
for n in 1 2 3; do start $n; done
leader() { for n in 1 2 3; do grep -E 'this server leads' "$work/$n.log" 2>/dev/null | tail -1 | sed "s/^\([^ ]*\) .*leads \(term.*\|no more\)/\1 $n \2/"; done | sort | grep term | tail -1 | cut -d' ' -f2; }
leads() { [ -n "$(leader)" ]; }
wait_for 15 leads || { cat "$work"/*.log; echo "nobody leads"; exit 1; }
