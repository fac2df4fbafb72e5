#!/usr/bin/env bash
# What `troupe install` makes, under systemd itself as the first process of a machine of its own: started when
# it is ready and not before, started again when it is killed and when it has stopped turning, stopped, removed.
set -u
troupe=$1
skip() { echo "$*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "this test needs root"
[ -x /lib/systemd/systemd ] && command -v script nsenter >/dev/null || skip "this test needs systemd, script and nsenter"
tag=troupe-systemd-$$
work=$(mktemp -d /tmp/troupe-e2e.XXXXXX)
fail() { echo "FAILED: $*" >&2; tail -n 20 "$work/console" >&2; exit 1; }
no_groups() {
  for g in /sys/fs/cgroup/$tag /sys/fs/cgroup/*/$tag; do [ ! -d "$g" ] || find "$g" -depth -type d -exec rmdir {} + || return 1; done
}
ends() {
  [ -n "${first:-}" ] && kill -9 "$first" 2>/dev/null
  [ -n "${terminal:-}" ] && wait "$terminal" 2>/dev/null
  wait_for 5 no_groups || echo "control groups of $tag are left" >&2
  rm -rf "$work"
}
trap ends EXIT
wait_for() {
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; read -rt 0.05 <> <(:) || true; done
}
mkfifo "$work/keys"; exec 9<>"$work/keys" # a terminal at which nobody types, and which does not end
script -qfc "bash '$(dirname "$0")/tools/systemd_machine.sh' '$work' $tag '$(dirname "$(readlink -f "$troupe")")'" "$work/console" <&9 >/dev/null 2>&1 & terminal=$!
# The first process there is the one that is number 1 to itself.
find_first() {
  local p
  for p in $(cat /sys/fs/cgroup/$tag/cgroup.procs /sys/fs/cgroup/*/$tag/cgroup.procs /sys/fs/cgroup/*/$tag/init.scope/cgroup.procs /sys/fs/cgroup/$tag/init.scope/cgroup.procs 2>/dev/null | sort -u); do
    [ "$(awk '/^NSpid:/ {print $NF}' "/proc/$p/status" 2>/dev/null)" = 1 ] && [ "$(cat "/proc/$p/comm")" = systemd ] && first=$p && return 0
  done
  return 1
}
wait_for 10 find_first || skip "systemd does not come up in namespaces here: $(tail -n 3 "$work/console")"
there() { nsenter --target "$first" --mount --pid --net --uts --ipc --cgroup --root --wd "$@"; }
wait_for 10 there systemctl show -p Version || skip "systemd does not answer here: $(tail -n 3 "$work/console")"
show() { there systemctl show troupe-server -p "$1" --value; }
there /opt/troupe/troupe install server --backup-keep 7 >"$work/said" 2>&1 || fail "install: $(cat "$work/said")"
# Started means ready: install waits for systemd, and systemd for the server's word.
[ "$(show ActiveState)/$(show SubState)/$(show Type)" = active/running/notify ] || fail "not running: $(there systemctl status troupe-server --no-pager)"
[ "$(show WatchdogUSec)" = 30s ] || fail "no watchdog: $(show WatchdogUSec)"
[ "$(show UnitFileState)" = enabled ] || fail "it would not start after a reboot"
get() { there /opt/troupe/troupe get configmap "$1" --kubeconfig /var/lib/troupe/admin.kubeconfig; }
there /opt/troupe/troupe create configmap kept --kubeconfig /var/lib/troupe/admin.kubeconfig >/dev/null || fail "it is said to be ready and takes no write"
started_again() { [ "$(show NRestarts)" = "$1" ] && [ "$(show ActiveState)" = active ] && [ "$(show MainPID)" != "$before" ]; }
before=$(show MainPID)
there kill -9 "$before"
wait_for 20 started_again 1 || fail "killed, and not started again: $(there systemctl status troupe-server --no-pager)"
get kept >/dev/null || fail "something is lost after a kill"
# One that stands still says nothing, and is ended by systemd; sooner than usual, for this test.
there mkdir -p /run/systemd/system/troupe-server.service.d
there sh -c 'printf "[Service]\nWatchdogSec=2\nWatchdogSignal=SIGKILL\n" >/run/systemd/system/troupe-server.service.d/soon.conf'
there systemctl daemon-reload && there systemctl restart troupe-server || fail "restart"
[ "$(show WatchdogUSec)" = 2s ] || fail "the watchdog is not set"
before=$(show MainPID) again=$(($(show NRestarts) + 1)) words=0 last=
# Three words are more than its patience of two seconds: it is not ended while it turns.
speaks() { local now; now=$(show WatchdogTimestampMonotonic); [ "$now" = "$last" ] || words=$((words + 1)); last=$now; [ $words -gt 3 ]; }
wait_for 20 speaks || fail "it says nothing to the watchdog"
[ "$(show MainPID)" = "$before" ] || fail "ended by the watchdog though it turns"
there kill -STOP "$before"
wait_for 20 started_again $again || fail "it stood still, and was not started again: $(there systemctl status troupe-server --no-pager)"
get kept >/dev/null || fail "something is lost after the watchdog"
# Where each setting comes from, and the certificates of this machine.
there mkdir -p /etc/troupe/config.d && there sh -c 'printf "backup-every: 6h\n" >/etc/troupe/config.d/10-backups.yaml'
there env TROUPE_BACKUP_DIR=/tmp/backups /usr/local/bin/troupe config view server --anonymous-auth false >"$work/view" || fail "config view"
for words in 'backup-keep +7 +.*/etc/troupe/config.yaml' 'backup-every +6h +.*config.d/10-backups.yaml' 'backup-dir +/tmp/backups +.*TROUPE_BACKUP_DIR' 'anonymous-auth +false +.*'; do
  grep -Eq "$words" "$work/view" || fail "config view does not say \"$words\": $(cat "$work/view")"
done
there /usr/local/bin/troupe certificates check >"$work/certificates" || fail "certificates check: $(cat "$work/certificates")"
grep -q good "$work/certificates" || fail "no good certificate: $(cat "$work/certificates")"
sums() { there sh -c 'cat /var/lib/troupe/pki/*.crt' | sha256sum; }
old=$(sums)
there /usr/local/bin/troupe certificates rotate >/dev/null || fail "certificates rotate"
rotated() { [ "$(sums)" != "$old" ]; }
wait_for 10 rotated || fail "the certificates are the same as before"
# Reload is what renews certificates: the process goes on.
before=$(show MainPID)
there systemctl reload troupe-server || fail "reload"
[ "$(show MainPID)/$(show ActiveState)" = "$before/active" ] || fail "a reload ended it"
there /opt/troupe/troupe uninstall --yes >"$work/said" 2>&1 || fail "uninstall: $(cat "$work/said")"
there test ! -e /etc/systemd/system/troupe-server.service || fail "the unit is left"
there systemctl is-active troupe-server >/dev/null && fail "it still runs"
echo "all well"
