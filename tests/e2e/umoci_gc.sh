#!/usr/bin/env bash
# `layoutfs gc` and `umoci gc` keep the same blobs of the same layouts.
. "$(dirname "$0")/lib.sh"
need umoci python3
need_layout
make_layouts sample single

# Takes the entries of one name, or with a number that entry, out of index.json.
cat >"$TMP/untag.py" <<'PYTHON'
import json, sys
path, name = sys.argv[1] + "/index.json", sys.argv[2]
with open(path) as f:
    index = json.load(f)
entries = index["manifests"]
key = "org.opencontainers.image.ref.name"
kept = [e for e in entries if e.get("annotations", {}).get(key) != name]
assert len(kept) < len(entries), f"no {name} in {path}"
index["manifests"] = kept
with open(path, "w") as f:
    json.dump(index, f)
PYTHON
blobs() { (cd "$1/blobs" && find . -type f | sort); }
count() { blobs "$1" | wc -l; }

# same_garbage SENTENCE LAYOUT [NAME...]: after these references have gone and an orphan has come.
same_garbage() {
  local sentence=$1 original=$2 name before
  shift 2
  rm -rf "$TMP/umoci" "$TMP/ours"
  cp -r --no-preserve=mode,ownership "$original" "$TMP/umoci"
  for name; do check "$sentence: $name is untagged" python3 "$TMP/untag.py" "$TMP/umoci" "$name"; done
  printf 'orphan' >"$TMP/umoci/blobs/sha256/$(printf 'orphan' | sha256sum | cut -d' ' -f1)"
  cp -a "$TMP/umoci" "$TMP/ours"
  before=$(blobs "$TMP/ours")

  layoutfs gc --grace 0 --dry-run "$TMP/ours" >"$TMP/would-go" 2>/dev/null || not_ok "$sentence: gc --dry-run"
  same "$sentence: a dry run removes nothing" "$before" "$(blobs "$TMP/ours")"
  layoutfs gc "$TMP/ours" >/dev/null 2>&1 || not_ok "$sentence: gc"
  same "$sentence: young blobs stay" "$before" "$(blobs "$TMP/ours")"
  check "$sentence: umoci collects" umoci gc --layout "$TMP/umoci"
  layoutfs gc --grace 0 "$TMP/ours" >"$TMP/went" 2>"$TMP/stderr" || not_ok "$sentence: gc" "$(cat "$TMP/stderr")"
  same "$sentence: both keep the same blobs" "$(blobs "$TMP/umoci")" "$(blobs "$TMP/ours")"
  same "$sentence: what went is what the dry run said" "$(cat "$TMP/would-go")" "$(cat "$TMP/went")"
  same "$sentence: what went is what is not there any more" \
    "$(comm -23 <(echo "$before") <(blobs "$TMP/ours"))" \
    "$(sed 's,^\(sha256\):,./\1/,' "$TMP/went" | sort)"
  check "$sentence: what stays is whole" "$LAYOUTFS" fsck "$TMP/ours"
  check "$sentence: umoci is content with it" umoci ls --layout "$TMP/ours"
}

single=$TMP/layouts/single sample=$TMP/layouts/sample
same_garbage "one image" "$single"
same "one image: nothing but the orphan went" "$(count "$single")" "$(count "$TMP/ours")"
same_garbage "no image" "$single" latest
same "no image: nothing is left" 0 "$(count "$TMP/ours")"

same_garbage "an index for two platforms" "$sample"
same_garbage "an index that shares its image" "$sample" multi
check "without the index something went beside the orphan" test "$(count "$TMP/ours")" -lt "$(count "$sample")"
same_garbage "an image that an index holds" "$sample" app:1.0
same "what the index holds stays" "$(count "$sample")" "$(count "$TMP/ours")"
same_garbage "several at once" "$sample" multi app:1.0 team/project/app

# The children of a missing manifest are unknown.
rm -rf "$TMP/ours"
cp -r --no-preserve=mode,ownership "$single" "$TMP/ours"
python3 - "$TMP/ours" <<'PYTHON'
import json, os, sys
with open(sys.argv[1] + "/index.json") as f:
    digest = json.load(f)["manifests"][0]["digest"]
os.remove(sys.argv[1] + "/blobs/" + digest.replace(":", "/"))
PYTHON
before=$(blobs "$TMP/ours")
check "umoci does not collect without the manifest of a reference" sh -c "! umoci gc --layout '$TMP/ours'"
refused "nor does gc" 3 gc --grace 0 "$TMP/ours"
same "neither has removed anything" "$before" "$(blobs "$TMP/ours")"

# Images that share layers, as umoci builds them on each other.
check "umoci makes a layout" umoci init --layout "$TMP/built"
check "umoci makes an image" umoci new --image "$TMP/built:base"
mkdir "$TMP/files"
from=base
for name in one two three; do
  echo "$name" >"$TMP/files/$name"
  check "umoci copies the tag" umoci tag --image "$TMP/built:$from" "$name"
  check "umoci adds a layer" umoci insert --image "$TMP/built:$name" "$TMP/files/$name" "/$name"
  from=$name
done
for gone in base one two three; do same_garbage "images on each other without $gone" "$TMP/built" $gone; done
same_garbage "images on each other without the upper ones" "$TMP/built" two three

name=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"])' "$LAYOUT/index.json")
same_garbage "a layout of many platforms" "$LAYOUT"
same "a layout of many platforms: nothing but the orphan went" "$(count "$LAYOUT")" "$(count "$TMP/ours")"
same_garbage "a layout of many platforms without $name" "$LAYOUT" "$name"
