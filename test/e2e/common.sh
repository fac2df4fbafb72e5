# Sourced by the other shared parts: what tests of real processes need, whatever their cluster is like.
# needs WHAT...: ends the test, as one that was not run, if root or a program is not there.
needs() {
  local what
  for what in "$@"; do
    case $what in
    root) [ "$(id -u)" = 0 ] ;;
    busybox) [ -x /usr/bin/busybox ] ;;
    *) command -v "$what" >/dev/null ;;
    esac && continue
    case $what in kubectl) what='kubectl (Debian: kubernetes-client)' ;; busybox) what='busybox (Debian: busybox-static)' ;; esac
    echo "this test needs $what"
    exit 77
  done
}
# wait_for SECONDS COMMAND...: until it succeeds; looks fifty milliseconds apart.
wait_for() {
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    read -rt 0.05 <> <(:) || true
  done
}
# busybox_files DIR WORD...: the files of an image in which these commands are there.
busybox_files() {
  local dir=$1 word; shift
  mkdir -p "$dir"/{bin,tmp,etc}
  cp /usr/bin/busybox "$dir/bin/"
  for word in "$@"; do ln -s busybox "$dir/bin/$word"; done
}
