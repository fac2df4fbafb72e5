#!/usr/bin/env bash
# A list of hosts becomes a cluster over real ssh: two servers and an agent, each host a network namespace
# with an sshd and a root directory of its own. Again on the same list there is nothing to do; a host that
# lost its data joins again.
set -u
troupe=$1
command -v sshd >/dev/null || { echo "this test needs sshd (Debian: openssh-server)"; exit 77; }
. "$(dirname "$0")/machine.sh"
ip netns add "t$tag-switch"; spaces+=("t$tag-switch")
ip -n "t$tag-switch" link add name br0 type bridge; ip -n "t$tag-switch" link set br0 up
mkdir -p "$work/ssh" /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$work/ssh/host" && ssh-keygen -q -t ed25519 -N '' -f "$work/ssh/user" || fail "keys"
cp "$work/ssh/user.pub" "$work/ssh/authorized"
for n in 1 2 3 9; do
  machine $n
  ip -n "t$tag-switch" link add name port$n type veth peer name eth0 netns "t$tag-$n"
  ip -n "t$tag-switch" link set port$n master br0 up
  ip -n "t$tag-$n" addr add "192.168.79.$n/24" dev eth0
  ip -n "t$tag-$n" link set eth0 up
  [ $n = 9 ] && continue
  nsenter --net="$(at $n)" "$(command -v sshd)" -D -e -f /dev/null -h "$work/ssh/host" -o Port=22 -o PidFile=none \
    -o "Subsystem=sftp internal-sftp" -o UsePAM=no -o StrictModes=no -o AuthorizedKeysFile="$work/ssh/authorized" -o PasswordAuthentication=no 2>"$work/sshd$n.log" & pids+=($!)
done
cleanup_hook() {
  for n in 1 2 3; do
    p=$(cat "$work/h$n/var/lib/troupe/lock" 2>/dev/null) && kill "$p" 2>/dev/null
    while kill -0 "$p" 2>/dev/null; do read -rt 0.05 <> <(:) || true; done
  done
  on 3 "$troupe" uninstall --yes --data "$work/h3/var/lib/troupe" --run "$work/h3/run/troupe" >/dev/null
}
cat >"$work/hosts.yaml" <<YAML
ssh: {key: $work/ssh/user, options: [StrictHostKeyChecking=no, UserKnownHostsFile=/dev/null]}
hosts:
- {address: 192.168.79.1, role: server, root: $work/h1}
- {address: 192.168.79.2, role: server, root: $work/h2}
- {address: 192.168.79.3, role: agent, root: $work/h3, name: worker-1}
YAML
deploy() { timeout 200 nsenter --net="$(at 9)" "$troupe" deploy -f "$work/hosts.yaml" "$@"; }
deploy --diff >"$work/diff"; [ $? = 1 ] || fail "diff of fresh hosts: $(cat "$work/diff")"
[ "$(wc -l <"$work/diff")" = 6 ] || fail "diff: $(cat "$work/diff")"
[ ! -e "$work/h1" ] || fail "diff has changed a host"
deploy --kubeconfig "$work/kubeconfig" || fail "deploy: $(tail -n 5 "$work"/h*/var/log/*.log)"
export KUBECONFIG=$work/kubeconfig
k() { on 9 timeout 20 "$kubectl" "$@"; }
[ "$(k get nodes --no-headers | grep -cw Ready)" = 1 ] || fail "nodes: $(k get nodes)"
deploy --diff >"$work/diff" || fail "there is something left to do: $(cat "$work/diff")"
deploy >/dev/null || fail "deploy is not harmless to repeat"
grep -rq "::" "$work"/h*/etc/troupe && fail "a token was left on a host"
k create deployment web --image troupe.dev/hello --dry-run=client -o yaml | sed 's/image: .*/&\n        imagePullPolicy: IfNotPresent/' | k apply -f - >/dev/null || fail "apply"
k rollout status deployment/web --timeout=20s >/dev/null || fail "no pod runs"
# Another setting: its agent alone is installed anew, and its container goes on.
id() { k get pods -l app=web -o jsonpath='{.items[0].status.containerStatuses[0].containerID}'; }
before=$(id)
p=$(cat "$work/h3/var/lib/troupe/lock"); kill -9 "$p"
wait_for 5 deploy --diff && fail "a host where nothing runs is as it should be"
deploy >/dev/null || fail "deploy does not start what ended"
[ "$before" = "$(id)" ] || fail "a container was touched"
# A host that cannot be reached stops everything, before anything is changed.
sed -i 's/192.168.79.2,/192.168.79.77,/' "$work/hosts.yaml"
deploy 2>"$work/lost" && fail "deployed to a host that is not there"
grep -q "nothing was changed" "$work/lost" || fail "no word about the lost host: $(cat "$work/lost")"
echo "all well"
