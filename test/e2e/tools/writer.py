# writer.py WORK GAP: writes names one after another through the servers of WORK/hosts (host:port, read again
# for each connection) until WORK/stop is there. WORK/acks gets a line for what was acknowledged: when, and
# the number. Then everything acknowledged must be there, and no gap longer than GAP seconds.
import http.client, json, os, ssl, sys, time
work, longest = sys.argv[1], float(sys.argv[2])
tls = ssl.create_default_context(cafile=work + "/ca")
tls.load_cert_chain(work + "/crt", work + "/key")
tls.check_hostname = False
acked, gap, last, at, link, n = [], 0.0, time.monotonic(), 0, None, 0
def connect(i, patience):
    hosts = open(work + "/hosts").read().split()
    host, port = hosts[i % len(hosts)].rsplit(":", 1)
    return http.client.HTTPSConnection(host, int(port), context=tls, timeout=patience)
with open(work + "/acks", "a", buffering=1) as log, open(work + "/refused", "a", buffering=1) as refused:
    while not os.path.exists(work + "/stop"):
        n += 1
        try:
            if link is None: link = connect(at, 3)
            link.request("POST", "/api/v1/namespaces/default/configmaps", json.dumps({"metadata": {"name": "w-%d" % n}}), {"Content-Type": "application/json"})
            answer = link.getresponse()
            said = answer.read()
            if answer.status != 201: raise OSError(answer.status, said[-200:])
            acked.append(n)
            gap, last = max(gap, time.monotonic() - last), time.monotonic()
            log.write("%.3f %d\n" % (time.time(), n))
        except (OSError, http.client.HTTPException) as why:
            refused.write("%.3f %d %s\n" % (time.time(), n, why))
            link, at = None, at + 1
link = connect(at, 20)
link.request("GET", "/api/v1/namespaces/default/configmaps")
names = {i["metadata"]["name"] for i in json.loads(link.getresponse().read())["items"]}
lost = [n for n in acked if "w-%d" % n not in names]
print("acknowledged %d of %d, longest gap %.2f s, lost %s" % (len(acked), n, gap, lost))
sys.exit(1 if lost or gap > longest or len(acked) < 30 else 0)
