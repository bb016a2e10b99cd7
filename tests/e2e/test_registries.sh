#!/usr/bin/env bash
# The servers of registries.sh behave as other tests need them: docker-registry in all its forms, the token server, and each fault of
# the hostile registry. The clients are skopeo and Python.
. "$(dirname "$0")/lib.sh"
. "$HERE/registries.sh"
need docker-registry skopeo openssl jq curl python3
make_layouts single
SINGLE=$TMP/layouts/single
blobs_of() { (cd "$1/blobs" && find . -type f -exec sha256sum {} + | sort -k2); }
skopeo=(skopeo --insecure-policy copy -q)
# goes_both_ways SENTENCE HOST [OPTION...]: pushes an image with skopeo and pulls it back. The options are without --src- and --dest-.
goes_both_ways() {
  local sentence=$1 image=docker://$2/some/app:1.0
  shift 2
  check "$sentence: skopeo pushes" "${skopeo[@]}" "${@/#--/--dest-}" "oci:$SINGLE:latest" "$image"
  rm -rf "$TMP/pulled"
  check "$sentence: skopeo pulls" "${skopeo[@]}" "${@/#--/--src-}" "$image" "oci:$TMP/pulled:latest"
  same "$sentence: skopeo pulls the blobs that it pushed" "$(blobs_of "$SINGLE")" "$(blobs_of "$TMP/pulled")"
}
# fails SENTENCE PATTERN COMMAND...: the command must fail with a message that has the pattern.
fails() {
  local sentence=$1 pattern=$2 output
  shift 2
  if output=$(limited "$@" 2>&1); then
    not_ok "$sentence" "succeeded: $*"
  elif grep -q -- "$pattern" <<<"$output"; then
    ok "$sentence"
  else
    not_ok "$sentence" "no '$pattern' in: $output"
  fi
}
pull_fails() { fails "$1" "$2" "${skopeo[@]}" "${@:4}" "docker://$3/some/app:1.0" "oci:$TMP/never:latest"; }

echo "-- docker-registry"
start_registry plain
goes_both_ways "plain" "$plain" --tls-verify=false

start_registry basic --auth user "a secret"
goes_both_ways "basic credentials" "$basic" --tls-verify=false --creds "user:a secret"
pull_fails "docker-registry refuses a wrong password" "unauthorized\|authentication required" "$basic" --src-tls-verify=false --src-creds user:wrong
auth_file "$TMP/auth.json" "$basic" user "a secret"
check "auth_file writes a file for skopeo" skopeo inspect --raw --tls-verify=false --authfile "$TMP/auth.json" "docker://$basic/some/app:1.0"

make_authority ours
make_certificate ours server
make_certificate ours client
start_registry private --tls server
mkdir "$TMP/certs"
cp "$TLS/ours.crt" "$TMP/certs/ca.crt"
goes_both_ways "TLS by a private authority" "$private" --cert-dir "$TMP/certs"
pull_fails "skopeo refuses an authority that it does not know" "x509" "$private"
start_registry mutual --tls server --client-authority ours
mkdir "$TMP/client"
cp "$TLS/ours.crt" "$TMP/client/ca.crt"
cp "$TLS/client.crt" "$TMP/client/client.cert"
cp "$TLS/client.key" "$TMP/client/client.key"
goes_both_ways "certificates of clients" "$mutual" --cert-dir "$TMP/client"
pull_fails "docker-registry demands a client's certificate" "tls: bad certificate\|certificate required" "$mutual" --src-cert-dir "$TMP/certs"

echo "-- the token server"
start_token_server tokens --user alice:secret --reader bob:secret --identity carol:identity
start_registry guarded --token-server tokens
goes_both_ways "tokens" "$guarded" --tls-verify=false --creds alice:secret
pull_fails "the token server refuses a wrong password" "unauthorized\|authentication required\|invalid username" "$guarded" --src-tls-verify=false --src-creds alice:wrong
check "a reader pulls" skopeo inspect --raw --tls-verify=false --creds bob:secret "docker://$guarded/some/app:1.0"
fails "a reader cannot push" "denied\|unauthorized" "${skopeo[@]}" --dest-tls-verify=false --dest-creds bob:secret "oci:$SINGLE:latest" "docker://$guarded/bobs/app:1.0"
jq -n --arg host "$guarded" '{auths: {($host): {auth: "Og==", identitytoken: "identity"}}}' >"$TMP/identity.json"
check "skopeo pulls with an identity token" skopeo inspect --raw --tls-verify=false --authfile "$TMP/identity.json" "docker://$guarded/some/app:1.0"
for line in "GET alice 200 repository:some/app:pull,push" "GET - 401" "GET bob 200 repository:some/app:pull" "POST carol 200 repository:some/app:pull"; do
  check "the log of the token server has: $line" grep -q "^$line" "$SERVERS/tokens.requests"
done
# skopeo uses each token for a minute, so it cannot use these.
start_token_server brief --reader bob:secret --lifetime 5
start_registry expiring --token-server brief
token=$(limited curl -s -u bob:secret "$brief?service=layoutfs-test&scope=repository:some/app:pull" | jq -r .token)
is_answered() { [ "$(limited curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "http://$expiring/v2/some/app/tags/list")" = "$1" ]; }
is_answered 404 && ok "a new token opens the repository" || not_ok "a new token opens the repository"
wait_for is_answered 401 && ok "a token expires after its lifetime" || not_ok "a token expires after its lifetime"

echo "-- the hostile registry without faults"
start_hostile calm --writable "some/app=$TMP/pushed"
goes_both_ways "the hostile registry" "$calm" --tls-verify=false
same "the hostile registry writes a layout" "$(blobs_of "$SINGLE")" "$(blobs_of "$TMP/pushed")"
start_hostile strict --writable --set tokens=5 --set redirect=yes --user alice:secret --tls "$TLS/server.crt" "$TLS/server.key" "some/app=$TMP/strict"
goes_both_ways "tokens, redirects and TLS" "$strict" --cert-dir "$TMP/certs" --creds alice:secret
same "the second host sends the config and the layers" 3 "$(stats strict '[.requests | to_entries[] | select(.key | startswith("cdn"))] | length')"
same "the second host gets no credentials" null "$(stats strict .authorizations.cdn)"
make_certificate ours expired --expired
start_hostile expired --tls "$TLS/expired.crt" "$TLS/expired.key" "some/app=$SINGLE"
pull_fails "skopeo refuses an expired certificate" "expired" "$expired" --src-cert-dir "$TMP/certs"

echo "-- its faults"
cp -r "$SINGLE" "$TMP/changed"
start_hostile hostile --writable "some/app=$TMP/changed"
check "the counters start at zero" sh -c '[ "$0" = 0 ]' "$(stats hostile .total.requests)"
same "the control refuses an unknown fault" 1 "$(control hostile '{"rates": {"none": 1}}' >/dev/null 2>&1; echo $?)"
PATIENCE=300 PYTHONUNBUFFERED=1 limited python3 "$HERE/hostile_faults.py" "http://$hostile" "$hostile_control" "$SINGLE" >"$TMP/faults.log" 2>&1
code=$?
cat "$TMP/faults.log"
same "each fault happens as its name says" 0 "$code"
