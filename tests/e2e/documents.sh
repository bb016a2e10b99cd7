#!/usr/bin/env bash
# If other readers could understand a document differently, no command uses it, removes anything or writes anything.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample
S=$TMP/store

digest=$(jq -r '.manifests[0].digest' "$TMP/layouts/sample/index.json")
manifest=blobs/${digest/://}
# spoil TEXT: replaces index.json of the sample by TEXT, in which @ stands for the original entries.
spoil() {
  rm -rf "$S" && cp -a "$TMP/layouts/sample" "$S"
  entries=$(jq -c .manifests "$TMP/layouts/sample/index.json")
  printf '%s' "${1//@/$entries}" >"$S/index.json"
}
# nothing_done CASE MEMBER: commands that change the layout or copy from it must refuse, and name MEMBER.
nothing_done() {
  unchanged "gc refuses $1" 4 gc --grace 0s "$S"
  unchanged "ref put refuses $1" 4 ref put "$S" new "$digest" --media-type application/vnd.oci.image.manifest.v1+json
  unchanged "ref rm refuses $1" 4 ref rm "$S" app:1.0
  unchanged "ls refuses $1" 4 ls "$S"
  layoutfs init "$TMP/copy" 2>/dev/null
  unchanged "copy refuses a source with $1" 4 copy "$S" "$TMP/copy"
  same "a refused copy of a source with $1 writes no blob" "" "$(find "$TMP/copy/blobs" -type f)"
  unchanged "copy refuses a destination with $1" 4 copy "$TMP/layouts/sample:app:1.0" "$S:new"
  check "the error for $1 names the member" grep -qi "'$2'" "$TMP/stderr"
  (cd "$S" && tar cf "$TMP/store.tar" .)
  refused "ls refuses an archive with $1" 4 ls "$TMP/store.tar"
  rm -rf "$TMP/copy"
}

echo "-- index.json"
spoil '{"schemaVersion":2,"manifests":[],"manifests":@}'
nothing_done "index.json with a list after an empty list" manifests
spoil '{"schemaVersion":2,"manifests":@,"\u006danifests":[]}'
nothing_done "index.json with an empty list, named by an escape, after a list" manifests
spoil '{"schemaVersion":2,"manifests":[],"Manifests":@}'
nothing_done "index.json with two spellings of a member" manifests
spoil '{"schemaVersion":2,"Manifests":@}'
nothing_done "index.json with only another spelling of a member" manifests
spoil '{"schemaVersion":2,"manifests":@,"org.example":{"a":1,"a":2}}'
nothing_done "index.json with a duplicate in a foreign member" a

echo "-- one manifest"
spoil '{"schemaVersion":2,"manifests":@}'
jq -c . "$S/$manifest" | sed 's/"layers":/"layers":[],&/' >"$TMP/twice"
twice=$(digest_of "$TMP/twice")
layoutfs blob put "$S" "$TMP/twice" >"$TMP/stdout"
jq -c --arg digest "$twice" --argjson size "$(stat -c %s "$TMP/twice")" \
  '.manifests += [.manifests[0] | .digest = $digest | .size = $size |
    .annotations["org.opencontainers.image.ref.name"] = "twice"]' "$S/index.json" >"$TMP/index" && cp "$TMP/index" "$S/index.json"
unchanged "gc refuses a manifest with a duplicate member" 4 gc --grace 0s "$S"
unchanged "ls refuses a manifest with a duplicate member" 4 ls "$S:twice"
layoutfs init "$TMP/copy"
unchanged "copy refuses a manifest with a duplicate member" 4 copy "$S:twice" "$TMP/copy:twice"
same "a refused copy of a manifest adds no entry" '[]' "$(jq -c .manifests "$TMP/copy/index.json")"
unchanged "ref put refuses a manifest with a duplicate member" 4 ref put "$S" new "$twice"
check "the error of ref put names the duplicate member" grep -q "'layers'" "$TMP/stderr"
layoutfs init "$TMP/registry/repository"
refused "push refuses a manifest with a duplicate member" 4 push "$TMP/registry" repository "$TMP/twice" --manifest

echo "-- unusual but valid documents"
spoil '{"schemaVersion":2.0,"manifests":@}'
jq -c '.manifests[0].annotations["org.example.null"] = null' "$S/index.json" |
  sed 's/"size":\([0-9]*\)/"size":\1.0/' >"$TMP/index" && cp "$TMP/index" "$S/index.json"
odd=$(grep -o '"size":[0-9]*\.0' "$S/index.json")
name=$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' "$S/index.json")
check "ls reads an index with null annotations and decimal points" "$LAYOUTFS" ls "$S:$name"
prints "ref put adds a reference beside an unusual entry" "" ref put "$S" new "$digest"
same "ref put leaves an unusual entry unchanged" "null $odd" "$(jq -r '.manifests[0].annotations["org.example.null"]' "$S/index.json") $(
  grep -o '"size": [0-9]*\.0' "$S/index.json" | tr -d ' ')"
