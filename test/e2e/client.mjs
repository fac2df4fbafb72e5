// What a program in JavaScript does with a cluster, by the library of the Kubernetes project.
import assert from "node:assert";
import { Writable } from "node:stream";
import * as k8s from "@kubernetes/client-node";

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const namespace = "javascript";

const until = async (fact, what) => {
  const end = Date.now() + 20000;
  while (!(await fact())) assert(Date.now() < end, "never came: " + what);
};

await core.createNamespace({ body: { metadata: { name: namespace } } });
await until(async () => (await core.listNamespacedServiceAccount({ namespace })).items.some((a) => a.metadata.name === "default"), "the account");

const running = new Promise((resolve, reject) => {
  const types = [];
  new k8s.Watch(config)
    .watch(`/api/v1/namespaces/${namespace}/pods`, {}, (type, pod) => {
      types.push(type);
      if (pod.status.phase === "Running") resolve(types);
    }, reject)
    .catch(reject);
});
const spec = { containers: [{ name: "web", image: "troupe.dev/hello", imagePullPolicy: "IfNotPresent" }] };
const made = await core.createNamespacedPod({ namespace, body: { metadata: { name: "web", labels: { app: "web" } }, spec } });
assert(made.metadata.uid);
assert.equal((await running)[0], "ADDED");
assert.deepEqual((await core.listNamespacedPod({ namespace, labelSelector: "app=web" })).items.map((p) => p.metadata.name), ["web"]);

const patched = await core.patchNamespacedPod(
  { namespace, name: "web", body: [{ op: "add", path: "/metadata/labels/by", value: "javascript" }] },
  k8s.setHeaderOptions?.("Content-Type", k8s.PatchStrategy.JsonPatch)); // older ones send it by themselves
assert.equal(patched.metadata.labels.by, "javascript");

let said = "";
const output = new Writable({ write(piece, _, done) { said += piece; done(); } });
await new Promise((resolve, reject) => {
  new k8s.Exec(config)
    .exec(namespace, "web", "web", ["/hello", "print", "from", "inside"], output, process.stderr, null, false, resolve)
    .catch(reject);
});
assert.equal(said.trim(), "from inside");

await assert.rejects(core.readNamespacedPod({ namespace, name: "nobody" }), (e) => e.code === 404);
await core.deleteNamespacedPod({ namespace, name: "web", gracePeriodSeconds: 0 });
await core.deleteNamespace({ name: namespace });
console.log("JavaScript: created, listed, watched, patched, executed, deleted");
process.exit(0);
