#!/usr/bin/env bash
# Ways to a node and its pods through the API: kubectl top, metrics, proxies of pods and services.
# Usage: node_ways.sh TROUPE.
. "$(dirname "$0")/alone.sh"
up
kubectl create deployment hello --image=troupe.dev/hello --replicas=2 >/dev/null
kubectl expose deployment hello --port=80 --target-port=8080 >/dev/null
kubectl rollout status deployment/hello --timeout=60s >/dev/null 2>&1
pod=$(kubectl get pods -o jsonpath='{.items[0].metadata.name}')
for k in $(kubectls); do
  v=$("$k" version --client -o json 2>/dev/null | grep -o '"gitVersion": "[^"]*' | head -1 | cut -d'"' -f4)
  is "top nodes ($v)" n1 "$("$k" top nodes 2>&1)"
  is "top pods ($v)" "$pod" "$("$k" top pods 2>&1)"
  is "top pods --containers ($v)" hello "$("$k" top pods --containers -l app=hello 2>&1)"
done
is 'top of one pod' "$pod" "$(kubectl top pod "$pod" 2>&1)"
is 'a selector that matches none' 'No resources found' "$(kubectl top pods -l app=other 2>&1)"
is 'it is discovered' 'metrics.k8s.io/v1beta1' "$(kubectl api-versions)"
is 'as a table' WINDOW "$(kubectl get nodes.metrics.k8s.io 2>&1)"
node=/api/v1/nodes/n1/proxy
is 'cadvisor' "pod=\"$pod\"" "$(kubectl get --raw $node/metrics/cadvisor 2>&1)"
is 'summary' "\"name\":\"$pod\"" "$(kubectl get --raw $node/stats/summary 2>&1)"
is 'probes' 'prober_probe_total' "$(kubectl get --raw $node/metrics/probes 2>&1)"
is 'of the node itself' 'kubelet_running_pods' "$(kubectl get --raw $node/metrics 2>&1)"
base=/api/v1/namespaces/default
is 'through a pod' "Hello from $pod" "$(kubectl get --raw "$base/pods/$pod:8080/proxy/" 2>&1)"
is 'through a service' 'Hello from hello-' "$(kubectl get --raw "$base/services/hello:80/proxy/" 2>&1)"
is 'with its scheme' 'Hello from hello-' "$(kubectl get --raw "$base/services/http:hello:80/proxy/some/path?a=b" 2>&1)"
is 'a port that is none' 'no service port 81 found' "$(kubectl get --raw "$base/services/hello:81/proxy/" 2>&1)"
is 'nobody listens' 'error trying to reach service: dial tcp' "$(kubectl get --raw "$base/pods/$pod:9/proxy/" 2>&1)"
kubectl create service clusterip empty --tcp=80 >/dev/null
is 'nobody is there' 'no endpoints available for service "empty"' "$(kubectl get --raw "$base/services/empty/proxy/" 2>&1)"
kubectl proxy --port=$((port + 50)) >/dev/null 2>&1 &
proxy=$!
wait_for 10 curl -s "localhost:$((port + 50))/version"
here=localhost:$((port + 50))$base
is 'kubectl proxy' "Hello from $pod" "$(curl -sS "$here/pods/$pod:8080/proxy/" 2>&1)"
is 'another method' 'Hello from' "$(curl -sS -X POST -d some=data "$here/services/hello/proxy/" 2>&1)"
is 'a path without its end' "301 " "$(curl -sS -o /dev/null -w '%{http_code} %{redirect_url}' "$here/services/hello/proxy" 2>&1)"
kill $proxy && wait $proxy 2>/dev/null
