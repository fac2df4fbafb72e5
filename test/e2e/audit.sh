#!/usr/bin/env bash
# The audit log of a running server: by policy, a line for each stage, and no secret in any of them.
set -u
troupe=$1
here=$(cd "$(dirname "$0")" && pwd)
audit=$(mktemp -d /tmp/troupe-audit.XXXXXX)
cat >"$audit/policy.yaml" <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, nonResourceURLs: ["/healthz*", "/readyz*"]}
- {level: Request, resources: [{group: "", resources: [configmaps]}]}
- {level: RequestResponse}
YAML
server_flags=(--audit-policy-file "$audit/policy.yaml" --audit-log-path "$audit/log")
. "$here/server.sh"
trap 'finish; rm -rf "$audit"' EXIT
TOKEN=$token URL=$url AUDIT=$audit/log python3 - <<'PY'
import json, os, ssl, sys, time, urllib.request, urllib.error
url, token = os.environ["URL"], os.environ["TOKEN"]
tls = ssl.create_default_context(); tls.check_hostname = False; tls.verify_mode = ssl.CERT_NONE
def ask(method, path, body=None, token=token, **headers):
    headers.update({"Authorization": "Bearer " + token, "Content-Type": "application/json"})
    request = urllib.request.Request(url + path, body and json.dumps(body).encode(), headers, method=method)
    try: answer = urllib.request.urlopen(request, context=tls)
    except urllib.error.HTTPError as e: answer = e
    answer.read()
    return answer
ns = "/api/v1/namespaces/default"
ask("GET", "/healthz")
one = ask("POST", ns + "/configmaps", {"metadata": {"name": "c"}, "data": {"a": "told"}})
ask("POST", ns + "/secrets", {"metadata": {"name": "s"}, "stringData": {"p": "hunter2"}})
ask("GET", ns + "/secrets/s")
ask("POST", ns + "/serviceaccounts", {"metadata": {"name": "robot"}})
ask("POST", ns + "/serviceaccounts/robot/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
ask("POST", ns + "/services", {"metadata": {"name": "w"}, "spec": {"ports": [{"port": 80}]}})
ask("GET", ns + "/pods", token="wrong")
ask("GET", ns + "/pods", **{"Impersonate-User": "eve"})
watch = ask("GET", ns + "/configmaps?watch=1&timeoutSeconds=1")
end = time.monotonic() + 10
def lines(): return [json.loads(l) for l in open(os.environ["AUDIT"])]
def find(**want): return [l for l in lines() if all(l.get(k) == v or l.get("objectRef", {}).get(k) == v for k, v in want.items())]
while not find(verb="watch", stage="ResponseComplete") and time.monotonic() < end: os.sched_yield()
text = open(os.environ["AUDIT"]).read()
failures = []
def check(name, fine):
    if not fine: failures.append(name); print("FAILED:", name)
check("health is not told", "/healthz" not in text)
check("no secret is told", "hunter2" not in text and "aHVudGVyMg" not in text and "eyJ" not in text)
made = find(resource="configmaps", verb="create")
check("a config map's creation is told once, with its body", len(made) == 1 and made[0]["requestObject"]["data"] == {"a": "told"} and "responseObject" not in made[0])
check("the answer names its id", one.headers["Audit-Id"] == made[0]["auditID"])
check("services are told with their answers", find(resource="services")[0]["responseObject"]["kind"] == "Service")
check("secrets are told by their metadata", [l["level"] for l in find(resource="secrets")] == ["Metadata"] * 2)
check("tokens are told by their metadata", find(subresource="token")[0]["level"] == "Metadata")
check("who is not known is told", any(l["responseStatus"]["code"] == 401 for l in lines()))
eve = [l for l in lines() if l.get("impersonatedUser")][0]
check("impersonation and refusal are told", eve["impersonatedUser"]["username"] == "eve" and eve["user"]["username"] == "admin" and eve["annotations"]["authorization.k8s.io/decision"] == "forbid" and eve["responseStatus"]["code"] == 403)
check("a watch is told when it begins and when it ends", [l["stage"] for l in find(verb="watch")] == ["ResponseStarted", "ResponseComplete"])
sys.exit(1 if failures else print("the audit log told what it should"))
PY
