#!/usr/bin/env bash
# Three servers, real processes: the leader is killed, then another is stopped as if its machine hung.
# Every acknowledged write is there afterwards, and writes go on within a second or so.
set -u
troupe=$1
. "$(dirname "$0")/three_servers.sh"
first=$(leader)
field() { sed -n "s/.*$1: //p" "$work/1/admin.kubeconfig" | base64 -d; }
field client-certificate-data >"$work/crt"; field client-key-data >"$work/key"; field certificate-authority-data >"$work/ca"
cat >"$work/writer.py" <<'PY'
# Writes names one after another through any server; prints what was acknowledged and the longest gap.
import http.client, json, ssl, sys, time
work, stop, ports = sys.argv[1], sys.argv[2], [int(p) for p in sys.argv[3:]]
tls = ssl.create_default_context(cafile=work + "/ca"); tls.load_cert_chain(work + "/crt", work + "/key"); tls.check_hostname = False
acked, gap, last, at, link, n = [], 0.0, time.monotonic(), 0, None, 0
import os
while not os.path.exists(stop) or time.monotonic() - last > 0.5 and n < 10**6:
    n += 1
    try:
        if link is None: link = http.client.HTTPSConnection("127.0.0.1", ports[at % len(ports)], context=tls, timeout=2)
        link.request("POST", "/api/v1/namespaces/default/configmaps", json.dumps({"metadata": {"name": "w-%d" % n}}), {"Content-Type": "application/json"})
        answer = link.getresponse(); answer.read()
        if answer.status == 201:
            acked.append(n); gap = max(gap, time.monotonic() - last); last = time.monotonic()
        else: raise OSError(answer.status)
    except OSError: link = None; at += 1
    except http.client.HTTPException: link = None; at += 1
link = http.client.HTTPSConnection("127.0.0.1", ports[-1], context=tls, timeout=10)
link.request("GET", "/api/v1/namespaces/default/configmaps")
names = {i["metadata"]["name"] for i in json.loads(link.getresponse().read())["items"]}
lost = [n for n in acked if "w-%d" % n not in names]
print("acknowledged %d, longest gap %.2f s, lost %s" % (len(acked), gap, lost))
sys.exit(1 if lost or gap > 8 or len(acked) < 100 else 0)
PY
others=(); for n in 1 2 3; do [ $n = "$first" ] || others+=($n); done
through=("${ports[$((2 + others[0]))]}" "${ports[$((2 + others[1]))]}")
python3 "$work/writer.py" "$work" "$work/stop" "${through[@]}" & writer=$!
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
