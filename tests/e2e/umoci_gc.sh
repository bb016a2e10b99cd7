#!/usr/bin/env bash
# `layoutfs gc` and `umoci gc` keep the same blobs of the same layouts.
. "$(dirname "$0")/lib.sh"
need umoci python3
need_layout
make_layouts sample single

# Removes the entries of one name from index.json, or the entry with a number.
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

# same_garbage CASE LAYOUT [NAME...]: removes these references, adds an unused blob, and compares the garbage
# collectors.
same_garbage() {
  local sentence=$1 original=$2 name before
  shift 2
  rm -rf "$TMP/umoci" "$TMP/ours"
  cp -r --no-preserve=mode,ownership "$original" "$TMP/umoci"
  for name; do check "$sentence: the test removes the tag $name" python3 "$TMP/untag.py" "$TMP/umoci" "$name"; done
  printf 'orphan' >"$TMP/umoci/blobs/sha256/$(printf 'orphan' | sha256sum | cut -d' ' -f1)"
  cp -a "$TMP/umoci" "$TMP/ours"
  before=$(blobs "$TMP/ours")

  layoutfs gc --grace 0 --dry-run "$TMP/ours" >"$TMP/would-go" 2>/dev/null || not_ok "$sentence: gc --dry-run succeeds"
  same "$sentence: gc --dry-run removes nothing" "$before" "$(blobs "$TMP/ours")"
  layoutfs gc "$TMP/ours" >/dev/null 2>&1 || not_ok "$sentence: gc succeeds"
  same "$sentence: gc keeps new blobs" "$before" "$(blobs "$TMP/ours")"
  check "$sentence: umoci gc succeeds" umoci gc --layout "$TMP/umoci"
  layoutfs gc --grace 0 "$TMP/ours" >"$TMP/went" 2>"$TMP/stderr" || not_ok "$sentence: gc --grace 0 succeeds" "$(cat "$TMP/stderr")"
  same "$sentence: layoutfs gc and umoci gc keep the same blobs" "$(blobs "$TMP/umoci")" "$(blobs "$TMP/ours")"
  same "$sentence: gc removes the blobs that --dry-run listed" "$(cat "$TMP/would-go")" "$(cat "$TMP/went")"
  same "$sentence: gc prints the blobs that it removed" \
    "$(comm -23 <(echo "$before") <(blobs "$TMP/ours"))" \
    "$(sed 's,^\(sha256\):,./\1/,' "$TMP/went" | sort)"
  check "$sentence: fsck finds no problems after gc" "$LAYOUTFS" fsck "$TMP/ours"
  check "$sentence: umoci lists the layout after gc" umoci ls --layout "$TMP/ours"
}

single=$TMP/layouts/single sample=$TMP/layouts/sample
same_garbage "a layout with one image" "$single"
same "gc of a layout with one image removes only the unused blob" "$(count "$single")" "$(count "$TMP/ours")"
same_garbage "a layout without references" "$single" latest
same "gc of a layout without references removes all blobs" 0 "$(count "$TMP/ours")"

same_garbage "a layout with an index for two platforms" "$sample"
same_garbage "a layout without the index, whose image has another reference" "$sample" multi
check "gc of a layout without the index removes more than the unused blob" test "$(count "$TMP/ours")" -lt "$(count "$sample")"
same_garbage "a layout without the reference to an image of an index" "$sample" app:1.0
same "gc keeps the image of an index" "$(count "$sample")" "$(count "$TMP/ours")"
same_garbage "a layout without several references" "$sample" multi app:1.0 team/project/app

# A missing manifest's children are unknown.
rm -rf "$TMP/ours"
cp -r --no-preserve=mode,ownership "$single" "$TMP/ours"
python3 - "$TMP/ours" <<'PYTHON'
import json, os, sys
with open(sys.argv[1] + "/index.json") as f:
    digest = json.load(f)["manifests"][0]["digest"]
os.remove(sys.argv[1] + "/blobs/" + digest.replace(":", "/"))
PYTHON
before=$(blobs "$TMP/ours")
check "umoci gc refuses a layout with a missing manifest" sh -c "! umoci gc --layout '$TMP/ours'"
refused "gc refuses a layout with a missing manifest" 3 gc --grace 0 "$TMP/ours"
same "a refused gc removes nothing" "$before" "$(blobs "$TMP/ours")"

# Images that share layers, each built by umoci from the previous one.
check "umoci creates a layout" umoci init --layout "$TMP/built"
check "umoci creates an image" umoci new --image "$TMP/built:base"
mkdir "$TMP/files"
from=base
for name in one two three; do
  echo "$name" >"$TMP/files/$name"
  check "umoci copies a tag" umoci tag --image "$TMP/built:$from" "$name"
  check "umoci adds a layer" umoci insert --image "$TMP/built:$name" "$TMP/files/$name" "/$name"
  from=$name
done
for gone in base one two three; do same_garbage "images on each other without $gone" "$TMP/built" $gone; done
same_garbage "a layout without the upper ones of images that share layers" "$TMP/built" two three

name=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"])' "$LAYOUT/index.json")
same_garbage "a layout with an index for many platforms" "$LAYOUT"
same "gc of a layout with an index for many platforms removes only the unused blob" "$(count "$LAYOUT")" "$(count "$TMP/ours")"
same_garbage "a layout with an index for many platforms, without $name" "$LAYOUT" "$name"
