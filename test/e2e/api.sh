#!/usr/bin/env bash
# What clients other than kubectl count on: watches over WebSocket, tokens of browsers, compressed lists,
# health checks by name, metrics.
set -u
troupe=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"
URL=$url TOKEN=$token python3 - <<'PY'
import base64, gzip, http.client, json, os, socket, ssl, sys
host, port = os.environ["URL"].rsplit("/", 1)[1].split(":")
token = os.environ["TOKEN"]
tls = ssl._create_unverified_context()
failures = []
def check(name, fine, shown=""):
    if not fine: failures.append(name); print("FAILED:", name, str(shown)[:300])
def ask(method, path, body=None, **headers):
    link = http.client.HTTPSConnection(host, port, context=tls, timeout=10)
    headers.setdefault("Authorization", "Bearer " + token)
    link.request(method, path, body and json.dumps(body), {"Content-Type": "application/json", **headers})
    answer = link.getresponse()
    return answer.status, answer.headers, answer.read()
maps = "/api/v1/namespaces/default/configmaps"

def websocket(path, *protocols, **headers):
    link = tls.wrap_socket(socket.create_connection((host, int(port)), timeout=10))
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
             "Sec-WebSocket-Key: " + base64.b64encode(b"0123456789abcdef").decode(), *(f"{k}: {v}" for k, v in headers.items())]
    if protocols: lines.append("Sec-WebSocket-Protocol: " + ", ".join(protocols))
    link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    stream = link.makefile("rb")
    head = []
    while (line := stream.readline().strip()): head.append(line.decode())
    return head, stream
def message(stream):
    first, size = stream.read(2)
    if size == 126: size = int.from_bytes(stream.read(2), "big")
    elif size == 127: size = int.from_bytes(stream.read(8), "big")
    return first & 15, stream.read(size)

ask("POST", maps, {"metadata": {"name": "a"}})
bearer = "Bearer " + token
head, stream = websocket(maps + "?watch=1", Authorization=bearer)
check("a watch becomes a WebSocket", head[0].endswith("101 Switching Protocols"), head)
kind, text = message(stream)
event = json.loads(text)
check("events are text", kind == 1 and event["type"] == "ADDED" and event["object"]["metadata"]["name"] == "a", text)
ask("DELETE", maps + "/a")
check("each is a message", json.loads(message(stream)[1])["type"] == "DELETED")
hidden = "base64url.bearer.authorization.k8s.io." + base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
head, stream = websocket(maps + "?watch=1", hidden, "base64.binary.k8s.io")
check("a browser's token is taken", head[0].endswith("101 Switching Protocols") and "Sec-WebSocket-Protocol: base64.binary.k8s.io" in head, head)
head, _ = websocket(maps + "?watch=1", hidden[:-4], "base64.binary.k8s.io")
check("another one is not", " 401 " in head[0], head)
leaving = (f"GET {maps}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n").encode()
for goodbye in (b"\x88\x80abcd", b"\x82\x01x"):
    link = tls.wrap_socket(socket.create_connection((host, int(port)), timeout=10))
    link.sendall(leaving + goodbye)
    check("a client may leave in the same breath", link.makefile("rb").readline().startswith(b"HTTP/1.1 101"))
ask("POST", maps, {"metadata": {"name": "b"}})
for what, seconds in ("for ever", 2**63 - 1), ("as long as usual", 0):
    head, stream = websocket(f"{maps}?watch=1&timeoutSeconds={seconds}&fieldSelector=metadata.name%3Dlate", Authorization=bearer)
    ask("POST", maps, {"metadata": {"name": "late"}})
    check("a watch may last " + what, message(stream)[0] == 1)
    ask("DELETE", maps + "/late")
head, stream = websocket(maps + "?watch=1", Authorization=bearer, Accept="application/vnd.kubernetes.protobuf")
kind, data = message(stream)
def length(data):  # a varint, and what follows it
    size = shift = 0
    for at, byte in enumerate(data):
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128: return size, data[at + 1:]
def event_of(data):
    """A WatchEvent without an envelope around an object in one."""
    if not data.startswith(b"\n\x05ADDED\x12"): return None
    size, raw = length(data[8:])
    if len(raw) != size or raw[:1] != b"\n": return None
    size, object = length(raw[1:])
    return object if len(object) == size else None
check("protobuf is binary", kind == 2 and (event_of(data) or b"").startswith(b"k8s\0"), (kind, data[:40]))
link = http.client.HTTPSConnection(host, port, context=tls, timeout=10)
link.request("GET", maps + "?watch=1", None, {"Authorization": bearer, "Accept": "application/vnd.kubernetes.protobuf;stream=watch"})
stream = link.getresponse()
check("a watch is protobuf if asked for", stream.headers["Content-Type"] == "application/vnd.kubernetes.protobuf;stream=watch", stream.headers["Content-Type"])
data = stream.read(int.from_bytes(stream.read(4), "big"))
check("its events are framed by their length", (event_of(data) or b"").startswith(b"k8s\0"), data[:40])
link.close()
ask("POST", maps, {"metadata": {"name": "short"}})
status, headers, body = ask("DELETE", maps + "/short", Accept="application/vnd.kubernetes.protobuf")
check("a deletion, too, is answered as asked for", headers["Content-Type"] == "application/vnd.kubernetes.protobuf" and body.startswith(b"k8s\0") and b"Success" in body, body[:60])

ask("POST", maps, {"metadata": {"name": "big"}, "data": {"k": "text " * 40000}})
status, headers, body = ask("GET", maps, **{"Accept-Encoding": "gzip"})
check("a large list is compressed for who takes it", headers["Content-Encoding"] == "gzip" and len(body) < 20000 and len(json.loads(gzip.decompress(body))["items"]) == 2, headers)
check("and for nobody else", ask("GET", maps)[1]["Content-Encoding"] is None)

# Longer than what may wait for a client: it flows while it is taken.
for n in range(40): ask("POST", maps, {"metadata": {"name": "long-%02d" % n, "labels": {"long": "yes"}}, "data": {"k": "text " * 40000}})
longs = maps + "?labelSelector=long"
def long_list(link):
    link.request("GET", longs, headers={"Authorization": bearer})
    return link.getresponse()
link = http.client.HTTPSConnection(host, port, context=tls, timeout=10)
answer = long_list(link)
everything = json.loads(answer.read())
check("a long list flows", answer.headers["Transfer-Encoding"] == "chunked" and everything["kind"] == "ConfigMapList" and everything["metadata"]["resourceVersion"].isdigit(), answer.headers)
check("with everything in order", [i["metadata"]["name"] for i in everything["items"]] == ["long-%02d" % n for n in range(40)] and all(len(i["data"]["k"]) == 200000 for i in everything["items"]))
answer = long_list(link)
parts = []
while part := answer.read1(3000): parts.append(part) # a client that takes it in small bites
check("however it is taken", json.loads(b"".join(parts)) == everything)
hasty = http.client.HTTPSConnection(host, port, context=tls, timeout=10)
long_list(hasty).read(1000)
hasty.sock.close()
check("and after somebody has left in its midst", json.loads(long_list(link).read()) == everything)
check("a part of it is asked for with its length", ask("GET", longs + "&limit=39")[1]["Content-Length"] is not None)

protobuf = "application/vnd.kubernetes.protobuf"
for path, kind, word in (("/api", b"APIVersions", b"v1"), ("/apis", b"APIGroupList", b"apps/v1"), ("/apis/apps", b"APIGroup", b"apps/v1"),
                         ("/apis/apps/v1", b"APIResourceList", b"deployments/scale"), ("/api/v1", b"APIResourceList", b"pods/exec")):
    status, headers, body = ask("GET", path, Accept=protobuf)
    check("discovery in protobuf of " + path, status == 200 and headers["Content-Type"] == protobuf and body.startswith(b"k8s\0\n") and kind in body[:40] and word in body, (status, body[:60]))
whole = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
status, headers, body = ask("GET", "/apis", Accept=protobuf + whole + "," + protobuf)
check("and all of it at once", headers["Content-Type"] == protobuf + whole and body.startswith(b"k8s\0\n") and b"apidiscovery.k8s.io/v2" in body[:50] and b"statefulsets" in body, (headers["Content-Type"], body[:60]))
check("which is not asked of a group", ask("GET", "/apis/apps", Accept=protobuf + whole)[0] == 406)
check("the first form that can be given is given", ask("GET", "/apis", Accept="text/html, application/json, " + protobuf + whole)[1]["Content-Type"] == "application/json")
check("a missing version is told in protobuf", ask("GET", "/apis/apps/v7", Accept=protobuf)[2].startswith(b"k8s\0\n"))

check("ready", ask("GET", "/readyz")[2] == b"ok")
text = ask("GET", "/livez?verbose&exclude=log")[2].decode()
check("checks are named", "[+]etcd ok" in text and "[+]log excluded: ok" in text and text.endswith("livez check passed\n"), text)
check("one is asked", ask("GET", "/readyz/etcd")[::2] == (200, b"ok") and ask("GET", "/readyz/nothing")[0] == 404)
text = ask("GET", "/metrics")[2].decode()
check("metrics tell of requests", 'apiserver_request_total{verb="GET",code="200"}' in text and "apiserver_current_inflight_requests" in text, text[:200])
services = "/api/v1/namespaces/default/services"
def families(name, **spec):
    status, _, body = ask("POST", services, {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}})
    return (status, *map(json.loads(body).get("spec", {}).get, ("ipFamilyPolicy", "ipFamilies")))
check("a service that only names is of both families", families("names", clusterIP="None") == (201, "RequireDualStack", ["IPv4", "IPv6"]))
check("one that chooses is of one", families("chooses", clusterIP="None", selector={"a": "b"}) == (201, "SingleStack", ["IPv4"]))
check("so is one that would rather have both", families("rather", ipFamilyPolicy="PreferDualStack") == (201, "PreferDualStack", ["IPv4"]))
check("two addresses are not to be had", families("both", ipFamilyPolicy="RequireDualStack")[0] == 422)
check("the range of their addresses is shown", json.loads(ask("GET", "/apis/networking.k8s.io/v1/servicecidrs/kubernetes")[2])["spec"] == {"cidrs": ["10.96.0.0/16"]})
for name in ("names", "chooses", "rather"): ask("DELETE", services + "/" + name)
check("the namespaces of every cluster stay", ask("DELETE", "/api/v1/namespaces/default")[0] == 403)
sys.exit(1 if failures else print("clients get what they count on"))
PY
