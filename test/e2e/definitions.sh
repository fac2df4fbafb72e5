#!/usr/bin/env bash
# Definitions from their beginning to their end: their groups' APIServices, names that others wait for, objects
# that hold them back, defaults and rules that come later, versions that grow old. And forms of metadata alone.
set -u
troupe=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"
URL=$url TOKEN=$token python3 - <<'PY'
import http.client, json, os, ssl, sys
host, port = os.environ["URL"].rsplit("/", 1)[1].split(":")
tls = ssl._create_unverified_context()
failures = []
def check(name, fine, shown=""):
    if not fine: failures.append(name); print("FAILED:", name, str(shown)[:400])
def ask(method, path, body=None, form="application/json", **headers):
    link = http.client.HTTPSConnection(host, port, context=tls, timeout=10)
    headers["Authorization"] = "Bearer " + os.environ["TOKEN"]
    link.request(method, path, body and json.dumps(body), {"Content-Type": form, **headers})
    answer = link.getresponse()
    data = answer.read()
    try: data = json.loads(data)
    except ValueError: pass
    return answer.status, data, answer.headers
merge = "application/merge-patch+json"
definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
services = "/apis/apiregistration.k8s.io/v1/apiservices/"
def version(name, storage=False, **more):
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}, "color": {"type": "string"}}}}}
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema}, **more}
def definition(plural, group="e2e.example.com", kind="Gadget", versions=None):
    return {"metadata": {"name": plural + "." + group}, "spec": {"group": group, "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
            "versions": versions or [version("v1", True)]}}
gadgets = "/apis/e2e.example.com/v1/namespaces/default/gadgets"
def gadget(name, **spec): return {"apiVersion": "e2e.example.com/v1", "kind": "Gadget", "metadata": {"name": name}, "spec": spec}

check("a definition is taken", ask("POST", definitions, definition("gadgets"))[0] == 201)
status, service, _ = ask("GET", services + "v1.e2e.example.com")
check("its group has an APIService", status == 200 and service["metadata"]["labels"]["kube-aggregator.kubernetes.io/automanaged"] == "true" and
      service["spec"] == {"group": "e2e.example.com", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 100}, service)
ask("POST", gadgets, gadget("old", size=9))
found = ask("GET", definitions + "/gadgets.e2e.example.com")[1]
properties = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
properties["color"]["default"] = "red"
properties["size"]["maximum"] = 5
check("its schema becomes stricter", ask("PUT", definitions + "/gadgets.e2e.example.com", found)[0] == 200)
check("defaults hold for what was there before", ask("GET", gadgets + "/old")[1]["spec"] == {"size": 9, "color": "red"})
check("which may stay as it was", ask("PATCH", gadgets + "/old", {"spec": {"color": "blue"}}, merge)[0] == 200)
check("but not become wrong in another way", ask("PATCH", gadgets + "/old", {"spec": {"size": 8}}, merge)[0] == 422)
status, answer, _ = ask("PATCH", gadgets + "/old?fieldValidation=Strict", {"spec": {"other": 1}}, merge)
check("a strict patch names what is unknown", status == 422 and answer["details"]["causes"][0]["field"] == "patch" and 'strict decoding error: unknown field "spec.other"' in answer["message"], answer)

ask("PATCH", gadgets + "/old", {"metadata": {"finalizers": ["example.com/wait"]}}, merge)
ask("POST", gadgets, gadget("new", size=1))
waiting = ask("POST", definitions, definition("gears"))[1]
def conditions(d): return {c["type"]: c["status"] for c in d["status"]["conditions"]}
check("another one waits for the name", conditions(waiting) == {"NamesAccepted": "False", "Established": "False"}, waiting)
status, going, _ = ask("DELETE", definitions + "/gadgets.e2e.example.com")
check("a deletion answers with the definition", status == 200 and going["kind"] == "CustomResourceDefinition" and
      "customresourcecleanup.apiextensions.k8s.io" in going["metadata"]["finalizers"] and conditions(going)["Terminating"] == "True", going)
left = ask("GET", gadgets)[1]["items"]
check("it takes its objects along but for those that are held", [x["metadata"]["name"] for x in left] == ["old"] and "deletionTimestamp" in left[0]["metadata"], left)
status, answer, _ = ask("POST", gadgets, gadget("late"))
check("nothing new comes", status == 405 and "terminating" in answer["message"], answer)
check("the last object lets it go", ask("PATCH", gadgets + "/old", {"metadata": {"finalizers": None}}, merge)[0] == 200 and ask("GET", definitions + "/gadgets.e2e.example.com")[0] == 404)
check("the other one has the name then", conditions(ask("GET", definitions + "/gears.e2e.example.com")[1])["Established"] == "True")
check("and keeps the APIService", ask("GET", services + "v1.e2e.example.com")[0] == 200)
ask("DELETE", definitions + "/gears.e2e.example.com")
check("which goes with the last of the group", ask("GET", services + "v1.e2e.example.com")[0] == 404)

ask("POST", definitions, definition("olds", "age.example.com", "Old", [version("v1beta1", deprecated=True), version("v1", True)]))
check("an old version says so", ask("GET", "/apis/age.example.com/v1beta1/olds")[2]["Warning"] == '299 - "age.example.com/v1beta1 Old is deprecated; use age.example.com/v1 Old"')
check("newer versions are preferred", ask("GET", "/apis/age.example.com")[1]["preferredVersion"]["version"] == "v1")
ask("DELETE", definitions + "/olds.age.example.com")

maps = "/api/v1/namespaces/default/configmaps"
ask("POST", maps, {"metadata": {"name": "m"}, "data": {"secret-word": "1"}})
partial = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata%s;g=meta.k8s.io;v=v1,application/json"
for name, path, word in (("one", maps + "/m", ""), ("all", maps, "List"), ("changes", maps + "?watch=1&timeoutSeconds=1", "")):
    status, data, headers = ask("GET", path, Accept=partial % word)
    check("metadata alone in protobuf: " + name, status == 200 and headers["Content-Type"].startswith("application/vnd.kubernetes.protobuf") and
          b"PartialObjectMetadata" + word.encode() in data and b"k8s\0" in data[:40] and b"secret-word" not in data.split(b"f:data")[0], (headers["Content-Type"], data[:200]))
check("a table is not told in protobuf", ask("GET", maps, Accept="application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1")[0] == 406)
check("what is deleted can be shown as a table", ask("DELETE", maps + "?dryRun=All", Accept="application/json;as=Table;g=meta.k8s.io;v=v1")[1]["kind"] == "Table")

ask("POST", maps, {"metadata": {"name": "held", "finalizers": ["example.com/wait"]}})
check("what is deleted later with its dependents is accepted", ask("DELETE", maps + "/held", {"orphanDependents": False})[0] == 202)
check("otherwise it is as good as done", ask("DELETE", maps + "/held")[0] == 200)

pods = "/api/v1/namespaces/default/pods"
ask("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
ask("POST", pods, {"metadata": {"name": "placed"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}})
check("no grace at all is asked for in a body, too", ask("DELETE", pods + "/placed", {"gracePeriodSeconds": 0})[0] == 200 and ask("GET", pods + "/placed")[0] == 404)
addresses = "/api/v1/namespaces/default/services?dryRun=All"
def refused(**spec): return [c["field"] + " " + c["message"].rsplit(": ", 1)[1] for c in ask("POST", addresses, {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], **spec}})[1]["details"]["causes"]]
check("an address and the list of them must agree", refused(clusterIP="10.96.0.50", clusterIPs=["10.96.0.51"]) == ["spec.clusterIPs first value must match `clusterIP`"])
check("nobody names the list alone", refused(clusterIPs=["10.96.0.50"]) == ["spec.clusterIPs must be empty when `clusterIP` is not specified"])

ranges = "/apis/networking.k8s.io/v1/servicecidrs"
web = "/api/v1/namespaces/default/services"
def service(name, ip): return ask("POST", web, {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], "clusterIP": ip}})
check("an address of no range is refused", service("far", "10.200.0.5")[0] == 422)
ask("POST", ranges, {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.200.0.0/28"]}})
check("an added range gives it out", service("far", "10.200.0.5")[0] == 201)
check("but not its last one", "is not in the valid range" in service("last", "10.200.0.15")[1]["message"])
check("a deleted service is told", ask("DELETE", web + "/far")[1]["kind"] == "Service")
sys.exit(1 if failures else print("definitions come and go"))
PY
