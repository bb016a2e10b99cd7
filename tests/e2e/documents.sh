#!/usr/bin/env bash
# Documents that other readers understand differently: no command uses one, nothing is removed or written.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample
S=$TMP/store

digest=$(jq -r '.manifests[0].digest' "$TMP/layouts/sample/index.json")
manifest=blobs/${digest/://}
# spoil TEXT: the sample with this index.json; @ in TEXT is replaced by its original entries.
spoil() {
  rm -rf "$S" && cp -a "$TMP/layouts/sample" "$S"
  entries=$(jq -c .manifests "$TMP/layouts/sample/index.json")
  printf '%s' "${1//@/$entries}" >"$S/index.json"
}
# nothing_done SENTENCE: by any command that would change the layout, or copy from it.
nothing_done() {
  unchanged "$1: gc" 4 gc --grace 0s "$S"
  unchanged "$1: ref put" 4 ref put "$S" new "$digest" --media-type application/vnd.oci.image.manifest.v1+json
  unchanged "$1: ref rm" 4 ref rm "$S" app:1.0
  unchanged "$1: ls" 4 ls "$S"
  layoutfs init "$TMP/copy" 2>/dev/null
  unchanged "$1: copy from it" 4 copy "$S" "$TMP/copy"
  same "$1: nothing is copied" "" "$(find "$TMP/copy/blobs" -type f)"
  unchanged "$1: copy into it" 4 copy "$TMP/layouts/sample:app:1.0" "$S:new"
  check "$1: the message names the member" grep -qi "'$2'" "$TMP/stderr"
  (cd "$S" && tar cf "$TMP/store.tar" .)
  refused "$1: as an archive" 4 ls "$TMP/store.tar"
  rm -rf "$TMP/copy"
}

echo "-- index.json"
spoil '{"schemaVersion":2,"manifests":[],"manifests":@}'
nothing_done "a list after an empty one" manifests
spoil '{"schemaVersion":2,"manifests":@,"\u006danifests":[]}'
nothing_done "an empty list after a list, by an escape" manifests
spoil '{"schemaVersion":2,"manifests":[],"Manifests":@}'
nothing_done "another spelling" manifests
spoil '{"schemaVersion":2,"Manifests":@}'
nothing_done "another spelling alone" manifests
spoil '{"schemaVersion":2,"manifests":@,"org.example":{"a":1,"a":2}}'
nothing_done "twice in something foreign" a

echo "-- one manifest"
spoil '{"schemaVersion":2,"manifests":@}'
jq -c . "$S/$manifest" | sed 's/"layers":/"layers":[],&/' >"$TMP/twice"
twice=$(digest_of "$TMP/twice")
layoutfs blob put "$S" "$TMP/twice" >"$TMP/stdout"
jq -c --arg digest "$twice" --argjson size "$(stat -c %s "$TMP/twice")" \
  '.manifests += [.manifests[0] | .digest = $digest | .size = $size |
    .annotations["org.opencontainers.image.ref.name"] = "twice"]' "$S/index.json" >"$TMP/index" && cp "$TMP/index" "$S/index.json"
unchanged "gc" 4 gc --grace 0s "$S"
unchanged "ls" 4 ls "$S:twice"
layoutfs init "$TMP/copy"
unchanged "copy" 4 copy "$S:twice" "$TMP/copy:twice"
same "nothing is named there" '[]' "$(jq -c .manifests "$TMP/copy/index.json")"
unchanged "ref put says why" 4 ref put "$S" new "$twice"
check "by the member's name" grep -q "'layers'" "$TMP/stderr"
layoutfs init "$TMP/registry/repository"
refused "push" 4 push "$TMP/registry" repository "$TMP/twice" --manifest

echo "-- what is only odd"
spoil '{"schemaVersion":2.0,"manifests":@}'
jq -c '.manifests[0].annotations["org.example.null"] = null' "$S/index.json" |
  sed 's/"size":\([0-9]*\)/"size":\1.0/' >"$TMP/index" && cp "$TMP/index" "$S/index.json"
odd=$(grep -o '"size":[0-9]*\.0' "$S/index.json")
name=$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' "$S/index.json")
check "null annotations and decimal points are read" "$LAYOUTFS" ls "$S:$name"
prints "beside them, references come" "" ref put "$S" new "$digest"
same "and the entry stays as it is" "null $odd" "$(jq -r '.manifests[0].annotations["org.example.null"]' "$S/index.json") $(
  grep -o '"size": [0-9]*\.0' "$S/index.json" | tr -d ' ')"
