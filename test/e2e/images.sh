#!/usr/bin/env bash
# Where images come from: a real registry that wants a login, mirrors of another, archives, a watched directory;
# and what a pod says that cannot have its image. Usage: images.sh TROUPE. Needs root, runc, kubectl, skopeo
# and docker-registry.
. "$(dirname "$0")/alone.sh"
for program in skopeo docker-registry python3; do
  command -v $program >/dev/null || { echo "this test needs $program (a package of Debian)"; exit 77; }
done
registry=127.0.0.1:$((port + 50))
cat >"$top/registry.yml" <<END
version: 0.1
storage: {filesystem: {rootdirectory: $top/registry}}
http: {addr: "$registry"}
auth: {htpasswd: {realm: test, path: $top/htpasswd}}
END
python3 -W ignore -c 'import crypt; print("me:" + crypt.crypt("secret-word", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' >"$top/htpasswd"
docker-registry serve "$top/registry.yml" >"$top/registry.log" 2>&1 &
registry_pid=$!
trap 'kill $registry_pid; finish' EXIT
cat >"$top/registries.conf" <<END
[[registry]]
location = "$registry"
insecure = true
[[registry]]
prefix = "upstream.invalid/lib"
location = "upstream.invalid/lib"
[[registry.mirror]]
location = "$registry/mirror"
insecure = true
END
empty() { [ -z "$2" ] && echo "ok: $1" || { echo "FAILED: $1: $2"; failed=1; }; } # empty WHAT GOT
python3 "$(dirname "$0")/tools/docker_archive.py" "$(dirname "$troupe")/troupe-hello" example.test/app:saved "$top/app.tar"
answers() { [ "$(python3 -c "import http.client as h; c=h.HTTPConnection('$registry'); c.request('GET','/v2/'); print(c.getresponse().status)" 2>/dev/null)" = 401 ]; }
wait_for 10 answers || { cat "$top/registry.log"; echo 'FAILED: the registry does not come up'; exit 1; }
put() { skopeo --insecure-policy copy --quiet --dest-tls-verify=false --dest-creds me:secret-word "docker-archive:$top/app.tar" "docker://$registry/$1" 2>&1; }
empty 'the registry takes images' "$(put app:1 && put mirror/tool:2)"

up --registries "$top/registries.conf"
pod() { # pod NAME IMAGE POLICY [SECRET]
  kubectl apply -f - >/dev/null <<END
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  imagePullSecrets: [${4:+{name: $4\}}]
  containers: [{name: c, image: "$2", imagePullPolicy: $3, args: [print, it, runs]}]
END
}
says() { kubectl get pod "$1" -o jsonpath='{.status.phase} {.status.containerStatuses[0].state.waiting.reason}: {.status.containerStatuses[0].state.waiting.message}'; }
ends() { kubectl wait "pod/$1" --for=jsonpath='{.status.phase}'=Succeeded --timeout=20s >/dev/null 2>&1; kubectl logs "$1" 2>&1; }
kubectl create secret docker-registry login --docker-server="$registry" --docker-username=me --docker-password=secret-word >/dev/null
kubectl create secret docker-registry wrong --docker-server="$registry" --docker-username=me --docker-password=other >/dev/null
pod good "$registry/app:1" Always login
is 'pulled with a login' 'it runs' "$(ends good)"
is 'its digest is told' "$registry/app@sha256:" "$(kubectl get pod good -o jsonpath='{.status.containerStatuses[0].imageID}')"
for reason in Pulling Pulled Created Started; do
  is "the events of a pull: $reason" $reason "$(kubectl get events --field-selector involvedObject.name=good -o jsonpath='{.items[*].reason}')"
done
is 'how long it took' 'Successfully pulled image' "$(kubectl get events --field-selector involvedObject.name=good -o jsonpath='{.items[*].message}')"
kubectl patch serviceaccount default -p '{"imagePullSecrets":[{"name":"login"}]}' >/dev/null
pod account "$registry/app:1" Always
is 'pulled with the login of its service account' 'it runs' "$(ends account)"
kubectl patch serviceaccount default --type=json -p '[{"op":"remove","path":"/imagePullSecrets"}]' >/dev/null
pod mirrored upstream.invalid/lib/tool:2 IfNotPresent login
is 'pulled from a mirror' 'it runs' "$(ends mirrored)"
pod again "$registry/app:1" IfNotPresent
is 'what is here needs no login' 'it runs' "$(ends again)"

backs_off() { says "$1" | grep -q ImagePullBackOff; }
pod refused "$registry/app:1" Always wrong
wait_for 20 backs_off refused
is 'a wrong login' "ImagePullBackOff: Back-off pulling image \"$registry/app:1\"" "$(says refused)"
is 'and why' 'unauthorized' "$(kubectl get events --field-selector involvedObject.name=refused -o jsonpath='{.items[*].message}')"
pod absent "$registry/nothing:1" IfNotPresent login
wait_for 20 backs_off absent
is 'an image that is not there' 'ImagePullBackOff' "$(says absent)"
is 'the error before it' 'ErrImagePull' "$(kubectl get events --field-selector involvedObject.name=absent -o jsonpath='{.items[*].message}')"
put nothing:1 >/dev/null
is 'comes when it is there' 'it runs' "$(ends absent)"
pod never example.test/unknown:1 Never
never() { says never | grep -q ErrImageNeverPull; }
wait_for 10 never
is 'never to be pulled' 'Container image "example.test/unknown:1" is not present with pull policy of Never' "$(says never)"
pod misnamed 'UPPER/case:1' IfNotPresent
misnamed() { says misnamed | grep -q InvalidImageName; }
wait_for 10 misnamed
is 'no name of an image' 'Pending InvalidImageName' "$(says misnamed)"
empty 'logins stay out of the log' "$(grep secret-word "$top/log")"
empty 'logins stay out of files' "$(grep -rls secret-word "$top/run" --exclude-dir=objects)"

images="$troupe image --data $top/data/node"
is 'an archive as docker saves it' example.test/app:saved "$($images import "$top/app.tar" 2>&1)"
skopeo --insecure-policy copy --quiet "docker-archive:$top/app.tar" "oci-archive:$top/app.oci:oci" 2>/dev/null
is 'an OCI archive, by another name' example.test/other:1 "$($images import "$top/app.oci" --name example.test/other:1 2>&1)"
echo 'no archive' >"$top/broken.tar"
is 'what is no archive is refused' 'troupe image:' "$($images import "$top/broken.tar" 2>&1)"
is 'listed for programs' '"example.test/other:1"' "$($images list -o json)"
echo '{"auths": {"'"$registry"'": {"auth": "'"$(printf me:secret-word | base64)"'"}}}' >"$top/auth.json"
is 'pulled by hand, told step by step' 'Copying blob' "$($images pull "$registry/app:1" --registries "$top/registries.conf" --authfile "$top/auth.json" 2>&1)"
$images remove example.test/other:1
empty 'removed' "$($images list | grep other)"
skopeo --insecure-policy copy --quiet "docker-archive:$top/app.tar" "docker-archive:$top/dropped.tar:example.test/dropped:1" 2>/dev/null
mv "$top/dropped.tar" "$top/data/images/"
shown() { kubectl get node n1 -o jsonpath='{.status.images[*].names}' | grep -q "$1"; }
dropped() { $images list | grep -q example.test/dropped:1; }
wait_for 10 dropped
pod dropped example.test/dropped:1 Never
is 'dropped into the directory' 'it runs' "$(ends dropped)"
wait_for 15 shown example.test/dropped:1
is 'its node tells of it' example.test/dropped:1 "$(kubectl get node n1 -o jsonpath='{.status.images[*].names}')"

# A disk that is always too full: of what was pulled, only what pods ask for stays, once it is old enough.
python3 "$(dirname "$0")/tools/docker_archive.py" "$(dirname "$troupe")/troupe-shim" example.test/spare:1 "$top/app.tar"
empty 'another image is there' "$(put spare:1)"
kill "$pid" && wait "$pid" 2>/dev/null
up --registries "$top/registries.conf" --image-gc-high-threshold 0 --image-gc-low-threshold 0 --minimum-image-ttl-duration 1s
listed() { $images list | grep -q "$1"; }
unlisted() { ! listed "$1"; }
$images pull "$registry/spare:1" --registries "$top/registries.conf" --authfile "$top/auth.json" >/dev/null 2>&1
wait_for 5 listed spare:1 || { echo 'FAILED: a young image went'; failed=1; }
read -rt 1.1 <> <(:) || true
mkdir "$top/small" && $images build-from-dir "$top/small" example.test/small:1 >/dev/null # now it looks again
wait_for 10 unlisted spare:1 && echo 'ok: an image that nothing needs goes' || { echo 'FAILED: an unused image stays on a full disk'; failed=1; }
listed "$registry/app:1" && listed example.test/small:1 && echo 'ok: what pods ask for and what was put there stays' ||
  { echo "FAILED: a needed image went: $($images list)"; failed=1; }
