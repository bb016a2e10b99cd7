#!/usr/bin/env bash
# copy pushes to and pulls from registries over HTTP. Its images equal those of skopeo, blob for blob, also if the registry is hostile.
# An interrupted copy is resumed. Bad names, hosts and credentials give one line each.
. "$(dirname "$0")/lib.sh"
. "$HERE/registries.sh"
need docker-registry skopeo openssl jq curl python3
make_layouts single
SINGLE=$TMP/layouts/single
export HOME=$TMP/home XDG_CONFIG_HOME=$TMP/home/.config XDG_RUNTIME_DIR=$TMP/runtime
unset REGISTRY_AUTH_FILE DOCKER_CONFIG
mkdir -p "$HOME/.config/containers" "$XDG_RUNTIME_DIR/containers"
blobs_of() { (cd "$1/blobs" && find sha* -type f -exec sha256sum {} + | sort -k2); }
skopeo=(skopeo --insecure-policy copy -q)
# goes_both_ways SENTENCE HOST [OPTION...]: layoutfs pushes an image that skopeo pulls, and the other way round. The options are for
# layoutfs; skopeo has the same ones with --src- and --dest-.
goes_both_ways() {
  local sentence=$1 host=$2
  shift 2
  rm -rf "$TMP/theirs" "$TMP/ours"
  check "$sentence: copy pushes" "$LAYOUTFS" copy --no-progress "$@" "$SINGLE:latest" "docker://$host/ours/app:1.0"
  check "$sentence: skopeo pulls that image" "${skopeo[@]}" "${@/#--/--src-}" "docker://$host/ours/app:1.0" "oci:$TMP/theirs:latest"
  same "$sentence: skopeo pulls the blobs that copy pushed" "$(blobs_of "$SINGLE")" "$(blobs_of "$TMP/theirs")"
  check "$sentence: skopeo pushes" "${skopeo[@]}" "${@/#--/--dest-}" "oci:$SINGLE:latest" "docker://$host/theirs/app:1.0"
  check "$sentence: copy pulls that image" "$LAYOUTFS" copy --no-progress "$@" "docker://$host/theirs/app:1.0" "$TMP/ours:latest"
  same "$sentence: copy pulls the blobs that skopeo pushed" "$(blobs_of "$SINGLE")" "$(blobs_of "$TMP/ours")"
  same "$sentence: copy writes the same index as skopeo" "$(jq -cS .manifests "$TMP/theirs/index.json")" "$(jq -cS .manifests "$TMP/ours/index.json")"
}
# refused_in_one_line SENTENCE ARGUMENT...: as refused, with any exit code of a known kind of failure.
refused_in_one_line() {
  local code
  layoutfs "${@:2}" >/dev/null 2>&1
  code=$?
  [[ $code =~ ^[1-9]$ ]] || code="1 to 9"
  refused "$1" "$code" "${@:2}"
}

echo "-- plain HTTP"
start_registry plain
goes_both_ways plain "$plain" --tls-verify=false
manifest=$(jq -r '.manifests[0].digest' "$SINGLE/index.json")
check "copy pulls by digest" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$plain/theirs/app@$manifest" "$TMP/by-digest"
same "copy by digest pulls the same blobs" "$(blobs_of "$SINGLE")" "$(blobs_of "$TMP/by-digest")"
check "copy writes a second tag" "$LAYOUTFS" copy --no-progress --tls-verify=false "$SINGLE:latest" "docker://$plain/ours/app"
same "an image without a tag is latest" '["1.0","latest"]' "$(curl -s "http://$plain/v2/ours/app/tags/list" | jq -c '.tags | sort')"
need_layout
name=$(layoutfs ref ls "$LAYOUT" | cut -d' ' -f1 | sort -u | head -n 1)
check "skopeo pulls an image of all platforms out of a layout" "${skopeo[@]}" --all "oci:$LAYOUT:$name" "oci:$TMP/all:app"
check "copy pushes an image of all platforms" "$LAYOUTFS" copy --no-progress --tls-verify=false "$LAYOUT:$name" "docker://$plain/all/app:1"
check "skopeo pulls an image of all platforms" "${skopeo[@]}" --all --src-tls-verify=false "docker://$plain/all/app:1" "oci:$TMP/all-theirs:app"
same "skopeo pulls the blobs of all platforms" "$(blobs_of "$TMP/all")" "$(blobs_of "$TMP/all-theirs")"
check "copy pulls an image of all platforms" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$plain/all/app:1" "$TMP/all-ours:app"
same "copy pulls the blobs of all platforms" "$(blobs_of "$TMP/all")" "$(blobs_of "$TMP/all-ours")"
check "copy copies from a registry to a registry" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$plain/all/app:1" "docker://$plain/other/app:2"
check "skopeo reads an image copied between registries" skopeo inspect --raw --tls-verify=false "docker://$plain/other/app:2"

# docker-registry has no list of referrers, so the tag that replaces it must have each of them.
check "copy pushes an image for referrers" "$LAYOUTFS" copy --no-progress --tls-verify=false "$SINGLE:latest" "docker://$plain/signed/app:1"
printf '{}' | "$LAYOUTFS" push -q --tls-verify=false "docker://$plain" signed/app >/dev/null
for type in test/first test/second; do
  jq -cn --arg type $type --arg subject "$manifest" --argjson size "$(stat -c %s "$SINGLE/blobs/${manifest/://}")" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", artifactType: $type,
      config: {mediaType: "application/vnd.oci.empty.v1+json", digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", size: 2},
      layers: [], subject: {mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $subject, size: $size}}' >"$TMP/referrer"
  check "push stores a referrer: $type" "$LAYOUTFS" push -q --tls-verify=false --manifest "docker://$plain" signed/app "$TMP/referrer"
done
referrers_of() {
  "$LAYOUTFS" referrers --tls-verify=false --json "docker://$plain" "$1" "$manifest" | jq -r '[.. | .artifactType? // empty] | sort | join(" ")'
}
same "the registry lists both referrers" "test/first test/second" "$(referrers_of signed/app)"
check "copy pulls an image with its referrers" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$plain/signed/app:1" "$TMP/signed"
check "copy pushes an image with its referrers" "$LAYOUTFS" copy --no-progress --tls-verify=false "$TMP/signed:1" "docker://$plain/copied/app:1"
same "the registry lists both copied referrers" "test/first test/second" "$(referrers_of copied/app)"
# remove_referrer TYPE
remove_referrer() {
  local digest
  digest=$("$LAYOUTFS" referrers --tls-verify=false --json "docker://$plain" copied/app "$manifest" | jq -r --arg type "$1" '.referrers[] | select(.artifactType == $type).digest')
  check "manifest rm removes a referrer: $1" "$LAYOUTFS" manifest rm -q --tls-verify=false "docker://$plain" copied/app "$digest"
}
remove_referrer test/first
same "the registry lists the referrer that is left" "test/second" "$(referrers_of copied/app)"
remove_referrer test/second
same "the registry lists no referrer" "" "$(referrers_of copied/app)"
check "skopeo reads the image without its referrers" skopeo inspect --raw --tls-verify=false "docker://$plain/copied/app:1"

echo "-- credentials and certificates"
start_registry basic --auth user "a secret"
auth_file "$TMP/auth.json" "$basic" user "a secret"
goes_both_ways "a file of credentials" "$basic" --tls-verify=false --authfile "$TMP/auth.json"
pulls() {
  rm -rf "$TMP/pulled"
  check "$1" "$LAYOUTFS" copy --no-progress "${@:3}" "docker://$2/theirs/app:1.0" "$TMP/pulled:latest"
}
refused_in_one_line "copy without credentials is refused" copy --no-progress --tls-verify=false "docker://$basic/theirs/app:1.0" "$TMP/never"
export REGISTRY_AUTH_FILE=$TMP/auth.json
pulls "copy reads REGISTRY_AUTH_FILE" "$basic" --tls-verify=false
unset REGISTRY_AUTH_FILE
for file in "$XDG_RUNTIME_DIR/containers/auth.json" "$HOME/.config/containers/auth.json" "$HOME/.docker/config.json"; do
  mkdir -p "$(dirname "$file")"
  cp "$TMP/auth.json" "$file"
  pulls "copy reads ${file#"$TMP"/}" "$basic" --tls-verify=false
  rm "$file"
done
jq -n --arg key "$basic/theirs" --arg wrong "$basic" --arg auth "$(printf 'user:a secret' | base64)" \
  '{auths: {($key): {auth: $auth}, ($wrong): {auth: "dXNlcjp3cm9uZw=="}}}' >"$TMP/longest.json"
pulls "copy prefers the longest key of a file of credentials" "$basic" --tls-verify=false --authfile "$TMP/longest.json"
refused_in_one_line "copy refuses wrong credentials" copy --no-progress --tls-verify=false --authfile "$TMP/longest.json" "docker://$basic/ours/app:1.0" "$TMP/never"
mkdir "$TMP/helpers"
cat >"$TMP/helpers/docker-credential-test" <<'HELPER'
#!/bin/sh
read -r host
printf '{"ServerURL": "%s", "Username": "user", "Secret": "a secret"}' "$host"
HELPER
printf '#!/bin/sh\necho "the vault is locked"\nexit 1\n' >"$TMP/helpers/docker-credential-broken"
chmod +x "$TMP/helpers"/*
for entry in "{\"credHelpers\": {\"$basic\": \"test\"}}" '{"credsStore": "test"}'; do
  echo "$entry" >"$TMP/helper.json"
  PATH=$TMP/helpers:$PATH pulls "copy runs a helper for credentials: ${entry:2:11}" "$basic" --tls-verify=false --authfile "$TMP/helper.json"
done
for helper in broken missing; do
  echo "{\"credHelpers\": {\"$basic\": \"$helper\"}}" >"$TMP/helper.json"
  PATH=$TMP/helpers:$PATH refused_in_one_line "copy refuses a $helper helper" copy --no-progress --tls-verify=false --authfile "$TMP/helper.json" "docker://$basic/theirs/app:1.0" "$TMP/never"
done

make_authority ours
make_certificate ours server
make_certificate ours client
make_certificate ours expired --expired
start_registry private --tls server
certificates=$HOME/.config/containers/certs.d/$private
mkdir -p "$certificates"
cp "$TLS/ours.crt" "$certificates/ca.crt"
goes_both_ways "TLS by a private authority" "$private"
for request in "GET /v2/theirs/app/blobs/" "PUT /v2/ours/app/manifests/"; do
  # The registry logs a request after its answer.
  wait_for grep -q "\"$request" "$SERVERS/private.log"
  check "copy uses HTTP/2 if the registry offers it: ${request%% *}" grep -q "\"${request}[^ ]* HTTP/2.0\" 20.* \"layoutfs\"" "$SERVERS/private.log"
done
rm -r "$certificates"
refused_in_one_line "copy refuses an unknown authority" copy --no-progress "docker://$private/theirs/app:1.0" "$TMP/never"
pulls "--tls-verify=false accepts an unknown authority" "$private" --tls-verify=false
refused_in_one_line "copy refuses HTTP if HTTPS is expected" copy --no-progress "docker://$plain/theirs/app:1.0" "$TMP/never"
start_registry mutual --tls server --client-authority ours
certificates=$HOME/.config/containers/certs.d/$mutual
mkdir -p "$certificates"
cp "$TLS/ours.crt" "$certificates/ca.crt"
refused_in_one_line "copy without a client's certificate is refused" copy --no-progress "docker://$mutual/theirs/app:1.0" "$TMP/never"
cp "$TLS/client.crt" "$certificates/client.cert"
cp "$TLS/client.key" "$certificates/client.key"
goes_both_ways "certificates of clients" "$mutual"
start_hostile expired --tls "$TLS/expired.crt" "$TLS/expired.key" "theirs/app=$SINGLE"
mkdir -p "$HOME/.config/containers/certs.d/$expired"
cp "$TLS/ours.crt" "$HOME/.config/containers/certs.d/$expired/ca.crt"
refused_in_one_line "copy refuses an expired certificate" copy --no-progress "docker://$expired/theirs/app:latest" "$TMP/never"

start_token_server tokens --user alice:secret --reader bob:secret --identity carol:identity --lifetime 60 --anonymous
start_registry guarded --token-server tokens
auth_file "$TMP/alice.json" "$guarded" alice secret
goes_both_ways "tokens" "$guarded" --tls-verify=false --authfile "$TMP/alice.json"
check "copy asks for a token to push" grep -q "^GET alice 200 repository:ours/app:.*push" "$SERVERS/tokens.requests"
pulls "copy pulls with a token of nobody" "$guarded" --tls-verify=false
auth_file "$TMP/bob.json" "$guarded" bob secret
refused_in_one_line "copy by a reader cannot push" copy --no-progress --tls-verify=false --authfile "$TMP/bob.json" "$SINGLE:latest" "docker://$guarded/bobs/app:1.0"
jq -n --arg host "$guarded" '{auths: {($host): {auth: "Og==", identitytoken: "identity"}}}' >"$TMP/identity.json"
pulls "copy uses an identity token" "$guarded" --tls-verify=false --authfile "$TMP/identity.json"
check "copy sends an identity token by POST" grep -q "^POST carol 200 repository:theirs/app:pull" "$SERVERS/tokens.requests"

echo "-- mirrors"
cat >"$HOME/.config/containers/registries.conf" <<-CONFIGURATION
	[[registry]]
	prefix = "images.example.org"
	location = "images.example.org"
	[[registry.mirror]]
	location = "127.0.0.1:1"
	insecure = true
	[[registry.mirror]]
	location = "$plain"
	insecure = true
	CONFIGURATION
pulls "copy pulls from the first mirror of registries.conf that answers" images.example.org
rm "$HOME/.config/containers/registries.conf"

echo "-- only missing blobs are copied"
ARCHITECTURE=$(host_architecture) python3 "$HERE/random_readers.py" make "$TMP/big" 30000000 1 >/dev/null || exit 1
BIG=$TMP/big/layout
layer=$(layoutfs inspect --json "$BIG:plain" | jq -r '.layers[0].digest')
size=$(stat -c %s "$BIG/blobs/${layer/://}")
start_hostile calm --writable "big/app=$BIG" "new/app=$TMP/pushed" "more/app=$TMP/more"
check "copy pulls a large image" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$calm/big/app:plain" "$TMP/big-ours:plain"
same "copy fetches every byte of a layer once" "$size" "$(stats calm "[.ranges[\"$layer\"][][1]] | add")"
control calm '{"reset_stats": true}'
check "copy pulls a large image again" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$calm/big/app:plain" "$TMP/big-ours:again"
same "copy fetches no layer that exists" null "$(stats calm ".ranges[\"$layer\"]")"
mkdir "$TMP/m"
"$LAYOUTFS" mount -q --prefetch --tls-verify=false "docker://$calm/big/app:plain" "$TMP/m" || not_ok "mount --prefetch mounts a large image"
kept=$LAYOUTFS_CACHE_DIR/remote/${layer/://}
wait_for test -s "$kept" && ok "mount --prefetch leaves the whole layer in the cache" || not_ok "mount --prefetch leaves the whole layer in the cache"
check "the mount ends" "$LAYOUTFS" umount "$TMP/m"
control calm '{"reset_stats": true}'
check "copy pulls an image whose layer is in the cache" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$calm/big/app:plain" "$TMP/cached:app"
same "copy fetches no layer that is in the cache" null "$(stats calm ".ranges[\"$layer\"]")"
printf X | dd of="$kept" bs=1 seek=20000000 conv=notrunc status=none
check "copy pulls an image whose layer is damaged in the cache" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$calm/big/app:plain" "$TMP/recovered:app"
check "copy writes the right layer if the cache is damaged" "$LAYOUTFS" fsck -q "$TMP/recovered"
# The following copies fetch the layer again.
rm -rf "$LAYOUTFS_CACHE_DIR"
check "copy pushes a large image" "$LAYOUTFS" copy --no-progress --tls-verify=false "$BIG:plain" "docker://$calm/new/app:1"
control calm '{"reset_stats": true}'
check "copy pushes a large image again" "$LAYOUTFS" copy --no-progress --tls-verify=false "$BIG:plain" "docker://$calm/new/app:2"
same "copy pushes no blob that exists" 0 "$(stats calm '[.uploaded[]] | add // 0')"
check "copy mounts blobs of another repository" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$calm/new/app:1" "docker://$calm/more/app:1"
# Configs are documents, which are written anew.
check "copy within a registry pushes no layer" test "$(stats calm '[.uploaded[]] | add // 0')" -lt 10000
same "copy within a registry fetches no layer" null "$(stats calm ".ranges[\"$layer\"]")"

echo "-- interrupted copies"
control calm "{\"reset_stats\": true, \"rates\": {\"truncate\": 100}, \"limits\": {\"truncate\": 3}, \"settings\": {\"only\": \"$layer\"}}"
check "copy pulls a layer in spite of three truncated bodies" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$calm/big/app:plain" "$TMP/truncated:app"
same "copy resumes behind the last byte that it has" "$size" "$(stats calm "[.ranges[\"$layer\"][][1]] | add")"
control calm '{"reset_stats": true, "rates": {"truncate": 0}, "settings": {"bandwidth": 8000000}}'
"$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$calm/big/app:plain" "$TMP/killed:app" >/dev/null 2>&1 &
pid=$!
has_begun() { find "$TMP/killed" -type f -size +4M | grep -q .; }
wait_for has_begun || not_ok "the copy to be killed begins"
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
sent=$(stats calm "[.ranges[\"$layer\"][]?[1]] | add // 0")
check "the copy was killed within the layer" test "$sent" -gt 0 -a "$sent" -lt "$size"
control calm '{"settings": {"bandwidth": 0}}'
check "copy completes a killed copy" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$calm/big/app:plain" "$TMP/killed:app"
# Bytes in the buffers of the connection are lost.
check "copy fetches at most 8 MiB of a layer twice" test "$(stats calm "[.ranges[\"$layer\"][][1]] | add")" -lt $((size + (8 << 20)))
check "fsck finds no problems after a killed copy" "$LAYOUTFS" fsck --no-progress "$TMP/killed"
control calm '{"reset_stats": true, "rates": {"reset": 100}, "limits": {"reset": 2}, "settings": {"only": "more/app/blobs/uploads"}}'
check "copy pushes a layer in spite of two resets" "$LAYOUTFS" copy --no-progress --tls-verify=false "$BIG:gzip" "docker://$calm/more/app:gzip"
control calm '{"rates": {"reset": 0}, "settings": {"only": ""}}'
check "fsck finds no problems in a layout pushed with resets" "$LAYOUTFS" fsck --no-progress "$TMP/more"

echo "-- a hostile registry"
start_hostile hostile --writable --user alice:secret --set tokens=5 --set redirect=yes --set retry_after=0 --rate transient=25 \
  "big/app=$BIG" "new/app=$TMP/hostile"
auth_file "$TMP/hostile.json" "$hostile" alice secret
check "copy pulls from a hostile registry" "$LAYOUTFS" copy --no-progress --tls-verify=false --authfile "$TMP/hostile.json" "docker://$hostile/big/app:frames" "$TMP/from-hostile:app"
check "copy pushes to a hostile registry" "$LAYOUTFS" copy --no-progress --tls-verify=false --authfile "$TMP/hostile.json" "$BIG:frames" "docker://$hostile/new/app:1"
same "both directions have the same blobs" "$(blobs_of "$TMP/from-hostile")" "$(blobs_of "$TMP/hostile")"
check "fsck finds no problems after a hostile registry" "$LAYOUTFS" fsck --no-progress "$TMP/from-hostile"
same "the second host of a hostile registry gets no credentials" null "$(stats hostile .authorizations.cdn)"

echo "-- bad input"
pull_refused() { refused_in_one_line "$1" copy --no-progress --tls-verify=false "$2" "$TMP/never"; }
pull_refused "copy refuses an unknown tag" "docker://$plain/theirs/app:none"
pull_refused "copy refuses an unknown repository" "docker://$plain/none:1.0"
pull_refused "copy refuses an unknown host" docker://no-such-host.invalid/app:1.0
pull_refused "copy refuses a short name" docker://app:1.0
pull_refused "copy refuses an unknown digest" "docker://$plain/theirs/app@sha256:$(printf '%064d' 0)"
for fault in not_a_registry wrong_digest endless_manifest wrong_type; do
  control calm "{\"rates\": {\"$fault\": 100}}"
  pull_refused "copy refuses a registry with the fault $fault" "docker://$calm/big/app:plain"
  control calm "{\"rates\": {\"$fault\": 0}}"
done
control calm '{"rates": {"no_head": 100}}'
check "copy needs no HEAD" "$LAYOUTFS" copy --no-progress --tls-verify=false "docker://$calm/big/app:gzip" "$TMP/no-head:app"
check "a refused copy creates no layout" test ! -e "$TMP/never"
