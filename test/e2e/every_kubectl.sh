# Sourced by the tests that try every kubectl on this machine: Debian's kubernetes-client serves where there
# is no other; without any the test is skipped. Gives ${clients[@]} and what follows; $failures counts.
clients=()
while read -r path; do clients+=("$path"); done < <(
  { command -v kubectl; ls /usr/lib/google-cloud-sdk/bin/kubectl.* /opt/kubectl*/usr/bin/kubectl; } 2>/dev/null | sort -u)
[ "${#clients[@]}" -gt 0 ] || { echo "skipped: there is no kubectl; apt-get install kubernetes-client brings one"; exit 77; }
failures=0
tell() { # tell WHAT WORDS OUTPUT COMMAND...
  printf '%s: %s\n  wanted: %s\n  got: %s\n' "$1" "${*:4}" "$2" "${3:0:600}"
  failures=$((failures + 1))
}
# expect WORDS COMMAND...: runs it, wants success and WORDS in its output.
expect() {
  local words=$1 out
  shift
  { out=$("$@" 2>&1) && [[ $out == *"$words"* ]]; } || tell FAILED "$words" "$out" "$@"
}
# refuse WORDS COMMAND...: wants failure and WORDS in its output.
refuse() {
  local words=$1 out
  shift
  { ! out=$("$@" 2>&1) && [[ $out == *"$words"* ]]; } || tell "SHOULD FAIL" "$words" "$out" "$@"
}
# again TEST WORDS COMMAND...: runs it again and again, for ten seconds and more, until TEST holds of its output.
again() {
  local holds=$1 words=$2 out= n
  shift 2
  for n in $(seq 100); do
    out=$("$@" 2>&1)
    $holds "$?" "$words" "$out" && return
    read -rt 0.1 <> <(:) || true
  done
  tell FAILED "$words" "$out" "$@"
}
has() { [[ $3 == *"$2"* ]]; }
is_exactly() { [ "$1" = 0 ] && [ "$3" = "$2" ]; }
# becomes WORDS COMMAND...: until WORDS are in its output. until_is WORDS COMMAND...: until it prints exactly WORDS.
becomes() { again has "$@"; }
until_is() { again is_exactly "$@"; }
