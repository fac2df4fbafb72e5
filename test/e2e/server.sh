# Sourced by the tests here: starts an API server of its own in a temporary directory and takes it away
# again, whatever happens. Needs $troupe, takes $controllers and more ${server_flags[@]}; gives $data, $url, $token and $KUBECONFIG.
data=$(mktemp -d /tmp/troupe-e2e.XXXXXX)
server=
[ -n "${server_flags+x}" ] || server_flags=()
finish() {
  [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
  rm -rf "$data"
}
trap finish EXIT

token=e2e-admin-token
(umask 077 && echo "$token,admin,1,\"system:masters\"" >"$data/tokens")
"$troupe" server --data "$data" --address 127.0.0.1 --port 0 --token-file "$data/tokens" --controllers "${controllers:-none}" "${server_flags[@]}" 2>"$data/log" &
server=$!
for _ in $(seq 200); do
  [ -s "$data/admin.kubeconfig" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  read -rt 0.05 <> <(:) || true # waits for the file, fifty milliseconds a look
done
url=$(sed -n 's/.*server: //p' "$data/admin.kubeconfig")
[ -n "$url" ] || { echo "the server did not come up:" >&2; cat "$data/log" >&2; exit 1; }
export KUBECONFIG=$data/admin.kubeconfig
