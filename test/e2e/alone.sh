# Sourced by tests of a whole cluster on one machine: its network is a namespace of its own, so that
# others on the same kernel are not touched. Needs root, runc and kubectl, and says so; leaves nothing
# behind, also when a test fails. Sets top (a directory), port, and the functions below.
set -u
troupe=$1
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
needs root runc kubectl
[ -n "${TROUPE_OWN_NETWORK:-}" ] || exec unshare --net env TROUPE_OWN_NETWORK=1 "$0" "$@"
ip link set lo up
top=$(mktemp -d /tmp/troupe-alone.XXXXXX)
chmod 711 "$top"
port=$((20000 + RANDOM % 10000))
pid= failed=0
export KUBECONFIG=$top/data/admin.kubeconfig
finish() {
  [ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
  "$troupe" uninstall --yes --data "$top/data" --run "$top/run" >/dev/null || failed=1
  grep "$top" /proc/self/mountinfo && { echo "FAILED: mounts are left"; failed=1; }
  [ "$failed" = 0 ] || { echo "--- log"; tail -30 "$top/log"; }
  rm -rf "$top"
  exit "$failed"
}
trap finish EXIT
# up [FLAGS]: starts the cluster and waits until it is ready.
up() {
  : >"$top/log"
  "$troupe" up --data "$top/data" --run "$top/run" --port "$port" --name n1 "$@" >>"$top/log" 2>&1 &
  pid=$!
  until grep -q 'cluster is ready' "$top/log"; do
    kill -0 "$pid" 2>/dev/null || { echo "FAILED: it does not start"; failed=1; exit; }
    read -rt 0.02 <> <(:) || true
  done
}
is() { # is WHAT EXPECTED GOT
  case $3 in
  *$2*) echo "ok: $1" ;;
  *) echo "FAILED: $1: expected \"$2\", got \"$3\""; failed=1 ;;
  esac
}
# busybox_image DIR WORD...: has the image test/busybox:1 of these commands, after `up`; what else is in DIR is
# in it, too.
busybox_image() {
  busybox_files "$@"
  "$troupe" image build-from-dir "$1" test/busybox:1 --data "$top/data/node" --cmd /bin/sh >/dev/null
}
# Every kubectl of this machine, one a line; KUBECTLS names others.
kubectls() {
  ls ${KUBECTLS:-$(command -v kubectl) /usr/lib/google-cloud-sdk/bin/kubectl.* /opt/kubectl120/usr/bin/kubectl} 2>/dev/null | sort -u
}
