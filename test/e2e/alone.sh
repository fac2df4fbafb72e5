# Sourced by tests of a whole cluster on one machine: its network is a namespace of its own, so that
# others on the same kernel are not touched. Needs root, runc and kubectl, and says so; leaves nothing
# behind, also when a test fails. Sets top (a directory), port, and the functions below.
set -u
troupe=$1
[ "$(id -u)" = 0 ] || { echo "this test needs root"; exit 77; }
command -v runc >/dev/null || { echo "this test needs runc"; exit 77; }
command -v kubectl >/dev/null || { echo "this test needs kubectl (Debian: kubernetes-client)"; exit 77; }
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
# within SECONDS COMMAND...: until it succeeds; looks fifty milliseconds apart.
within() {
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    read -rt 0.05 <> <(:) || true
  done
}
# Every kubectl of this machine, one a line; KUBECTLS names others.
kubectls() {
  ls ${KUBECTLS:-$(command -v kubectl) /usr/lib/google-cloud-sdk/bin/kubectl.* /opt/kubectl120/usr/bin/kubectl} 2>/dev/null | sort -u
}
