#!/usr/bin/env bash
# `layoutfs inspect`: the facts of an image, as text, as JSON, by templates, and its documents byte for byte.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts described sample broken-images
L=$TMP/layouts/described
index=$(jq -r '.manifests[0].digest' "$L/index.json") manifest=$(jq -r '.manifests[1].digest' "$L/index.json")
signature=$(jq -r '.manifests[2].digest' "$L/index.json")
blob() { echo "$L/blobs/${1/://}"; }
config=$(jq -r .config.digest "$(blob "$manifest")")
layers=($(jq -r '.layers[].digest' "$(blob "$manifest")"))
inspect() { layoutfs inspect "$@" 2>&1; }
# fact NAME: prints the values of a fact, one per line.
fact() {
  awk -v name="$1" '/^$/ {exit} {key = substr($0, 1, 13); sub(/ +$/, "", key); if (key != "") current = key; if (current == name) print substr($0, 14)}' "$TMP/text"
}

echo "-- text"
inspect "$L:app" >"$TMP/text"
same "inspect prints the digest of the index" "$index" "$(fact index)"
same "inspect prints the manifest of this platform" "$manifest" "$(fact manifest)"
same "inspect prints the digest of the config" "$config" "$(fact config)"
same "inspect prints the platforms, without the attestation" "linux/$(host_architecture) ${manifest:7:12}
linux/s390x $(jq -r '.manifests[1].digest[7:19]' "$(blob "$index")")" "$(fact platforms)"
same "inspect prints the platform" "linux/$(host_architecture)" "$(fact platform)"
same "inspect prints the time of creation" 2026-02-03T04:05:06.789Z "$(fact created)"
same "inspect prints the author" "Somebody <somebody@example.org>" "$(fact author)"
same "inspect prints the entrypoint" '["/bin/sh","-c"]' "$(fact entrypoint)"
same "inspect prints the command" '["echo \"a b\""]' "$(fact command)"
same "inspect prints the environment, one variable per line" 'PATH=/usr/bin:/bin
MESSAGE=two\x0alines' "$(fact environment)"
same "inspect prints the user" 1000:50 "$(fact user)"
same "inspect prints the working directory" /srv "$(fact directory)"
same "inspect prints the ports" $'80/tcp\n53/udp' "$(fact ports)"
same "inspect prints the volumes" /data "$(fact volumes)"
same "inspect prints the stop signal" SIGQUIT "$(fact 'stop signal')"
same "inspect prints the labels" $'org.example.title=T\ntier=base' "$(fact labels)"
same "inspect prints the annotations" org.example.note=n "$(fact annotations)"
same "inspect prints the signature as a referrer" "${signature:7:12} application/vnd.example.signature" "$(fact referrers)"
table() { sed '1,/^$/d' "$TMP/text"; }
same "inspect prints a table of layers" "LAYER DIGEST PACKED UNPACKED FILES CREATED BY" "$(table | head -n 1 | xargs)"
same "the table of layers has numbers, digests and commands" "0 ${layers[0]:7:12} ADD
1 ${layers[1]:7:12} RUN" "$(table | sed 1d | awk '{print $1, $2, $5}')"
check "the table of layers fits into 80 columns" sh -c "! sed '1,/^$/d' '$TMP/text' | grep -q '.\{81\}'"
check "a command that is cut ends in dots" grep -q 'RUN a very .*\.\.\.$' "$TMP/text"
check "inspect prints no colours to a pipe" sh -c "! grep -q $'\\033' '$TMP/text'"
inspect --no-trunc "$L:app" >"$TMP/text"
same "inspect --no-trunc prints whole digests" "${layers[*]}" "$(sed '1,/^$/d' "$TMP/text" | grep -o 'sha256:[0-9a-f]*' | xargs)"
check "inspect --no-trunc prints whole commands" grep -qE 'RUN a very (.*&& more ){20}end$' "$TMP/text"

same "inspect --json has no sizes and file counts for layers without an index" "null null null null" "$(inspect --json "$L:app" | jq -r '.layers[] | .uncompressedSize, .files' | xargs)"
layoutfs index build -q "$L:app"
# Size of the uncompressed tar, and number of entries except directories and whiteouts.
expected=$(for digest in "${layers[@]}"; do
  gunzip <"$(blob "$digest")" >"$TMP/tar"
  echo "$(wc -c <"$TMP/tar") $(python3 -c 'import sys, tarfile
print(sum(not m.isdir() and "/.wh." not in "/" + m.name for m in tarfile.open(sys.argv[1])))' "$TMP/tar")"
done)
same "inspect --json has sizes and file counts for indexed layers" "$expected" "$(inspect --json "$L:app" | jq -r '.layers[] | "\(.uncompressedSize) \(.files)"')"
same "the table of layers has file counts for indexed layers" "$(cut -d' ' -f2 <<<"$expected")" "$(inspect "$L:app" | sed '1,/^$/d' | sed 1d | grep -o 'B  *[0-9]*  [AR]' | tr -dc '0-9\n')"

echo "-- JSON"
inspect --json "$L:app" >"$TMP/json"
has_member() { same "inspect --json has the member $1" "$2" "$(jq -c "$1" "$TMP/json")"; }
has_member .version 1
has_member .digest "\"$index\""
has_member .manifest "\"$manifest\""
has_member .config "\"$config\""
has_member '.platforms | map(.platform)' "[\"linux/$(host_architecture)\",\"linux/s390x\"]"
has_member .entrypoint '["/bin/sh","-c"]'
has_member .command '["echo \"a b\""]'
has_member .environment '["PATH=/usr/bin:/bin","MESSAGE=two\nlines"]'
has_member '[.user, .workingDirectory, .stopSignal, .author]' '["1000:50","/srv","SIGQUIT","Somebody <somebody@example.org>"]'
has_member .labels '{"org.example.title":"T","tier":"base"}'
has_member .exposedPorts '["80/tcp","53/udp"]'
has_member .volumes '["/data"]'
has_member .annotations '{"org.example.note":"n"}'
has_member '.referrers | map([.digest, .artifactType])' "[[\"$signature\",\"application/vnd.example.signature\"]]"
has_member '.layers | map(.createdBy[:12])' '["ADD rootfs.t","RUN a very l"]'
has_member .problems '[]'

echo "-- documents byte for byte"
same "inspect --raw prints the index" "$index" "$(inspect --raw "$L:app" | digest_of)"
same "inspect --raw prints the manifest if there is no index" "$manifest" "$(inspect --raw "$L:one" | digest_of)"
same "inspect --raw --platform prints the manifest of the platform" "$(jq -r '.manifests[1].digest' "$(blob "$index")")" \
  "$(inspect --raw --platform linux/s390x "$L:app" | digest_of)"
same "inspect --config prints the configuration" "$config" "$(inspect --config "$L:app" | digest_of)"
same "inspect --config of an artifact prints its blob" "$(digest_of <(printf '{}'))" "$(inspect --config "$L@$signature" | digest_of)"
refused "inspect refuses --raw with --json" 2 inspect --raw --json "$L:app"
refused "inspect --config refuses an image without a config" 3 inspect --config "$TMP/layouts/broken-images:missing-config"

echo "-- templates"
prints "inspect --format prints a member" "$manifest" inspect --format '{{.Manifest}}' "$L:app"
prints "inspect --format prints a label" "T" inspect --format '{{index .labels "org.example.title"}}' "$L:app"
prints "inspect --format prints a list" "$(printf '%s;' "${layers[@]}")" inspect --format '{{range .layers}}{{.digest}};{{end}}' "$L:app"
prints "inspect --format prints members of a layout" "app one" inspect --format '{{.references.0.name}} {{.references.1.name}}' "$L"
refused "inspect --format refuses a missing member" 3 inspect --format '{{.nothing}}' "$L:app"
refused "inspect --format refuses a malformed template" 2 inspect --format '{{.manifest' "$L:app"
refused "inspect refuses --json with --format" 2 inspect --json --format '{{.manifest}}' "$L:app"

echo "-- history"
layoutfs history "$L:app" >"$TMP/text"
same "history prints the newest step first" "LAYER SIZE CREATED CREATED BY
1 $(jq -r '.layers[1].size' "$(blob "$manifest")") B 2026-02-03 04:05:06 RUN a very long
- 2026-02-03 04:05:05 ENV MESSAGE=x
0 2026-02-03 04:05:04 ADD rootfs.tar /" "$(sed 's/  */ /g; s/^ //; s/[0-9.]* MB //; s/very long .*/very long/' "$TMP/text")"
check "history fits into 80 columns" sh -c "! grep -q '.\{81\}' '$TMP/text'"
check "history --no-trunc prints whole commands" sh -c "'$LAYOUTFS' history --no-trunc '$L:app' | grep -qE '(.*&& more ){20}end\$'"
same "history --json has the layer of each step" "[[1,\"${layers[1]}\",false],[null,null,true],[0,\"${layers[0]}\",false]]" \
  "$(layoutfs history --json "$L:app" | jq -c '[.history[] | [.layer, .digest, .emptyLayer]]')"
same "history --json has whole commands" "$(jq -c '.history | reverse | map(.created_by)' "$(blob "$config")")" \
  "$(layoutfs history --json "$L:app" | jq -c '[.history[].createdBy]')"
prints "history of an image without a history prints only the header" "LAYER  SIZE  CREATED  CREATED BY
note: the history has 0 entries with a layer, the image has 2 layers" history "$TMP/layouts/sample:app:1.0"
refused "history refuses to run without an image" 2 history
layoutfs history "$TMP/layouts/sample" >"$TMP/text" 2>/dev/null
same "history of a layout has each image once, below its name" "0 app:1.0: multi[linux/s390x]: @3:" "$? $(grep ':$' "$TMP/text" | xargs)"
same "history of a layout has the table of each image" "$(layoutfs history "$TMP/layouts/sample:@3" 2>/dev/null)" "$(sed '1,/^@3:$/d' "$TMP/text")"
same "history --json of a layout has the history of each image" "$(layoutfs history --json "$L:app" | jq -c .history)" \
  "$(layoutfs history --json "$L" | jq -c --arg manifest "$manifest" '.images[] | select(.manifest == $manifest).history')"
layoutfs history "$TMP/layouts/broken-images" >"$TMP/text" 2>"$TMP/stderr"
same "history continues after an image that cannot be read, and exits with the status of the first error" "4 1" "$? $(($(wc -l <"$TMP/text") > 1 && $(wc -l <"$TMP/stderr") >= 1))"
refused "history refuses an unknown reference" 3 history "$L:unknown"

echo "-- on a terminal"
if has script; then
  on_terminal() { limited script -qec "stty cols 70; $1 '$LAYOUTFS' inspect '$L:app'" /dev/null </dev/null | tr -d '\r'; }
  bold=$'\033[1m'
  check "the header of the table is bold on a terminal" grep -qF "${bold}LAYER" <(on_terminal "TERM=xterm NO_COLOR=")
  check "NO_COLOR disables colours on a terminal" sh -c '! grep -qF "$1"' sh $'\033' <(on_terminal "TERM=xterm NO_COLOR=1")
  check "TERM=dumb disables colours on a terminal" sh -c '! grep -qF "$1"' sh $'\033' <(on_terminal "TERM=dumb NO_COLOR=")
  same "the table fits into the width of the terminal" 0 "$(on_terminal "TERM=dumb" | sed '1,/^$/d' | grep -c '.\{71\}')"
fi
finish
