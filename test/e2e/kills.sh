#!/usr/bin/env bash
# Three servers under load of which one after the other is killed or stopped for a while, at random: nothing
# that was acknowledged is lost, and a new leader is there soon. Usage: kills.sh TROUPE [COUNT [SEED]].
set -u
troupe=$1 count=${2:-12} seed=${3:-$RANDOM}
. "$(dirname "$0")/three_servers.sh"
echo "seed $seed"; RANDOM=$seed
field() { sed -n "s/.*$1: //p" "$work/1/admin.kubeconfig" | base64 -d; }
field client-certificate-data >"$work/crt"; field client-key-data >"$work/key"; field certificate-authority-data >"$work/ca"
for n in 1 2 3; do echo "127.0.0.1:${ports[$((2 + n))]}"; done >"$work/hosts"
python3 "$(dirname "$0")/tools/writer.py" "$work" 15 & writer=$!
now_ms() { echo $(($(date +%s%N) / 1000000)); }
ready() { curl -s -m 2 --cacert "$work/ca" -o /dev/null -w '%{http_code}' "https://127.0.0.1:${ports[$((2 + $1))]}/readyz" | grep -qx 200; }
led() { date -ud "$(grep -h 'this server leads term' "$work"/*.log | sort | tail -1 | cut -d' ' -f1)" +%s%3N; }
writes_after() { [ "$(tail -1 "$work/acks" 2>/dev/null | cut -d. -f1)" -gt $(($1 / 1000 + 1)) ]; }
wait_for 10 writes_after "$(now_ms)" || { echo "no writes"; exit 1; }
: >"$work/took"
for i in $(seq "$count"); do
  old=$(leader) since=$(now_ms)
  # The leader more often than not.
  n=$old; [ $((RANDOM % 3)) = 0 ] && n=$((RANDOM % 3 + 1))
  if [ $((RANDOM % 2)) = 0 ]; then
    kill -9 "${pid[$n]}"; wait "${pid[$n]}" 2>/dev/null; how=killed
  else
    kill -STOP "${pid[$n]}"; how=stopped
  fi
  another() { [ "$(leader)" != "$old" ]; }
  if [ "$n" = "$old" ]; then
    wait_for 20 another || { tail -n 20 "$work"/*.log; echo "nobody takes over from server $n, which was $how"; exit 1; }
    echo "$(($(led) - since))" >>"$work/took"
  fi
  if [ $how = killed ]; then start "$n"; else kill -CONT "${pid[$n]}"; fi
  for m in 1 2 3; do wait_for 20 ready $m || { tail -n 20 "$work"/*.log; echo "server $m is not ready after server $n was $how"; exit 1; }; done
done
touch "$work/stop"
wait $writer || exit 1
sort -n "$work/took" | awk '{ v[NR] = $1 } END { printf "%d new leaders: p50 %d ms, p99 %d ms, longest %d ms\n", NR, v[int((NR + 1) / 2)], v[int((NR * 99 + 99) / 100)], v[NR] }'
