"""Requests at random against a running server, for builds with sanitizers: manifests, patches, protobuf, YAML,
selectors, definitions, watches, upgrades and plain bytes, made from those of other tests by small and large
changes. What is answered does not matter, only that something is, and that it is no fault of the server's (500).
  random_requests.py SEED SECONDS CORPUS_DIR...   with URL, TOKEN and SERVER (its process) in the environment
Ends with 1 if the server has ended, with its last requests in random-last.txt ($DATA)."""
import base64, collections, contextlib, glob, json, os, random, re, socket, ssl, struct, sys, threading, time, zlib
from urllib.parse import quote

HOST, PORT = os.environ["URL"].rsplit("/", 1)[1].split(":")
PORT, TOKEN, SERVER = int(PORT), os.environ["TOKEN"], int(os.environ["SERVER"])
TLS = ssl.create_default_context()
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE
NAMES = ["a", "b", "c-1", "web", "web-0", "x" * 253, "x" * 254, "A", "..", ".", "a.b", "-", "", "%00", "é", "a/b", "default", "kube-system"]
NUMBERS = [0, 1, -1, 2, 7, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**32, 2**53, 2**63 - 1, 2**63, -2**63, -2**63 - 1, 2**64 - 1, 2**64, 10**30,
           0.5, -0.0, 1e308, 1e-308, 1.5e300, 65535, 65536, 100, 1000000]
TEXTS = NAMES + ["1", "-1", "100%", "101%", "99999999999%", "1Gi", "1e1000000", "9" * 40, "0.0000001m", "-1Gi", "1e19", "9223372036854775807",
                 "9223372036854775808Ki", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z", "-0001-01-01T00:00:00Z",
                 "2024-02-30T00:00:00Z", "10.0.0.1", "10.96.0.1", "::1", "fe80::1%lo", "0.0.0.0/0", "10.0.0.0/33", "::/0", "* * * * *", "@every 1s", "*/0 * * * *",
                 "0 0 31 2 *", "(a+)+$", "[", "^.*$", "a" * 5000, "\u0000", "\ud7ff\U0001f600", "\x1b[31m", "$(A)", "$patch", "replace", "delete", "null", "true",
                 "Exists", "In", "DoesNotExist", "kubernetes.io/hostname", "apps/v1", "v1", "Pod", "RollingUpdate", "Recreate", "OnDelete", "Always", "Never",
                 "ClusterIP", "None", "ExternalName", "NodePort", "UDP", "SCTP", "Foreground", "Background", "Orphan", "foregroundDeletion", "metadata.name",
                 "status.podIP", "limits.cpu", "IfNotPresent", "SYS_ADMIN", "europe/berlin", "Europe/Berlin", "../../etc/passwd", "sha256:" + "0" * 64,
                 "int-or-string", "date-time", "byte", "ipv4", "uuid", "cidr", "duration", "bsonobjectid", "isbn10", "creditcard", "hexcolor", "rgbcolor", "quantity",
                 "base64", "1h2m3.5s", "9223372036854775807h"]
QUERY = {"watch": ["1", "0", "true", "", "x"], "limit": ["1", "2", "0", "-1", "9223372036854775807", "x"], "resourceVersion": ["0", "1", "5", "-1", "999999999", "x", "18446744073709551615"],
         "resourceVersionMatch": ["Exact", "NotOlderThan", "x"], "timeoutSeconds": ["1", "0", "-1", "x", "9223372036854775807"], "allowWatchBookmarks": ["1", "true"],
         "sendInitialEvents": ["1", "true", "false"], "continue": None, "labelSelector": None, "fieldSelector": None, "pretty": ["1", "x"], "dryRun": ["All", "x", "All"],
         "fieldManager": ["m", "n", "é\u0001", "m" * 129], "force": ["1", "true", "x"], "fieldValidation": ["Strict", "Warn", "Ignore", "x"], "gracePeriodSeconds": ["0", "1", "-1", "9223372036854775807", "x"],
         "propagationPolicy": ["Foreground", "Background", "Orphan", "x"], "orphanDependents": ["1", "false"], "includeObject": ["None", "Object", "Metadata", "x"],
         "tailLines": ["1", "-1", "9223372036854775807"], "sinceTime": ["x", "2024-01-01T00:00:00Z"], "container": ["c", "x"], "command": ["a", "\n"], "stdin": ["1"], "tty": ["1"], "stdout": ["1"],
         "ports": ["80", "0", "65536", "x"], "path": ["a", "../.."], "follow": ["1"], "limitBytes": ["1", "0"], "time": ["2024-01-01T00:00:00Z", "x"], "ignoreStoreReadErrorWithClusterBreakingPotential": ["1"]}
SELECTORS = ["a", "!a", "a=b", "a==b", "a!=b", "a in (b,c)", "a notin (b)", "a in ()", "a>1", "a<x", "metadata.name=a", "metadata.namespace!=b", "status.phase=Running", "spec.nodeName=",
             "involvedObject.name=x", "type=Opaque", "spec.unschedulable=true", "a\\=b=c\\,d", "a=b=c", "metadata.name in (a)", "reason=x", "secret.x=y"]
TYPES = ["application/json"] * 6 + ["application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", "application/cbor", "", "application/json;charset=utf-8"]
PATCHES = ["application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml", "application/apply-patch+json"]
ACCEPTS = [""] * 40 + ["application/json", "*/*", "application/yaml", "application/vnd.kubernetes.protobuf", "application/json;as=Table;v=v1;g=meta.k8s.io", "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
           "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
           "application/vnd.kubernetes.protobuf;stream=watch", "application/json;stream=watch", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf", "text/html;q=x;;,=,;q=0.5"]
KNOWN = [b"range is full", b"more than one PodDisruptionBudget"]  # what Kubernetes calls an InternalError, too
SUBS = ["status", "scale", "exec", "attach", "portforward", "log", "eviction", "binding", "proxy", "ephemeralcontainers", "resize", "token", "approval", "finalize", "nothing"]


class corpus:
    """What other tests send: requests, objects by kind, protobuf, texts."""
    def __init__(self, folders):
        self.cases, self.requests, self.trees, self.protobuf, self.texts = [], [], [], [], []
        for path in sorted(p for f in folders for p in glob.glob(f + "/**", recursive=True) if os.path.isfile(p)):
            with open(path, "rb") as f:
                data = f.read(200000)
            if data.startswith(b"k8s\0") or path.endswith(".pb"):
                self.protobuf.append(data)
                continue
            self.texts.append(data)
            with contextlib.suppress(ValueError):
                if data.count(b"[[[[[["):
                    continue  # too deep for what follows
                before = len(self.requests)
                self.take(json.loads(data))
                if len(self.requests) > before:
                    self.cases.append(self.requests[before:])
        self.parts = [t for tree in self.trees for t in subtrees(tree)]
        self.words = sorted({k for p in self.parts if isinstance(p, dict) for k in p})
        self.texts_short = sorted({p for p in self.parts if isinstance(p, str) and len(p) < 200})

    def take(self, tree):
        for step in tree.get("steps", ()) if isinstance(tree, dict) else ():
            self.take({"steps": step.get("steps", ())})
            line = step.get("request") or step.get("poll") and "GET " + step["poll"] or step.get("watch") and "GET " + step["watch"]
            if not line:
                continue
            method, path = line.split(" ", 1)
            body = step.get("body")
            if body is not None:
                self.trees.append(body)
            self.requests.append((method, path, body, step.get("type"), step.get("accept")))
        if not isinstance(tree, dict) or "steps" not in tree:
            self.trees.append(tree)


def subtrees(tree):
    yield tree
    for below in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from subtrees(below)


class maker:
    """Everything that is at random, from one seed."""
    def __init__(self, seed, have, kinds):
        self.r, self.have, self.kinds = random.Random(seed), have, kinds
        self.continues = ["", "x", "e30"]
        self.crds, self.next, self.fill = [], [], {}

    def odds(self, p):
        return self.r.random() < p

    def value(self):
        r = self.r
        return r.choice([lambda: r.choice(NUMBERS), lambda: r.choice(TEXTS), lambda: r.choice([None, True, False, {}, [], [[]], [None], {"": None}, [{}], ""]),
                         lambda: r.choice(self.have.parts), lambda: r.choice(self.have.texts_short), lambda: {r.choice(self.have.words): r.choice(self.have.parts)}])()

    def change(self, tree, times=None):
        """A copy with a few changes, anywhere."""
        tree = json.loads(json.dumps(tree))
        for _ in range(times if times is not None else self.r.choice([0, 1, 1, 1, 2, 3, 8])):
            tree = self.change_once(tree)
        return tree

    def change_once(self, tree):
        r, places = self.r, []
        def walk(at):
            for k in list(at) if isinstance(at, dict) else range(len(at)) if isinstance(at, list) else ():
                places.append((at, k))
                walk(at[k])
        walk(tree)
        if not places:
            return self.value()
        at, k = r.choice(places)
        what = r.randrange(8)
        if what < 3:
            at[k] = self.value()
        elif what == 3 and isinstance(at, dict):
            del at[k]
        elif what == 4 and isinstance(at, list):
            at.extend([at[k]] * r.choice([1, 1, 2, 50]))
        elif what == 5:
            at[k] = [at[k]] if self.odds(.5) else {r.choice(self.have.words): at[k]}
        elif isinstance(at, dict):
            at[r.choice(self.have.words)] = self.value()
        else:
            r.shuffle(at)
        return tree

    def bytes(self, data):
        """A copy of some bytes with a few changed, cut, or put twice."""
        r, data = self.r, bytearray(data)
        for _ in range(r.choice([1, 1, 2, 4, 16])):
            if not data:
                break
            i, j = sorted((r.randrange(len(data)), r.randrange(len(data))))
            what = r.randrange(7)
            if what < 2:
                data[i] = r.choice([0, 0xff, 0x7f, 0x80, r.randrange(256)])
            elif what == 2:
                data[i] ^= 1 << r.randrange(8)
            elif what == 3:
                del data[i:min(j, i + 30)]
            elif what == 4:
                data[i:i] = data[i:min(j, i + 300)]
            elif what == 5:
                data[i:i] = r.choice([b"\xff" * 9 + b"\x01", b"\0", b"\x0a\x00", b"\xff\xff\xff\xff\x0f", b"&a [*a]", b"{", b"]", b'"', b"\\u", b"\xed\xa0\x80", b"---\n", b"<<: ", b"!!binary ", b"? ", b"|2\n"])
            else:
                del data[j:]
        return bytes(data)

    def json(self, tree):
        text = json.dumps(tree)
        if self.odds(.05):
            text = re.sub(r"\d+", lambda m: m.group() + self.r.choice(["", "e5", ".0", "e400"]), text, count=1)
        return self.bytes(text.encode()) if self.odds(.08) else text.encode()

    def selector(self):
        text = ",".join(self.r.choice(SELECTORS) for _ in range(self.r.choice([1, 1, 2, 3, 40])))
        return self.bytes(text.encode()).decode("latin1") if self.odds(.3) else text

    def query(self, some=3):
        out = []
        for _ in range(self.r.randrange(some + 1)):
            name = self.r.choice(list(QUERY))
            if name in ("labelSelector", "fieldSelector"):
                value = self.selector()
            elif name == "continue":
                value = self.r.choice(self.continues)
                value = self.bytes(value.encode()).decode("latin1") if self.odds(.5) else value
            else:
                value = self.r.choice(QUERY[name])
            out.append(name + "=" + (quote(value, safe="") if self.odds(.97) else value.replace(" ", "+").replace("\r", "").replace("\n", "")))
        return "&".join(out)

    def path(self, group, plural, namespaced, name=None, sub=None):
        out = group + ("/namespaces/default/" if namespaced else "/") + plural
        if self.odds(.03):
            out = group + "/" + plural
        out += "/" + name if name else ""
        return out + ("/" + sub if sub else "")

    def of_kind(self):
        """A kind, a body for it and its path."""
        group, plural, namespaced, kind, version = self.r.choice(self.kinds)
        fitting = [t for t in self.have.trees if isinstance(t, dict) and t.get("kind") == kind] if self.odds(.9) else self.have.trees
        tree = self.change(self.r.choice(fitting or self.have.trees))
        if isinstance(tree, dict) and self.odds(.9):
            tree["kind"], tree["apiVersion"] = kind, version
            if not isinstance(tree.get("metadata"), dict):
                tree["metadata"] = {}
            tree["metadata"].pop("namespace", None)
            tree["metadata"]["name"] = self.r.choice(NAMES[:5])
        return group, plural, namespaced, kind, tree

    # Each gives (method, target, headers, body).

    def recorded(self):
        """The next request of a recorded case, changed or not: later ones count on what earlier ones made."""
        if not self.have.cases:
            return self.create()
        if not self.next:
            self.next = list(self.r.choice(self.have.cases))
            self.fill = {"ns": "default", "uniq": "u%d" % self.r.randrange(30)}
        method, path, body, kind, accept = self.next.pop(0)
        fill = lambda text: re.sub(r"\{(\w+)\}", lambda m: str(self.fill.get(m.group(1), self.r.randrange(3000))), text)
        target = fill(path)
        extra = self.query() if self.odds(.2) else ""
        target += ("&" if "?" in target else "?") + extra if extra else ""
        changed = self.change(body) if self.odds(.4) else body
        data = b"" if body is None else fill(self.json(changed).decode("latin1")).encode("latin1")
        if kind is None and method == "PATCH" or self.odds(.03):
            kind = self.r.choice(PATCHES)
        return method, target, {"Content-Type": kind or "application/json", "Accept": accept or self.r.choice(ACCEPTS)}, data

    def create(self):
        group, plural, namespaced, _, tree = self.of_kind()
        method = self.r.choice(["POST", "POST", "POST", "PUT"])
        name = tree.get("metadata", {}).get("name") if method == "PUT" and isinstance(tree, dict) and isinstance(tree.get("metadata"), dict) else None
        target = self.path(group, plural, namespaced, quote(str(name), safe="") if name else None)
        query = self.query(2)
        return method, target + "?" + query, {"Content-Type": self.r.choice(TYPES), "Accept": self.r.choice(ACCEPTS)}, self.json(tree)

    def protobuf(self):
        group, plural, namespaced, *_ = self.r.choice(self.kinds)
        data = self.r.choice(self.have.protobuf)
        found = re.match(rb"k8s\0\n.\n.(?P<v>[a-z0-9./]+)\x12.(?P<k>[A-Za-z]+)", data, re.S)
        fit = found and [k for k in self.kinds if k[3] == found["k"].decode()]
        if fit:
            group, plural, namespaced, *_ = self.r.choice(fit)
        method, name = ("POST", None) if self.odds(.7) else ("PUT", self.r.choice(NAMES[:5]))
        data = self.bytes(data) if self.odds(.9) else data
        return method, self.path(group, plural, namespaced, name) + "?" + self.query(1), {"Content-Type": "application/vnd.kubernetes.protobuf", "Accept": self.r.choice(ACCEPTS)}, data

    def yaml(self):
        group, plural, namespaced, _, tree = self.of_kind()
        if self.odds(.4):
            data = self.bytes(self.r.choice(self.have.texts))
        else:
            data = to_yaml(tree, 0).encode("utf-8", "surrogatepass")
            data = self.bytes(data) if self.odds(.7) else data
        if self.odds(.5):
            return "POST", self.path(group, plural, namespaced), {"Content-Type": "application/yaml", "Accept": self.r.choice(ACCEPTS)}, data
        return "PATCH", self.path(group, plural, namespaced, self.r.choice(NAMES[:5])) + "?fieldManager=m&" + self.query(1), {"Content-Type": PATCHES[3]}, data

    def pointer(self):
        word = lambda: self.r.choice([self.r.choice(self.have.words), "0", "1", "-", "01", "-1", "99999999999999999999", "", "~", "~0", "~1", "~2"])
        return "".join("/" + word() for _ in range(self.r.randrange(6))) if self.odds(.4) else \
            self.r.choice(["/metadata/labels", "/metadata/annotations/a", "/spec/template/spec/containers/0", "/spec/containers/0/env/-", "/spec", "/spec/ports/0", "/metadata", "/data", "", "/metadata/finalizers/0", "/metadata/ownerReferences", "/status", "/spec/template/metadata/labels"])

    def patch(self):
        group, plural, namespaced, kind, tree = self.of_kind()
        how = self.r.choice(PATCHES)
        if how == PATCHES[0]:
            body = [{"op": self.r.choice(["add", "remove", "replace", "move", "copy", "test", "x"]), "path": self.pointer(), "from": self.pointer(), "value": self.value()} for _ in range(self.r.choice([1, 2, 5, 20]))]
            body = self.change(body, 1) if self.odds(.2) else body
        else:
            body = tree
            if how == PATCHES[2]:
                for _ in range(self.r.randrange(3)):
                    at = [t for t in subtrees(body) if isinstance(t, dict)]
                    if at:
                        word = self.r.choice(self.have.words)
                        self.r.choice(at)[self.r.choice(["$patch", "$retainKeys", "$setElementOrder/" + word, "$setElementOrder/containers", "$setElementOrder/ports", "$deleteFromPrimitiveList/" + word, "$deleteFromPrimitiveList/finalizers", "$x"])] = \
                            self.r.choice(["replace", "delete", "merge", [], ["a"], [{"name": "c"}], [{"containerPort": 80}], self.value()])
        name = self.r.choice(NAMES[:5])
        sub = self.r.choice([None, None, None, "status", "scale", self.r.choice(SUBS)])
        query = self.query(2)
        if "apply" in how:
            query += "&fieldManager=" + self.r.choice("mno") + self.r.choice(["", "&force=1"])
        return "PATCH", self.path(group, plural, namespaced, name, sub) + "?" + query, {"Content-Type": how, "Accept": self.r.choice(ACCEPTS)}, self.json(body)

    def schema(self, depth=0):
        r, word = self.r, lambda: r.choice(["a", "b", "c", "spec", "status", "replicas", "metadata", "kind", "apiVersion", "", "a.b", "items"])
        out = {"type": r.choice(["object", "object", "object", "array", "string", "integer", "number", "boolean", "", "x"])} if self.odds(.9) else {}
        if depth < 5 and out.get("type") == "object" and self.odds(.9):
            out["properties"] = {word(): self.schema(depth + 1) for _ in range(r.randrange(4))}
        if depth < 5 and (out.get("type") == "array" or self.odds(.05)):
            out["items"] = self.schema(depth + 1)
        choose = {"additionalProperties": lambda: r.choice([True, False, self.schema(depth + 2)]), "x-kubernetes-preserve-unknown-fields": lambda: True, "x-kubernetes-int-or-string": lambda: True,
                  "x-kubernetes-embedded-resource": lambda: True, "x-kubernetes-list-type": lambda: r.choice(["map", "set", "atomic", "x"]), "x-kubernetes-list-map-keys": lambda: r.choice([["a"], ["a", "b"], [], ["zz"]]),
                  "x-kubernetes-map-type": lambda: r.choice(["atomic", "granular", "x"]), "nullable": lambda: True, "default": lambda: self.value(), "enum": lambda: [self.value() for _ in range(r.randrange(4))],
                  "pattern": lambda: r.choice(TEXTS), "format": lambda: r.choice(TEXTS), "minimum": lambda: r.choice(NUMBERS), "maximum": lambda: r.choice(NUMBERS), "multipleOf": lambda: r.choice(NUMBERS), "minLength": lambda: r.choice(NUMBERS),
                  "maxLength": lambda: r.choice(NUMBERS), "minItems": lambda: r.choice(NUMBERS), "maxItems": lambda: r.choice(NUMBERS), "uniqueItems": lambda: r.choice([True, False]), "minProperties": lambda: r.choice(NUMBERS),
                  "maxProperties": lambda: r.choice(NUMBERS), "required": lambda: [word() for _ in range(r.randrange(3))], "exclusiveMinimum": lambda: True, "title": lambda: r.choice(TEXTS), "description": lambda: r.choice(TEXTS),
                  "allOf": lambda: [self.schema(depth + 3)], "anyOf": lambda: [self.schema(depth + 3) for _ in range(r.randrange(3))], "oneOf": lambda: [self.schema(depth + 3)], "not": lambda: self.schema(depth + 3),
                  "x-kubernetes-validations": lambda: [{"rule": r.choice(["self.a > 1", "true", "self", "(", "has(self.a)"]), "message": "m"}], "$ref": lambda: "#/a", "example": lambda: self.value(), "externalDocs": lambda: {"url": "x"}}
        for _ in range(r.choice([0, 0, 1, 2, 4])):
            name = r.choice(list(choose))
            if name == "x-kubernetes-list-type" and self.odds(.7):
                out["type"] = "array"
                out.setdefault("items", self.schema(depth + 3))
            if depth < 6 or name not in ("allOf", "anyOf", "oneOf", "not", "additionalProperties"):
                out[name] = choose[name]()
        return out

    def definition(self):
        r = self.r
        plural, group = r.choice(["as", "bs", "cs", "ds"]), r.choice(["odd.example.com", "even.example.com"])
        root = self.schema()
        root["type"] = "object" if self.odds(.95) else "array"
        versions = [{"name": v, "served": self.odds(.9), "storage": i == 0, "schema": {"openAPIV3Schema": root if i == 0 else self.schema()}} for i, v in enumerate(r.sample(["v1", "v1beta1", "v2alpha3"], r.choice([1, 1, 2])))]
        for v in versions:
            if self.odds(.5):
                v["subresources"] = r.choice([{"status": {}}, {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.a"}}])
            if self.odds(.6):
                paths = [".metadata.name", ".spec.a", ".spec.a[*].b", ".spec['a']", ".a[0]", ".a[-1]", ".a[1:2]", "..", ".", "{.a}", ".a[?(@.b==1)]", ".metadata.creationTimestamp", ".status.replicas", ".a[99999999999999999999]", ".metadata.labels['a']", "["]
                v["additionalPrinterColumns"] = [{"name": "N%d" % i, "type": r.choice(["string", "integer", "number", "boolean", "date", "x"]), "jsonPath": r.choice(paths), "format": r.choice(["", "int64", "date-time"]), "priority": r.choice([0, 1, -1])} for i in range(r.randrange(5))]
            if self.odds(.3):
                v["selectableFields"] = [{"jsonPath": r.choice([".spec.a", ".a", ".spec.b.c", "", ".metadata.name"])}]
        kind = plural[0].upper()
        body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": plural + "." + group},
                "spec": {"group": group, "scope": r.choice(["Namespaced", "Cluster"]), "names": {"plural": plural, "kind": kind, "singular": kind.lower(), "shortNames": r.choice([[], ["po"], ["aa"]]), "categories": ["all"]}, "versions": versions,
                         "preserveUnknownFields": False}}
        if self.odds(.25):
            body = self.change(body)
        base = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        self.crds = (self.crds + [(group, plural, kind, v["name"], root) for v in versions])[-12:]
        how = r.randrange(10)
        if how < 5:
            return "POST", base, {"Content-Type": "application/json"}, self.json(body)
        if how == 5:
            return "DELETE", base + "/" + plural + "." + group, {}, b""
        return "PATCH", base + "/" + plural + "." + group + "?fieldManager=m&force=1", {"Content-Type": r.choice(PATCHES[1:2] + PATCHES[3:])}, self.json(body)

    def fitting(self, schema, depth=0):
        """Something near to what a schema asks for."""
        r, kind = self.r, schema.get("type") if isinstance(schema, dict) else None
        if self.odds(.12) or depth > 8:
            return self.value()
        if kind == "object":
            out = {k: self.fitting(v, depth + 1) for k, v in schema.get("properties", {}).items() if self.odds(.8)}
            if self.odds(.2):
                out[r.choice(["a", "x", ""])] = self.value()
            return out
        if kind == "array":
            return [self.fitting(schema.get("items", {}), depth + 1) for _ in range(r.randrange(4))]
        return {"string": lambda: r.choice(TEXTS), "integer": lambda: r.choice(NUMBERS), "number": lambda: r.choice(NUMBERS), "boolean": lambda: self.odds(.5)}.get(kind, self.value)()

    def custom(self):
        if not self.crds:
            return self.definition()
        r = self.r
        group, plural, kind, version, schema = r.choice(self.crds)
        tree = self.fitting(schema)
        if not isinstance(tree, dict):
            tree = {"a": tree}
        tree.update({"apiVersion": group + "/" + version, "kind": kind, "metadata": {"name": r.choice(NAMES[:5])}})
        base = "/apis/" + group + "/" + version + r.choice(["", "/namespaces/default", "/namespaces/default"]) + "/" + plural
        name = "/" + tree["metadata"]["name"] + r.choice(["", "", "/status", "/scale"])
        accept = r.choice(ACCEPTS)
        how = r.randrange(8)
        if how < 3:
            return "POST", base + "?" + self.query(1), {"Content-Type": r.choice(TYPES), "Accept": accept}, self.json(tree)
        if how == 3:
            return "PUT", base + name, {"Content-Type": "application/json", "Accept": accept}, self.json(tree)
        if how == 4:
            return "GET", base + r.choice(["", name]) + "?" + self.query(3), {"Accept": accept}, b""
        if how == 5:
            return "DELETE", base + name, {}, b""
        patch = r.choice(PATCHES[1:])
        return "PATCH", base + name + "?fieldManager=" + r.choice("mn") + "&" + self.query(1), {"Content-Type": patch, "Accept": accept}, self.json(self.change(tree))

    def read(self):
        group, plural, namespaced, *_ = self.r.choice(self.kinds)
        name = self.r.choice([None, None, *NAMES[:5]])
        sub = self.r.choice([None, None, self.r.choice(SUBS)]) if name else None
        target = self.path(group, plural, namespaced, name, sub)
        if self.odds(.1):
            target = "/troupe/v1/" + self.r.choice(["history", "why", "revision", "x"]) + target
        if self.odds(.05):
            target = self.r.choice(["/openapi/v2", "/openapi/v3", "/openapi/v3/" + group[1:], "/api", "/apis", group, "/metrics", "/livez?verbose", "/version", "/troupe/v1/actors", "/"])
        return self.r.choice(["GET"] * 9 + ["HEAD", "OPTIONS", "X"]), target + ("&" if "?" in target else "?") + self.query(4), {"Accept": self.r.choice(ACCEPTS), "Accept-Encoding": self.r.choice(["", "gzip"])}, b""

    def delete(self):
        group, plural, namespaced, *_ = self.r.choice(self.kinds)
        name = self.r.choice([None, *NAMES[:5], *NAMES[:5], *NAMES])
        if plural in ("namespaces", "nodes", "customresourcedefinitions", "clusterrolebindings", "clusterroles", "servicecidrs") and not name:
            name = "a"
        body = self.change({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0, "propagationPolicy": "Background", "preconditions": {"uid": "a", "resourceVersion": "1"}, "dryRun": []}) if self.odds(.3) else None
        return "DELETE", self.path(group, plural, namespaced, name and quote(name, safe="")) + "?" + self.query(2), {"Content-Type": "application/json", "Accept": self.r.choice(ACCEPTS)}, b"" if body is None else self.json(body)

    def transaction(self):
        writes = []
        for _ in range(self.r.choice([1, 2, 5])):
            *_, tree = self.of_kind()
            if isinstance(tree, dict) and isinstance(tree.get("metadata"), dict):
                tree["metadata"]["namespace"] = "default"
            writes.append({"verb": self.r.choice(["create", "update", "update_status", "remove", "x"]), "object": tree})
        body = {"writes": writes}
        return "POST", "/troupe/v1/transactions", {"Content-Type": "application/json"}, self.json(self.change(body, self.r.choice([0, 0, 1])))

    def subresource(self):
        r = self.r
        plural, sub, body = r.choice([("pods", "eviction", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"}, "deleteOptions": {"gracePeriodSeconds": 0}}),
                                      ("pods", "binding", {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "a"}, "target": {"kind": "Node", "name": "hollow-0"}}),
                                      ("pods", "ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "e", "image": "i"}]}}), ("pods", "status", {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "podIPs": [{"ip": "10.0.0.1"}]}}),
                                      ("pods", "resize", {"spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}]}}), ("serviceaccounts", "token", {"spec": {"audiences": ["a"], "expirationSeconds": 3600, "boundObjectRef": {"kind": "Pod", "name": "a"}}}),
                                      ("deployments", "scale", {"spec": {"replicas": 3}})])
        base = "/apis/apps/v1" if plural == "deployments" else "/api/v1"
        return r.choice(["POST", "PUT", "PATCH"]), base + "/namespaces/default/" + plural + "/" + r.choice(NAMES[:5]) + "/" + sub + "?" + self.query(1), {"Content-Type": r.choice(["application/json", *PATCHES])}, self.json(self.change(body))

    def any(self):
        ways = [(self.recorded, 40), (self.create, 16), (self.patch, 18), (self.protobuf, 10), (self.yaml, 7), (self.definition, 4), (self.custom, 12), (self.read, 14), (self.delete, 6), (self.transaction, 4), (self.subresource, 5)]
        return self.r.choices([w for w, _ in ways], [n for _, n in ways])[0]()


def to_yaml(tree, deep):
    pad = "  " * deep
    if isinstance(tree, dict) and tree:
        return "".join(f"{pad}{k if re.match('^[A-Za-z]+$', k) else json.dumps(k)}:" + ("\n" + to_yaml(v, deep + 1) if v and isinstance(v, (dict, list)) else " " + json.dumps(v) + "\n") for k, v in tree.items())
    if isinstance(tree, list) and tree:
        return "".join(f"{pad}-" + ("\n" + to_yaml(v, deep + 1) if v and isinstance(v, (dict, list)) else " " + json.dumps(v) + "\n") for v in tree)
    return pad + json.dumps(tree) + "\n"


def connect():
    return TLS.wrap_socket(socket.create_connection((HOST, PORT), timeout=60))


def head(method, target, headers, size):
    target = re.sub(r"[\x00-\x20\x7f]", "", target)
    lines = [f"{method} {target} HTTP/1.1", "Host: x", f"Content-Length: {size}", f"Authorization: Bearer {TOKEN}"]
    return "\r\n".join(lines + [f"{k}: {v}" for k, v in headers.items() if v]).encode("utf-8", "replace") + b"\r\n\r\n"


def answer(link, left, bodiless=False):
    """The status, and the body as far as it comes until the time is up."""
    end, data = time.monotonic() + left, b""
    while b"\r\n\r\n" not in data:
        link.settimeout(max(.01, end - time.monotonic()))
        piece = link.recv(65536)
        if not piece:
            return 0, b"", False
        data += piece
    top, _, body = data.partition(b"\r\n\r\n")
    size = re.search(rb"(?i)content-length: (\d+)", top)
    whole = (lambda b: len(b) >= int(size[1])) if size else (lambda b: b.endswith(b"0\r\n\r\n")) if b"chunked" in top.lower() else (lambda b: True)
    if bodiless or top[9:12] == b"204":
        return int(top[9:12]), b"", True
    while not whole(body) and time.monotonic() < end:
        link.settimeout(max(.01, end - time.monotonic()))
        try:
            piece = link.recv(65536)
        except TimeoutError:
            break
        if not piece:
            break
        body += piece
    return int(top[9:12]), body, whole(body) and b"connection: close" not in top.lower()


def upgrades(make, seen):
    """One connection that asks for a stream and then says anything."""
    r = make.r
    ns = "/api/v1/namespaces/default"
    target = r.choice([ns + "/pods/" + r.choice(["web", "web-0", "a"]) + "/" + r.choice(["exec?command=sh&stdin=1&stdout=1&stderr=1", "attach?stdin=1&tty=1", "portforward?ports=80", "portforward", "log?follow=1"]), ns + "/pods?watch=1", ns + "/configmaps?watch=1&" + make.query(2), ns + "/services/web/proxy/x"])
    spdy = make.odds(.5)
    if spdy:
        more = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": r.choice(["v4.channel.k8s.io", "portforward.k8s.io", "x"])}
    else:
        more = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": r.choice(["13", "13", "8"]), "Sec-WebSocket-Key": base64.b64encode(r.randbytes(16)).decode(),
                "Sec-WebSocket-Protocol": r.choice(["v5.channel.k8s.io", "v4.channel.k8s.io", "base64.channel.k8s.io", "base64.binary.k8s.io", "portforward.k8s.io", "v2.portforward.k8s.io", "SPDY/3.1+portforward.k8s.io", "x"])}
    more = {k: v for k, v in more.items() if make.odds(.97)}
    with connect() as link:
        link.sendall(head(r.choice(["GET", "POST"]), target, more, 0))
        for _ in range(r.randrange(1, 12)):
            if make.odds(.15):
                data = r.randbytes(r.choice([1, 10, 300]))
            elif spdy:
                data = spdy_frame(make)
            else:
                payload = make.bytes(r.choice([b"\0", b"\1abc", b"\4{\"Width\":1,\"Height\":2}", b"\xff\0", b"\0\x50\x00", b"0YWJj", b""]) + r.randbytes(r.choice([0, 3, 130])))
                mask, size = r.randbytes(4), len(payload)
                if make.odds(.1):
                    size = r.choice([0, 125, 65535, 2**31])
                length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size)
                data = bytes([r.choice([0x82, 0x82, 0x81, 0x89, 0x8a, 0x88, 0x02, 0x80, 0xf2, 0x83])]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
            link.sendall(data)
        link.settimeout(.2)
        with contextlib.suppress(TimeoutError):
            got = link.recv(4096)
            seen["upgrade " + got[9:12].decode("latin1")] += 1
            while link.recv(65536):
                pass


DICTIONARY = b"".join(struct.pack(">I", len(w)) + w.encode() for w in "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host".split())


def spdy_frame(make):
    r = make.r
    stream = r.choice([1, 3, 5, 7, 2, 0, 2**31 - 1])
    if make.odds(.4):
        data = r.randbytes(r.choice([0, 1, 200]))
        return struct.pack(">I", stream) + struct.pack(">I", r.choice([0, 0, 1]) << 24 | (len(data) if make.odds(.9) else r.choice([0, 0xffffff]))) + data
    kind = r.choice([1, 1, 1, 1, 2, 3, 4, 6, 7, 8, 9, 0, 99])
    if kind in (1, 2, 8):
        pairs = [(b"streamtype", r.choice([b"error", b"stdin", b"stdout", b"data", b"resize", b"x"])), (b"port", r.choice([b"80", b"-1", b"99999999999999999999"])), (b"requestid", b"1")]
        block = struct.pack(">I", len(pairs) if make.odds(.9) else r.choice([0, 2**31, 2**32 - 1])) + b"".join(struct.pack(">I", len(k)) + k + struct.pack(">I", len(v)) + v for k, v in pairs)
        pack = zlib.compressobj(zdict=DICTIONARY) if make.odds(.5) else zlib.compressobj()
        block = pack.compress(make.bytes(block) if make.odds(.4) else block) + pack.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">I", stream) + (struct.pack(">IH", 0, 0) if kind == 1 else b"") + (make.bytes(block) if make.odds(.3) else block)
    else:
        body = struct.pack(">II", stream, r.choice([0, 1, 2**31 - 1, 2**32 - 1]))[:r.choice([8, 8, 4, 3])] + r.randbytes(r.choice([0, 0, 8]))
    return struct.pack(">HH", 0x8003 if make.odds(.95) else r.randrange(65536), kind) + struct.pack(">I", r.choice([0, 1, 2]) << 24 | (len(body) if make.odds(.93) else r.choice([0, 0xffffff]))) + body


def bytes_of_no_sense(make, last):
    method, target, headers, body = make.any()
    data = make.bytes(head(method, target, headers, len(body)) + body)
    last.append(data)
    with connect() as link:
        link.sendall(data)
        link.settimeout(.3)
        with contextlib.suppress(TimeoutError):
            link.recv(65536)


def alive():
    try:
        with open(f"/proc/{SERVER}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def main():
    seed, seconds = int(sys.argv[1]), float(sys.argv[2])
    have = corpus(sys.argv[3:])
    kinds = kinds_of_server()
    seen, last, faults, end = collections.Counter(), collections.deque(maxlen=400), {}, time.monotonic() + seconds
    print(f"seed {seed}: {len(have.requests)} requests, {len(have.trees)} objects, {len(have.protobuf)} of them in protobuf, {len(kinds)} kinds", flush=True)

    def play(number):
        make, link = maker(seed * 100 + number, have, kinds), None
        while time.monotonic() < end and alive():
            try:
                what = make.r.random()
                if what < .03:
                    upgrades(make, seen)
                elif what < .05:
                    bytes_of_no_sense(make, last)
                else:
                    method, target, headers, body = make.any()
                    data = head(method, target, headers, len(body)) + body
                    last.append(data)
                    link = link or connect()
                    began = time.monotonic()
                    link.sendall(data)
                    status, text, keep = answer(link, 1 if "watch" in target or "follow" in target else 60, method == "HEAD")
                    took = time.monotonic() - began
                    seen[status] += 1
                    if took > 10 and status:
                        faults.setdefault(f"slow {method} {target[:80]}", f"{took:.0f} s: {data[:2000]!r}")
                    if status == 500 and not any(word in text for word in KNOWN):
                        faults.setdefault(re.sub(r"\d+", "N", text[:300].decode("latin1")), repr(data[:3000]))
                    found = re.search(rb'"continue":"([^"]+)"', text[:2000])
                    if found:
                        make.continues = (make.continues + [found[1].decode()])[-8:]
                    if not keep:
                        link.close()
                        link = None
            except (OSError, ValueError, RecursionError) as e:  # what was put into itself too often is left out
                seen[type(e).__name__] += 1
                link = None
    threads = [threading.Thread(target=play, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(f"seed {seed}:", dict(seen.most_common()), flush=True)
    for what, data in faults.items():
        print("FAULT", what, "\n     ", data, flush=True)
    if not alive():
        with open(os.path.join(os.environ.get("DATA", "."), "random-last.txt"), "w") as f:
            f.writelines(repr(d) + "\n" for d in last)
        print("the server has ended")
        sys.exit(1)
    sys.exit(bool(faults))


def kinds_of_server():
    """(path of group and version, plural, namespaced, kind, apiVersion) of all that the server has."""
    def get(path):
        with connect() as link:
            link.sendall(head("GET", path, {}, 0))
            return json.loads(answer(link, 60)[1])
    out = []
    versions = ["v1"] + [v["groupVersion"] for g in get("/apis")["groups"] for v in g["versions"]]
    for version in versions:
        base = "/api/v1" if version == "v1" else "/apis/" + version
        for k in get(base)["resources"]:
            if "/" not in k["name"]:
                out.append((base, k["name"], k["namespaced"], k["kind"], version))
    return out


main()
