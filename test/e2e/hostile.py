"""Bad input against a running server, a test for each row of the list of hostile inputs (HTTP, YAML, JSON,
patches, names, tokens, roles). Each is answered clearly, within its bounds of time and memory, and the server
goes on. Told by hostile.sh where the server is: URL, TOKEN (of an administrator), DATA, SERVER (its process)."""
import base64, contextlib, hashlib, hmac, json, os, socket, ssl, subprocess, sys, threading, time

HOST, PORT = os.environ["URL"].rsplit("/", 1)[1].split(":")
PORT, ADMIN, DATA, SERVER = int(PORT), os.environ["TOKEN"], os.environ["DATA"], os.environ["SERVER"]
TLS = ssl.create_default_context()
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE
NS = "/api/v1/namespaces/default"
MIB = 1024 * 1024
TESTS = []


def row(number, name, seconds=1.0, mib=24):
    """A test of that row; `seconds` and `mib` are what it may cost, the client's own time included."""
    def keep(function):
        TESTS.append((number, name, seconds, mib, function))
        return function
    return keep


def connect(tls=TLS):
    return tls.wrap_socket(socket.create_connection((HOST, PORT), timeout=40))


def read_all(link):
    out = b""
    with contextlib.suppress(OSError):
        while piece := link.recv(65536):
            out += piece
    return out


def raw(data, tls=TLS):
    """Sends bytes as they are; the status of the answer, 0 if there is none, and all of the text."""
    with connect(tls) as link:
        with contextlib.suppress(OSError):
            link.sendall(data)
        text = read_all(link)
    return (int(text[9:12]) if text[:9] == b"HTTP/1.1 " else 0), text


def ask(method, path, body=None, content="application/json", token=ADMIN, tls=TLS, **headers):
    """One proper request; status, headers and the body, as an object if it is JSON."""
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    data = body.encode() if isinstance(body, str) else body or b""
    head = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(data)}"]
    if data:
        head.append(f"Content-Type: {content}")
    if token:
        head.append(f"Authorization: Bearer {token}")
    head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    status, text = raw("\r\n".join(head).encode() + b"\r\n\r\n" + data, tls)
    top, _, rest = text.partition(b"\r\n\r\n")
    with contextlib.suppress(ValueError):
        return status, top.decode("latin1"), json.loads(rest)
    return status, top.decode("latin1"), rest


def want(got, *statuses, words=""):
    status, _, body = got
    assert status in statuses, f"wanted {statuses}, got {status}: {str(body)[:300]}"
    if status >= 400 and isinstance(body, dict):
        assert body.get("kind") == "Status" and body.get("message"), f"no Status: {body}"
    assert words in str(body), f"wanted {words!r} in {str(body)[:300]}"
    return body


def create(plural, body, **more):
    return ask("POST", f"{NS}/{plural}", body, **more)


def config_map(name, **more):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **more}


def pod(name, **more):
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}], **more}}


def peak_mib(reset=False):
    """The most memory that the server held since the last reset."""
    if reset:
        with open(f"/proc/{SERVER}/clear_refs", "w") as f:
            f.write("5")
    with open(f"/proc/{SERVER}/status") as f:
        return int(next(line for line in f if line.startswith("VmHWM")).split()[1]) / 1024


def post(headers, body=b"", path=NS + "/configmaps"):
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\n{headers}\r\n").encode("latin1") + body


# ---- HTTP -------------------------------------------------------------------------------------------------------

EVIL = b"GET /evil HTTP/1.1\r\nHost: x\r\n\r\n"
LONG = "a" * 9 * 1024
HTTP = [
    (1, "chunked and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"0\r\n\r\n"), 400),
    (2, "an unknown coding", post("Transfer-Encoding: xchunked\r\n", EVIL), 400, 501),
    (2, "chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", EVIL), 400, 501),
    (3, "two equal lengths", post("Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"), 400),
    (3, "a list of lengths", post("Content-Length: 3, 3\r\n", b"abc"), 400),
    (3, "two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"), 400),
    (3, "a length with a plus", post("Content-Length: +3\r\n", b"abc"), 400),
    (3, "a negative length", post("Content-Length: -1\r\n"), 400),
    (3, "a length of 23 digits", post("Content-Length: 99999999999999999999999\r\n"), 400),
    (4, "no Host", b"GET / HTTP/1.1\r\n\r\n", 400),
    (4, "two Hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (4, "a URL of another host", b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (5, "a folded header", post("X: a\r\n b\r\n"), 400),
    (5, "a space before the colon", post("Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"), 400),
    (5, "bare line feeds", b"GET / HTTP/1.1\nHost: x\n\n", 400),
    (5, "a NUL", post("A: b\0c\r\n"), 400),
    (5, "a lone carriage return", post("A: b\rB: c\r\n"), 400),
    (6, "chunked in HTTP/1.0", b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (6, "HTTP/0.9", b"GET /\r\n", 400),
    (6, "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (7, "9 KiB of header", post(f"A: {LONG}\r\n"), 431),
    (7, "9 KiB of URI", f"GET /{LONG} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 414),
    (7, "60 KB of chunk extension", post("Transfer-Encoding: chunked\r\n", b"3;" + b"e" * 60000 + b"\r\nabc\r\n0\r\n\r\n"), 400),
    (7, "a chunk size of 17 digits", post("Transfer-Encoding: chunked\r\n", b"FFFFFFFFFFFFFFFFF\r\nabc\r\n"), 400),
    (7, "a negative chunk size", post("Transfer-Encoding: chunked\r\n", b"-3\r\nabc\r\n0\r\n\r\n"), 400),
    (7, "a length in the trailer", post("Transfer-Encoding: chunked\r\n", b"0\r\nContent-Length: 5\r\n\r\n"), 400),
    (8, "a body of 3 MiB and one", post("Content-Length: 3145729\r\n"), 413),
    (8, "a chunked body without end", post("Transfer-Encoding: chunked\r\n", b"10000\r\n" + b"b" * 65536 + (b"\r\n10000\r\n" + b"b" * 65536) * 60), 413),
    (8, "a compressed body", post("Content-Encoding: gzip\r\nContent-Length: 3\r\n", b"abc"), 415),
]
for number, name, data, *statuses in HTTP:
    def one(data=data, statuses=statuses):
        status, text = raw(data)
        assert status in statuses, f"wanted {statuses}, got {status}: {text[:200]}"
        assert text.count(b"\r\nDate: ") == 1, "answered more than once"
    row(number, name)(one)


SILENT = []


@row(9, "ten senders a byte a second are gone within 30 seconds, others are served meanwhile", seconds=35)
def slow_senders():
    SILENT.append(socket.create_connection((HOST, PORT)))  # for the next row: both take half a minute
    SILENT[0].sendall(b"\x16\x03\x01")
    ends = []
    def drip(data):
        begun = time.monotonic()
        with connect() as link, contextlib.suppress(OSError):
            link.settimeout(1)
            for byte in data:
                link.sendall(bytes([byte]))
                try:
                    link.recv(4096)
                    break  # an answer, or the end
                except TimeoutError:
                    continue
        ends.append(time.monotonic() - begun)
    slow = [b"GET /version HTTP/1.1\r\nHost: " + b"x" * 100, post("Content-Length: 1000\r\n") + b"{" * 100]
    threads = [threading.Thread(target=drip, args=(slow[i % 2],)) for i in range(10)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        begun = time.monotonic()
        want(ask("GET", "/version"), 200)
        assert time.monotonic() - begun < 1, "others wait"
        threads[0].join(0.5)
    assert max(ends) < 32, f"the last was gone after {max(ends):.1f} s"


@row(9, "a TLS hello that never comes is not waited for", seconds=35)
def slow_hello():
    with SILENT[0] as link:
        link.settimeout(5)
        assert link.recv(100) == b"", "still open"


@row(9, "two thousand idle connections cost little", seconds=20, mib=80)
def idle_connections():
    links = []
    try:
        for _ in range(2000):
            links.append(socket.create_connection((HOST, PORT), timeout=10))
        want(ask("GET", "/version"), 200)
    finally:
        for link in links:
            link.close()


@row(10, "a watch client that never reads is dropped", seconds=60, mib=128)
def deaf_watcher():
    want(create("configmaps", config_map("noisy")), 201)
    link = socket.create_connection((HOST, PORT), timeout=40)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
    link = TLS.wrap_socket(link)
    link.sendall(f"GET {NS}/configmaps?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\n\r\n".encode())
    assert b"200 OK" in link.recv(400)
    for i in range(24):
        want(ask("PUT", f"{NS}/configmaps/noisy", config_map("noisy", data={"k": chr(97 + i) * 900_000})), 200)
    want(ask("DELETE", f"{NS}/configmaps/noisy"), 200)
    text = read_all(link)  # what was under way, then the end
    assert b'"type":"DELETED"' not in text or text.count(b"MODIFIED") == 24, "events are missing from the middle"
    link.close()


@row(10, "one user has only so many watches", seconds=60, mib=60)
def many_watches():
    want(ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
        "metadata": {"name": "viewers"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "busy"}]}), 201)
    statuses, links = [], []
    try:
        for _ in range(int(os.environ.get("WATCHES_MAX", "20")) + 5):
            link = connect()
            link.sendall(f"GET {NS}/configmaps?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\nImpersonate-User: busy\r\n\r\n".encode())
            statuses.append(int(link.recv(400)[9:12]))
            links.append(link)
    finally:
        for link in links:
            link.close()
    assert statuses[:20] == [200] * 20 and statuses[20:] == [429] * 5, statuses


# ---- YAML and JSON ----------------------------------------------------------------------------------------------

def yaml(text, **more):
    return create("configmaps", text, content="application/yaml", **more)


HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\n"


@row(11, "a YAML alias bomb of nine levels", seconds=0.3, mib=20)
def alias_bomb():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefghi", "bcdefghij"))
    want(yaml(HEAD + bomb), 400)


@row(12, "YAML that contains itself", seconds=0.3)
def yaml_cycle():
    want(yaml(HEAD + "a: &a [*a]\n"), 400)


for depth, statuses in ((400, (201, 400)), (510, (400,)), (100_000, (400,))):
    def deep(depth=depth, statuses=statuses):
        # Unknown fields of any depth that can be read are ignored, with a warning.
        want(yaml(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: deep-{depth}}}\nx: " + "[" * depth + "]" * depth), *statuses)
    row(13, f"YAML {depth} deep", mib=32)(deep)


@row(13, "YAML blocks 2000 deep")
def deep_blocks():
    want(yaml(HEAD + "x:\n" + "".join(" " * (i + 1) + "a:\n" for i in range(2000))), 400)


@row(14, "duplicate keys in YAML and JSON: refused, warned of or ignored, as was asked")
def duplicates():
    text = '{"metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}'
    for body, content in ((text, "application/json"), ("metadata: {name: twice}\ndata:\n  a: '1'\n  a: '2'\n", "application/yaml")):
        path = NS + "/configmaps?dryRun=All&fieldValidation="
        want(ask("POST", path + "Strict", body, content), 400, words="data.a")
        got = ask("POST", path + "Warn", body, content)
        assert want(got, 201)["data"]["a"] == "2" and "Warning: 299" in got[1], got
        got = ask("POST", path + "Ignore", body, content)
        assert want(got, 201)["data"]["a"] == "2" and "Warning:" not in got[1], got


@row(15, "JSON 33 deep is read, 10,000 deep is refused", mib=32)
def deep_json():
    def nested(depth):
        return '{"metadata":{"name":"deep"},"x":' + "[" * depth + "]" * depth + "}"
    want(ask("POST", NS + "/configmaps?dryRun=All", nested(33)), 201)
    want(ask("POST", NS + "/configmaps?dryRun=All", nested(10_000)), 400)
    want(ask("POST", NS + "/configmaps?dryRun=All", nested(1_000_000)), 400)


@row(15, "an array of 1,500,000 elements", seconds=1.5, mib=150)
def long_array():
    body = '{"metadata":{"name":"long"},"x":[' + "1," * 1_499_999 + "1]}"
    want(ask("POST", NS + "/configmaps?dryRun=All", body), 201)


@row(15, "200,000 keys", seconds=2, mib=150)
def many_keys():
    body = '{"metadata":{"name":"keys"},"data":{' + ",".join(f'"k{i}":""' for i in range(200_000)) + "}}"
    want(ask("POST", NS + "/configmaps?dryRun=All", body), 201, 413, 422)


def with_value(text):
    body = '{"metadata":{"name":"n"},"spec":{"replicas":%s,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}'
    return ask("POST", "/apis/apps/v1/namespaces/default/deployments?dryRun=All", body % text)


for text in ("1e400", "18446744073709551616", "NaN", "Infinity", "1.5", "0x10", "01", "+1", "--1", '"1"', "1e", "[1]"):
    row(16, f"{text} as a number of replicas")(lambda text=text: want(with_value(text), 400))


@row(16, "-0 and 1.0 are the integers that they are")
def whole_numbers():
    assert want(with_value("-0"), 201)["spec"]["replicas"] == 0
    for text in ("1.0", "1e0"):
        got = with_value(text)
        assert got[0] == 400 or got[2]["spec"]["replicas"] == 1, got


BROKEN = [
    ("a byte order mark", b"\xef\xbb\xbf{}"), ("a lone surrogate", b'{"metadata":{"name":"\\ud800"}}'),
    ("bad UTF-8", b'{"metadata":{"name":"\xff"}}'), ("something behind the document", b'{"metadata":{"name":"a"}} x'),
    ("two documents", b"{}{}"), ("half a document", b'{"metadata":'), ("a comment", b'{/**/"metadata":{}}'),
    ("single quotes", b"{'metadata':{}}"), ("a comma too many", b'{"metadata":{"name":"a"},}'), ("nothing", b""),
    ("a control character in a string", b'{"metadata":{"name":"a\nb"}}'), ("an array", b"[]"), ("a number", b"1"), ("a NUL", b"{}\0"),
]
for name, text in BROKEN:
    row(16, f"{name} where JSON should be")(lambda text=text: want(create("configmaps", text), 400, 422))


# ---- patches ----------------------------------------------------------------------------------------------------

def patch(body, content="application/json-patch+json", name="victim", **more):
    return ask("PATCH", f"{NS}/configmaps/{name}", body, content, **more)


@row(17, "a JSON patch of 10,001 operations", seconds=0.5)
def long_patch():
    want(patch([{"op": "test", "path": "/kind", "value": "ConfigMap"}] * 10_001), 413, 422)


@row(17, "a JSON patch that doubles a node twenty times", seconds=0.5, mib=32)
def doubling_patch():
    steps = [{"op": "add", "path": "/metadata/annotations", "value": {"a": "x" * 1000}}]
    steps += [{"op": "copy", "from": "/metadata/annotations", "path": f"/metadata/annotations/n{i}"} for i in range(20)]
    want(patch(steps), 413, 422)


BAD_PATCHES = [
    ("an unknown operation", [{"op": "smile", "path": "/data"}]), ("a path that is not there", [{"op": "remove", "path": "/data/none"}]),
    ("a path without a slash", [{"op": "add", "path": "data", "value": 1}]), ("an index far away", [{"op": "add", "path": "/metadata/finalizers/999999999999", "value": "a/b"}]),
    ("a test that fails", [{"op": "test", "path": "/kind", "value": "Pod"}]), ("no path", [{"op": "remove"}]),
    ("moving the whole into itself", [{"op": "move", "from": "/data", "path": "/data/a"}]), ("another kind", [{"op": "replace", "path": "/kind", "value": "Pod"}]),
    ("another name", [{"op": "replace", "path": "/metadata/name", "value": "x"}]), ("an object", {"op": "add"}), ("a word", "patch"),
]
for name, body in BAD_PATCHES:
    row(17, f"a JSON patch with {name}")(lambda body=body: want(patch(body), 400, 422))


@row(17, "merge patches that are no objects, or make none")
def bad_merges():
    merge = "application/merge-patch+json"
    for body in ("[]", "1", '"a"', "{", '{"metadata":[]}', '{"metadata":{"name":"y"}}', '{"data":{"a":1}}', '{"metadata":{"labels":{"a b":"c"}}}'):
        want(patch(body, merge), 400, 422)
    want(patch("{}", "text/plain"), 415)
    want(patch('{"metadata":null,"data":null}', merge), 200, 400, 422)
    want(ask("GET", NS + "/configmaps/victim"), 200)


@row(17, "strategic patches with directives that make no sense")
def bad_strategic():
    strategic = "application/strategic-merge-patch+json"
    for body in ('{"data":{"$patch":"smile"}}', '{"metadata":{"$setElementOrder/finalizers":1}}', '{"metadata":{"ownerReferences":[{"$patch":"delete"}]}}'):
        want(patch(body, strategic), 400, 422, 500)


@row(17, "an apply without a manager, a kind, or a name that fits")
def bad_applies():
    apply = "application/apply-patch+yaml"
    path = NS + "/configmaps/victim"
    want(ask("PATCH", path, config_map("victim"), apply), 400, 422)
    want(ask("PATCH", path + "?fieldManager=m", {"metadata": {"name": "victim"}}, apply), 400)
    want(ask("PATCH", path + "?fieldManager=m", config_map("other"), apply), 400)
    want(ask("PATCH", path + "?fieldManager=" + "m" * 129, config_map("victim"), apply), 422)


# ---- quantities, schedules, numbers -----------------------------------------------------------------------------

for text in ("1e1000000", "9" * 1_000_000, "1 Gi", "1GiB", "--1", "1e", ".", "", "0x1", "1_000", "\u0661"):
    shown = text if len(text) < 20 else f"{len(text)} digits"
    row(19, f"the quantity {shown!r}")(lambda text=text: want(create("pods?dryRun=All", {"metadata": {"name": "q"}, "spec": {
        "containers": [{"name": "c", "image": "i", "resources": {"requests": {"memory": text}}}]}}), 400, 422))


@row(19, "negative quantities are refused, tiny ones rounded up")
def small_quantities():
    def ask_for(amount):
        return create("pods?dryRun=All", {"metadata": {"name": "q"}, "spec": {"containers": [
            {"name": "c", "image": "i", "resources": {"requests": {"cpu": amount}}}]}})
    want(ask_for("-1Gi"), 422)
    # Containers count in thousandths.
    assert want(ask_for("0.0000001m"), 201)["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "1m"
    want(ask_for("9E9999999999"), 400, 422)


for text in ("61 * * * *", "*/0 * * * *", "@every 1ns", "* * * *", "a b c d e", "1-0 * * * *", "* " * 100_000):
    row(20, f"the schedule {text[:20]!r}")(lambda text=text: want(ask("POST", "/apis/batch/v1/namespaces/default/cronjobs?dryRun=All", {
        "metadata": {"name": "c"}, "spec": {"schedule": text, "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}}}), 422))


@row(20, "a time zone outside of its directory")
def time_zones():
    for zone in ("../../etc/passwd", "/etc/passwd", "Local", "Europe/Berlin\u0000"):
        want(ask("POST", "/apis/batch/v1/namespaces/default/cronjobs?dryRun=All", {
            "metadata": {"name": "c"}, "spec": {"schedule": "* * * * *", "timeZone": zone, "jobTemplate": {"spec": {
                "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}}}), 400, 422)


@row(21, "replicas: -1, more than an int32 holds, a million")
def replicas():
    want(with_value("-1"), 422)
    want(with_value("2147483648"), 400)
    want(with_value("1000000"), 201)


# ---- names ------------------------------------------------------------------------------------------------------

for name in ("a" * 254, "..", ".", "A", "\u00e4", "a\0b", "a/b", "a b", "-a", "a_b", "%2e%2e", "a%", "a\nb", "\u202e"):
    row(22, f"the name {name[:12]!r}")(lambda name=name: want(create("configmaps", config_map(name)), 400, 422))


@row(22, "names in paths never leave their place")
def path_names():
    for path in ("/..", "/.", "/%2e%2e", "/%2e%2e%2fsecrets", "/a%2fb", "/a%00", "/../secrets", "//", "/%ff"):
        status = ask("GET", NS + "/configmaps" + path)[0]
        assert status in (400, 404), f"{path}: {status}"
    for ns in ("..", "%2e%2e", "a%2fb", "%00"):
        assert ask("POST", f"/api/v1/namespaces/{ns}/configmaps", config_map("a"))[0] in (400, 403, 404), ns


@row(22, "labels that are too long or of other letters")
def labels():
    for key, value in (("a", "v" * 64), ("k" * 64, "v"), ("a b", "v"), ("a/b/c", "v"), ("", "v"), ("a", "v w"), ("a", "-v"), ("\u00e4", "v"), ("d" * 254 + "/a", "v")):
        body = config_map("l")
        body["metadata"]["labels"] = {key: value}
        want(create("configmaps", body), 422)
    for selector in ("a in", "a in (", "a==", "=a", "a!", ",", "a=b c", "x" * 4000, "a in (" + "b," * 2000 + "b)"):
        from urllib.parse import quote
        status = ask("GET", f"{NS}/configmaps?labelSelector={quote(selector)}")[0]
        assert status in (200, 400, 414), (selector[:20], status)


@row(23, "keys that climb, bodies over a mebibyte, annotations over 256 KiB", seconds=2, mib=48)
def sizes():
    for key in ("../x", "..", "a/b", "", "k" * 254):
        want(create("configmaps", config_map("k", data={key: "v"})), 422)
    want(create("configmaps", config_map("big", data={"k": "v" * (MIB + 1)})), 413, 422)
    want(create("secrets", {"metadata": {"name": "big"}, "data": {"k": base64.b64encode(b"v" * (MIB + 1)).decode()}}), 413, 422)
    noted = config_map("noted")
    noted["metadata"]["annotations"] = {"a": "v" * (256 * 1024 + 1)}
    want(create("configmaps", noted), 422)
    projected = pod("p", volumes=[{"name": "v", "projected": {"sources": [{"configMap": {"name": "c", "items": [{"key": "k", "path": "../../etc/x"}]}}]}}])
    want(create("pods", projected), 422)


# ---- tokens -----------------------------------------------------------------------------------------------------

KEY = DATA + "/pki/service-account.key"
ISSUER = "https://kubernetes.default.svc.cluster.local"


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()


def raw_signature(der):
    """The two numbers of an ECDSA signature as JWS has them, 32 bytes each."""
    out, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        out += der[at + 2 : at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return out


def signed(header, claims, how="es256"):
    text = b64(header) + "." + b64(claims)
    if how == "none":
        return text + "."
    if how == "hs256":
        public = subprocess.run(["openssl", "pkey", "-in", KEY, "-pubout"], capture_output=True, check=True).stdout
        return text + "." + b64(hmac.new(public, text.encode(), hashlib.sha256).digest())
    out = subprocess.run(["openssl", "dgst", "-sha256", "-sign", KEY], input=text.encode(), capture_output=True, check=True)
    return text + "." + b64(raw_signature(out.stdout))


def real_token():
    """A good token, taken apart, to be spoilt in one way after the other."""
    create("serviceaccounts", {"metadata": {"name": "robot"}})
    made = want(ask("POST", NS + "/serviceaccounts/robot/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}), 201)
    token = made["status"]["token"]
    parts = [json.loads(base64.urlsafe_b64decode(p + "==")) for p in token.split(".")[:2]]
    return token, parts[0], parts[1]


def who(token):
    return ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}, token=token)


@row(24, "a good token is taken, and a resigned copy of it", seconds=2)
def good_token():
    token, header, claims = real_token()
    want(who(token), 201, words="system:serviceaccount:default:robot")
    want(who(signed(header, claims)), 201)


def spoilt(name, change, how="es256"):
    def test():
        _, header, claims = real_token()
        change(header, claims)
        want(who(signed(header, claims, how)), 401)
    row(24, f"a token {name}", seconds=2)(test)


now = int(time.time())
spoilt("without a signature (alg none)", lambda h, c: h.update(alg="none"), "none")
spoilt("signed with the public key (HS256)", lambda h, c: h.update(alg="HS256"), "hs256")
spoilt("whose key id is a path", lambda h, c: h.update(kid="../../../etc/passwd"))
spoilt("for another audience", lambda h, c: c.update(aud=["elsewhere"]))
spoilt("that has expired", lambda h, c: c.update(exp=now - 10))
spoilt("from the future", lambda h, c: c.update(nbf=now + 3600))
spoilt("of another issuer", lambda h, c: c.update(iss="https://evil"))
spoilt("of an account with another uid", lambda h, c: c["kubernetes.io"]["serviceaccount"].update(uid="x"))
spoilt("without an end", lambda h, c: c.pop("exp"))
spoilt("with a critical extension", lambda h, c: h.update(crit=["b64"], b64=False))


@row(24, "tokens that are none")
def no_tokens():
    token, _, _ = real_token()
    for bad in (".", "..", "...", "a.b.c", token[:-4], token + "AAAA", token.replace(".", ".."), "x" * 7000, token[:40] + "\u00e4"):
        status = who(bad)[0]
        assert status in (400, 401), (bad[:20], status)
    status = raw(b"GET /api HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"x" * 65536 + b"\r\n\r\n")[0]
    assert status in (401, 431), status


@row(24, "a token dies with the pod that it is bound to", seconds=2)
def dead_token():
    create("serviceaccounts", {"metadata": {"name": "robot"}})
    want(create("pods", pod("bound", serviceAccountName="robot")), 201)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "bound"}}}
    token = want(ask("POST", NS + "/serviceaccounts/robot/token", request), 201)["status"]["token"]
    want(who(token), 201)
    want(ask("DELETE", NS + "/pods/bound?gracePeriodSeconds=0"), 200)
    want(who(token), 401)


# ---- certificates, impersonation, roles, nodes ------------------------------------------------------------------

def certificate(subject, extra=(), authority=None, days="1"):
    """A client context with a certificate made for it."""
    base = f"{DATA}/made-{len(os.listdir(DATA))}"
    key, request, made, ext = base + ".key", base + ".csr", base + ".crt", base + ".ext"
    subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", subject], capture_output=True, check=True)
    with open(ext, "w") as f:
        f.write("\n".join(extra) or "extendedKeyUsage=clientAuth")
    ca = authority or DATA + "/pki/ca"
    subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA", ca + ".crt", "-CAkey", ca + ".key", "-CAcreateserial", "-CAserial", base + ".srl", "-days", days, "-extfile", ext, "-out", made], capture_output=True, check=True)
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.load_cert_chain(made, key)
    return tls


def by(tls):
    return ask("GET", NS + "/configmaps", token=None, tls=tls)


@row(25, "certificates of another authority, out of date, or made for servers", seconds=10)
def certificates():
    want(by(certificate("/O=system:masters/CN=good")), 200)
    other = DATA + "/other"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", other + ".key", "-out", other + ".crt", "-subj", "/CN=troupe-ca", "-days", "1"], capture_output=True, check=True)
    assert by(certificate("/O=system:masters/CN=evil", authority=other))[0] in (0, 401)
    assert by(certificate("/O=system:masters/CN=server", ["extendedKeyUsage=serverAuth"]))[0] in (0, 401)
    assert by(certificate("/O=system:masters/CN=late", days="-1"))[0] in (0, 401)


@row(25, "signing requests for administrators and for servers are refused", seconds=10)
def masters_by_request():
    for group in ("system:masters", "troupe:servers"):
        subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", DATA + "/m.key", "-out", DATA + "/m.csr", "-subj", "/O=" + group + "/CN=me"], capture_output=True, check=True)
        with open(DATA + "/m.csr", "rb") as f:
            text = base64.b64encode(f.read()).decode()
        for signer, statuses in (("kubernetes.io/kube-apiserver-client", (403,)), ("kubernetes.io/kube-apiserver-client-kubelet", (201, 403))):
            want(ask("POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests", {
                "metadata": {"generateName": "m-"}, "spec": {"request": text, "signerName": signer, "usages": ["client auth"]}}), *statuses)


@row(26, "impersonation without the right, and headers of proxies")
def impersonation():
    token, _, _ = real_token()
    want(ask("GET", NS + "/configmaps", token=token, Impersonate_User="admin"), 403)
    want(ask("GET", NS + "/configmaps", token=token, Impersonate_Group="system:masters", Impersonate_User="x"), 403)
    want(ask("GET", NS + "/configmaps", token=None, X_Remote_User="admin", X_Remote_Group="system:masters"), 403)
    status = ask("GET", NS + "/configmaps", Impersonate_Group="system:masters")[0]
    assert status in (400, 500), status


@row(27, "nobody grants more than they have")
def escalation():
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    want(ask("POST", rbac + "/clusterroles", {"metadata": {"name": "granter"}, "rules": [
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["get", "create"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}), 201)
    want(ask("POST", rbac + "/namespaces/default/rolebindings", {"metadata": {"name": "granter"}, "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "granter"},
        "subjects": [{"kind": "User", "name": "gina", "apiGroup": "rbac.authorization.k8s.io"}]}), 201)
    def role(*rules):
        return ask("POST", rbac + "/namespaces/default/roles", {"metadata": {"generateName": "r-"}, "rules": list(rules)}, Impersonate_User="gina")
    want(role({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}), 201)
    want(role({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}), 403, words="secrets")
    want(role({"apiGroups": [""], "resources": ["pods/*"], "verbs": ["get"]}), 403, words="pods/*")
    want(role({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}), 403)
    want(ask("POST", rbac + "/namespaces/default/rolebindings", {"metadata": {"name": "up"}, "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": "gina", "apiGroup": "rbac.authorization.k8s.io"}]}, Impersonate_User="gina"), 403)


@row(28, "a node reads and writes what is its own", seconds=10)
def nodes():
    tls = certificate("/O=system:nodes/CN=system:node:a")
    def node(method, path, body=None, content="application/json"):
        return ask(method, path, body, content, token=None, tls=tls)
    for n in "ab":
        want(ask("POST", "/api/v1/nodes", {"metadata": {"name": n}}), 201)
        want(create("secrets", {"metadata": {"name": "of-" + n}}), 201)
        want(create("pods", pod("on-" + n, nodeName=n, serviceAccountName="robot", volumes=[{"name": "v", "secret": {"secretName": "of-" + n}}])), 201)
    merge = "application/merge-patch+json"
    want(node("GET", NS + "/secrets/of-a"), 200)
    want(node("GET", NS + "/secrets/of-b"), 403, words="no relationship")
    want(node("GET", NS + "/secrets"), 403)
    want(node("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Da"), 200)
    want(node("GET", "/api/v1/pods"), 403)
    want(node("PATCH", "/api/v1/nodes/a", {"metadata": {"labels": {"fine": "1"}}}, merge), 200)
    want(node("PATCH", "/api/v1/nodes/a", {"metadata": {"labels": {"node-restriction.kubernetes.io/x": "1"}}}, merge), 403)
    want(node("PATCH", "/api/v1/nodes/a", {"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}}, merge), 403)
    want(node("PATCH", "/api/v1/nodes/b", {"metadata": {"labels": {"x": "1"}}}, merge), 403)
    want(node("PATCH", NS + "/pods/on-a/status", {"status": {"message": "m"}}, merge), 200)
    want(node("PATCH", NS + "/pods/on-b/status", {"status": {"message": "m"}}, merge), 403)
    want(node("POST", NS + "/pods", pod("mine", nodeName="a", serviceAccountName="robot")), 403)
    want(node("DELETE", NS + "/pods/on-b"), 403)
    def token(n):
        return node("POST", NS + "/serviceaccounts/robot/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {
            "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "on-" + n, "uid": want(ask("GET", NS + "/pods/on-" + n), 200)["metadata"]["uid"]}}})
    want(token("a"), 201)
    want(token("b"), 403)


# ---- lists ------------------------------------------------------------------------------------------------------

@row(39, "continue tokens and versions that are forged, gone or to come")
def tokens_of_lists():
    for token in ("x", "AAAA", base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1","rv":1,"start":"../../secrets/"}').decode().rstrip("="), "%00", "a" * 2000):
        status = ask("GET", f"{NS}/configmaps?limit=1&continue={token}")[0]
        assert status in (400, 410), (token[:20], status)
    for version, statuses in (("abc", (400,)), ("-1", (400,)), ("99999999999999999999999", (400,)), ("999999999", (504,)), ("1.5", (400,))):
        want(ask("GET", f"{NS}/configmaps?resourceVersion={version}"), *statuses)
        want(ask("GET", f"{NS}/configmaps?watch=1&timeoutSeconds=1&resourceVersion={version}"), *statuses, 200)
    for limit in ("-1", "x", "1e3", "99999999999999999999"):
        want(ask("GET", f"{NS}/configmaps?limit={limit}"), 200, 400)


def main():
    chosen = sys.argv[1:]
    want(create("serviceaccounts", {"metadata": {"name": "default"}}), 201)
    want(create("configmaps", config_map("victim", data={"a": "b"})), 201)
    failures = 0
    for number, name, seconds, mib, test in TESTS:
        title = f"row {number}: {name}"
        if chosen and not any(c in title for c in chosen):
            continue
        before, begun = peak_mib(reset=True), time.monotonic()
        try:
            test()
            took, grown = time.monotonic() - begun, peak_mib() - before
            if took > 5:
                print(f"{title}: {took:.0f} s", flush=True)
            assert took <= seconds * float(os.environ.get("PATIENCE", "3")), f"it took {took:.2f} s, {seconds} s at most"
            assert grown <= mib, f"it took {grown:.0f} MiB, {mib} at most"
        except Exception as e:  # a test that breaks in any way has failed
            failures += 1
            print(f"FAILED {title}: {type(e).__name__}: {e}"[:600], flush=True)
    want(ask("GET", "/readyz"), 200)
    print(f"{len(TESTS)} hostile inputs, {failures} not answered as they should be")
    sys.exit(failures > 0)


main()
