#!/usr/bin/env bash
# The programs of docs/examples, each against a server of its own making, and what they are to print.
set -u
troupe=$1 examples=$2
work=$(mktemp -d /tmp/troupe-examples.XXXXXX)
"$troupe" server --data "$work/d" --address 127.0.0.1 --port 0 --link-port 0 --hollow 3 2>"$work/server.log" & server=$!
end() { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$work"; }
trap end EXIT
until [ -s "$work/d/admin.kubeconfig" ]; do
  kill -0 "$server" 2>/dev/null || { cat "$work/server.log" >&2; exit 1; }
  read -rt 0.05 <> <(:) || true
done
export KUBECONFIG=$work/d/admin.kubeconfig
# says NAME LINE...: the program ends well and these are among its lines, in order
says() {
  local name=$1 out; shift
  out=$(timeout ${PATIENCE:-60} "$examples/$name" 2>"$work/$name.log") || { echo "FAILED: $name: $out $(cat "$work/$name.log")" >&2; exit 1; }
  for line; do
    case $out in *"$line"*) out=${out#*"$line"} ;; *) echo "FAILED: $name does not say \"$line\" but: $out" >&2; exit 1 ;; esac
  done
  echo "$name: ok"
}
says read "that is all"
says write "created at revision" "an older state is refused" "colour is green" "gone"
says transaction "both were made at one revision" "one that exists: nothing is made" "third is not there"
says watch "all that was there is told" "paint is yellow" "paint was yellow"
says apply "wall white, floor oak" "the painter's wall is the painter's" "unless it is taken over: black"
says operator "the site has 2 pods"
says queue_scaler "25 jobs need 3 pods"
says mirror "the menu is mirrored" "and gone with it"
says leader "number 1 leads" "number 2 has taken over"
says company "the deployment controller is there" "it answers" "and looks at everything again"
says patience "after 23 hours the guest is there" "after 25 hours the guest is gone, the host is there"
says tested "the guest was greeted" "a stranger may not read"
