#!/usr/bin/env bash
# Three servers, real processes: the leader is killed, then another is stopped as if its machine hung.
# Every acknowledged write is there afterwards, and writes go on within a second or so. Before that, two
# machines that join as one name over two servers at once: one gets it.
set -u
troupe=$1
. "$(dirname "$0")/three_servers.sh"
first=$(leader)
field() { sed -n "s/.*$1: //p" "$work/1/admin.kubeconfig" | base64 -d; }
field client-certificate-data >"$work/crt"; field client-key-data >"$work/key"; field certificate-authority-data >"$work/ca"

token=$("$troupe" token create --data "$work/1") || exit 1
openssl req -new -newkey ed25519 -nodes -keyout /dev/null -subj /CN=x -out "$work/csr" 2>/dev/null
python3 -c 'import json, sys; print(json.dumps({"node": "twin", "request": open(sys.argv[1]).read()}))' "$work/csr" >"$work/join"
for n in 1 2 3; do
  curl -s --cacert "$work/ca" -o "$work/joined.$n" -w '%{http_code}\n' -H "Authorization: Bearer ${token%%::*}" -d "@$work/join" "https://127.0.0.1:${ports[$((2 + n))]}/troupe/v1/join" >"$work/code.$n" & asks[n]=$!
done
wait "${asks[@]}"
[ "$(sort "$work"/code.* | tr '\n' ' ')" = "200 409 409 " ] || { tail "$work"/code.* "$work"/joined.*; echo "a name is not one machine's"; exit 1; }

others=(); for n in 1 2 3; do [ $n = "$first" ] || others+=($n); done
for n in "${others[@]}"; do echo "127.0.0.1:${ports[$((2 + n))]}"; done >"$work/hosts"
python3 "$(dirname "$0")/tools/writer.py" "$work" 8 & writer=$!
read -rt 1 <> <(:) || true
echo "killing server $first, which leads"
kill -9 "${pid[$first]}"; wait "${pid[$first]}" 2>/dev/null
another() { [ -n "$(leader)" ] && [ "$(leader)" != "$first" ]; }
wait_for 10 another || { echo "nobody takes over"; exit 1; }
start "$first"
read -rt 1 <> <(:) || true
second=$(leader)
echo "stopping server $second, which leads now"
kill -STOP "${pid[$second]}"
a_third() { [ "$(leader)" != "$second" ]; }
wait_for 15 a_third || { echo "nobody takes over from a server that hangs"; exit 1; }
kill -CONT "${pid[$second]}"
read -rt 1 <> <(:) || true
touch "$work/stop"
wait $writer || exit 1

# A server that is left alone is alive, and not ready: nobody leads.
last=$first
for n in 1 2 3; do [ "$n" = "$last" ] || { kill -9 "${pid[$n]}"; wait "${pid[$n]}" 2>/dev/null; }; done
code() { curl -sk -m 5 -o /dev/null -w '%{http_code}' "https://127.0.0.1:${ports[$((2 + last))]}/$1"; }
is_unready() { [ "$(code readyz)" = 500 ] && [ "$(code livez)" = 200 ]; }
wait_for 15 is_unready || { echo "alone, server $last answers $(code readyz) to readyz and $(code livez) to livez"; exit 1; }
echo "alone, server $last is alive and not ready"
