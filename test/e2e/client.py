"""What a program in Python does with a cluster, by the library that Debian ships."""
import sys, time
from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import stream

config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()
ns = "python"


def until(fact, what):
    end = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < end, "never came: " + what


core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=ns)))
until(lambda: any(a.metadata.name == "default" for a in core.list_namespaced_service_account(ns).items), "the account")
template = client.V1PodTemplateSpec(
    metadata=client.V1ObjectMeta(labels={"app": "web"}),
    spec=client.V1PodSpec(containers=[client.V1Container(name="web", image="troupe.dev/hello", image_pull_policy="IfNotPresent")]))
made = apps.create_namespaced_deployment(ns, client.V1Deployment(
    metadata=client.V1ObjectMeta(name="web"),
    spec=client.V1DeploymentSpec(replicas=1, selector=client.V1LabelSelector(match_labels={"app": "web"}), template=template)))
assert made.metadata.uid and made.spec.strategy.type == "RollingUpdate"
seen = []
for event in watch.Watch().stream(core.list_namespaced_pod, ns, timeout_seconds=20):
    seen.append(event["type"])
    if event["object"].status.phase == "Running":
        name = event["object"].metadata.name
        break
assert seen[0] == "ADDED", seen
patched = apps.patch_namespaced_deployment("web", ns, {"metadata": {"labels": {"by": "python"}}})
assert patched.metadata.labels["by"] == "python"
assert [d.metadata.name for d in apps.list_namespaced_deployment(ns, label_selector="by=python").items] == ["web"]
said = stream(core.connect_get_namespaced_pod_exec, name, ns, command=["/hello", "print", "from", "inside"],
              stderr=True, stdin=False, stdout=True, tty=False)
assert said.strip() == "from inside", said
try:
    core.read_namespaced_pod("nobody", ns)
    sys.exit("a pod that is not there was read")
except ApiException as e:
    assert e.status == 404 and '"reason":"NotFound"' in e.body
core.delete_namespace(ns)
until(lambda: ns not in [n.metadata.name for n in core.list_namespace().items], "the end of the namespace")
print("Python: created, listed, watched, patched, executed, deleted")
