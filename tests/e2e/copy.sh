#!/usr/bin/env bash
# Copies of images equal those of skopeo, blob for blob. A second copy reads no layer. An interrupted copy is resumed.
# Wrong content of a source is detected before it becomes visible. LAYOUTFS_TEST_FULL=1 also copies 10,000 images.
. "$(dirname "$0")/lib.sh"
need jq python3
need_layout

blobs_of() { (cd "$1/blobs" && find sha* -type f -exec sha256sum {} + | sort -k2); }
count() { layoutfs copy --json --no-progress "$@" | jq -c '[.copied.blobs, .reused.blobs]'; }
# litter LAYOUT: lists files that belong neither to a layout nor to an upload.
litter() { find "$1" -type f ! -name oci-layout ! -name index.json ! -path '*/blobs/*' ! -name .layoutfs.lock; }
# image LAYOUT NAME SIZE [SUBJECT]: adds a manifest with a blob of SIZE random bytes.
image() {
  python3 - "$CORPUS" "$@" <<'PY'
import hashlib, json, os, sys
sys.path.insert(0, sys.argv[1])
from ocilib import noise
layout, name, size, *subject = sys.argv[2:]
def put(content):
    digest = hashlib.sha256(content).hexdigest()
    os.makedirs(f"{layout}/blobs/sha256", exist_ok=True)
    with open(f"{layout}/blobs/sha256/{digest}", "wb") as file:
        file.write(content)
    return {"digest": "sha256:" + digest, "size": len(content)}
config = {"mediaType": "application/vnd.oci.image.config.v1+json", **put(json.dumps({"name": name}).encode())}
layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", **put(noise(int(size), len(name)))}
manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": [layer]}
index = {"schemaVersion": 2, "manifests": []}
if os.path.exists(f"{layout}/index.json"):
    index = json.load(open(f"{layout}/index.json"))
entry = {"mediaType": manifest["mediaType"]}
if subject:
    manifest["subject"] = {"mediaType": manifest["mediaType"], "digest": subject[0], "size": int(subject[1])}
    manifest["artifactType"] = "application/vnd.example.signature"
else:
    entry["annotations"] = {"org.opencontainers.image.ref.name": name}
entry.update(put(json.dumps(manifest).encode()))
index["manifests"].append(entry)
json.dump(index, open(f"{layout}/index.json", "w"))
json.dump({"imageLayoutVersion": "1.0.0"}, open(f"{layout}/oci-layout", "w"))
print(entry["digest"], entry["size"], layer["digest"])
PY
}

echo "-- a whole layout, compared with skopeo"
check "copy copies a whole layout" "$LAYOUTFS" copy --no-progress "$LAYOUT" "$TMP/all"
same "a copied layout has the same references" "$(layoutfs ls "$LAYOUT")" "$(layoutfs ls "$TMP/all")"
check "fsck finds no problems in a copied layout" "$LAYOUTFS" fsck --no-progress "$TMP/all"
same "copy leaves no temporary files" "" "$(litter "$TMP/all")"
if has skopeo; then
  layoutfs ref ls "$LAYOUT" | cut -d' ' -f1 | sort -u >"$TMP/tags"
  while read -r name; do
    check "skopeo copies $name" skopeo copy -q --all "oci:$LAYOUT:$name" "oci:$TMP/skopeo:$name"
    check "copy copies $name" "$LAYOUTFS" copy --no-progress "$LAYOUT:$name" "$TMP/one-by-one:$name"
  done <"$TMP/tags"
  same "copy writes the same blobs as skopeo" "$(blobs_of "$TMP/skopeo")" "$(blobs_of "$TMP/one-by-one")"
  same "copy writes the same names as skopeo" "$(layoutfs ls "$TMP/skopeo")" "$(layoutfs ls "$TMP/one-by-one")"
fi

echo "-- existing layers are not read"
total=$(find "$TMP/all/blobs" -type f | wc -l)
same "a second copy reuses all blobs" "[0,$total]" "$(count "$LAYOUT" "$TMP/all")"
if has strace; then
  strace -f -qq -e trace=openat,openat2,open -o "$TMP/trace" "$LAYOUTFS" copy --no-progress "$LAYOUT" "$TMP/all" >/dev/null
  check "the trace of a second copy has files" grep -q 'index.json' "$TMP/trace"
  for layer in $(layoutfs inspect --json "$LAYOUT:$(head -n 1 "$TMP/tags")" |
    jq -r '.layers[] | select(.size > 1048576).digest'); do
    same "a second copy opens no large layer" "" "$(grep "${layer#sha256:}" "$TMP/trace")"
  done
fi

echo "-- a damaged destination"
read -r manifest size layer < <(image "$TMP/healthy" app 3000000)
config=$(jq -r .config.digest "$TMP/healthy/blobs/${manifest/://}")
check "copy fills the destination to be damaged" "$LAYOUTFS" copy --no-progress "$TMP/healthy" "$TMP/damaged"
for blob in "$manifest" "$config"; do
  for how in "truncate -s 0" "truncate -s 20" "shred -x -z -n 0"; do
    $how "$TMP/damaged/blobs/${blob/://}"
    same "copy replaces a damaged document ($how)" "[1,2]" "$(count "$TMP/healthy" "$TMP/damaged")"
    check "the destination is intact after copy replaced a document ($how)" diff -r "$TMP/healthy/blobs/sha256" "$TMP/damaged/blobs/sha256"
  done
done
printf 'x' | dd of="$TMP/damaged/blobs/${layer/://}" bs=1 seek=1000 conv=notrunc status=none
exec 3<"$TMP/damaged/blobs/${layer/://}"
same "copy does not read a large layer that exists in the destination" "[0,3]" "$(count "$TMP/healthy" "$TMP/damaged")"
same "copy --verify-existing replaces a damaged layer" "[1,2]" "$(count --verify-existing "$TMP/healthy" "$TMP/damaged")"
check "the destination is intact after copy --verify-existing" diff -r "$TMP/healthy/blobs/sha256" "$TMP/damaged/blobs/sha256"
same "a reader of the damaged layer keeps its open file" x "$(dd bs=1 skip=1000 count=1 status=none <&3)"
exec 3<&-
truncate -s 1000 "$TMP/damaged/blobs/${layer/://}"
same "copy replaces a layer of another size" "[1,2]" "$(count "$TMP/healthy" "$TMP/damaged")"
same "a repaired destination has no temporary files" "" "$(litter "$TMP/damaged")"
printf 'x' | dd of="$TMP/damaged/blobs/${layer/://}" bs=1 seek=1000 conv=notrunc status=none
check "blob put replaces a damaged layer" "$LAYOUTFS" blob put "$TMP/damaged" "$TMP/healthy/blobs/${layer/://}"
check "the destination is intact after blob put" diff -r "$TMP/healthy/blobs/sha256" "$TMP/damaged/blobs/sha256"

echo "-- names"
S=$TMP/named
image "$TMP/two" first 1000 >/dev/null
image "$TMP/two" second 2000 >/dev/null
check "copy copies an image under a new name" "$LAYOUTFS" copy "$TMP/two:first" "$S:other:1.0"
same "the copied image has its new name" other:1.0 "$(layoutfs ls "$S")"
check "copy adds a name in the same layout" "$LAYOUTFS" copy "$TMP/two:second" "$TMP/two:third"
same "a copy in the same layout adds one name" $'first\nsecond\nthird' "$(layoutfs ls "$TMP/two")"
check "copy gives an image a name that another image has" "$LAYOUTFS" copy "$TMP/two:second" "$S:other:1.0"
same "the name moves to the copied image" "$(layoutfs inspect --json "$TMP/two:second" | jq -r .manifest)" "$(layoutfs inspect --json "$S:other:1.0" | jq -r .manifest)"
same "the entry that lost its name stays" 2 "$(jq '.manifests | length' "$S/index.json")"
unchanged "copy refuses one name for three images" 2 copy "$TMP/two" "$S:name"
unchanged "copy refuses an unknown image" 3 copy "$TMP/two:nobody" "$S"
unchanged "copy refuses a layout that does not exist" 3 copy "$TMP/nobody" "$S"
refused "copy refuses an invalid name" 2 copy "$TMP/two:first" "$TMP/new:a//b"
check "a refused copy creates no layout" test ! -e "$TMP/new"
check "copy --platform copies an image" "$LAYOUTFS" copy --platform linux/arm64 "$LAYOUT:$(head -n 1 "$TMP/tags")" "$TMP/arm:app"
same "copy --platform writes only the manifest of the platform" application/vnd.oci.image.manifest.v1+json "$(jq -r '.manifests[0].mediaType' "$TMP/arm/index.json")"
unchanged "copy --platform refuses a platform that the image does not have" 3 copy --platform plan9/mips "$LAYOUT:$(head -n 1 "$TMP/tags")" "$S"

echo "-- referrers"
read -r subject size _ < <(image "$TMP/signed" app 5000)
read -r signature signature_size _ < <(image "$TMP/signed" signature 10 "$subject" "$size")
read -r _ _ _ < <(image "$TMP/signed" countersignature 11 "$signature" "$signature_size")
image "$TMP/signed" another 12 >/dev/null
check "copy copies an image with its referrers" "$LAYOUTFS" copy "$TMP/signed:app" "$TMP/with"
same "a copy with referrers has three entries, as one referrer refers to the other" 3 "$(jq '.manifests | length' "$TMP/with/index.json")"
same "referrers lists the copied signature for its subject" "$signature" "$(layoutfs referrers "$TMP/with" app "$subject" --default-repository app | cut -d' ' -f1)"
check "copy --no-referrers copies an image" "$LAYOUTFS" copy --no-referrers "$TMP/signed:app" "$TMP/without"
same "copy --no-referrers writes one entry" 1 "$(jq '.manifests | length' "$TMP/without/index.json")"

echo "-- layers in another compression"
# packed LAYOUT NAME COMMAND...: adds an image of $TMP/layer.tar, compressed by COMMAND.
packed() {
  local layout=$1 name=$2 type
  shift 2
  case $1 in gzip) type=tar+gzip ;; zstd) type=tar+zstd ;; *) type=tar ;; esac
  mkdir -p "$layout/blobs/sha256"
  "$@" <"$TMP/layer.tar" >"$TMP/layer"
  jq -nc --arg d "$(digest_of "$TMP/layer.tar")" \
    '{architecture: "amd64", os: "linux", config: {}, rootfs: {type: "layers", diff_ids: [$d]}}' >"$TMP/config"
  jq -nc --arg c "$(digest_of "$TMP/config")" --argjson cs "$(stat -c %s "$TMP/config")" --arg t "$type" \
    --arg l "$(digest_of "$TMP/layer")" --argjson ls "$(stat -c %s "$TMP/layer")" '{schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $c, size: $cs},
    layers: [{mediaType: ("application/vnd.oci.image.layer.v1." + $t), digest: $l, size: $ls}],
    annotations: {"org.example.note": "stays"}}' >"$TMP/manifest"
  for file in layer config manifest; do
    digest=$(digest_of "$TMP/$file")
    cp "$TMP/$file" "$layout/blobs/${digest/://}"
  done
  jq -nc --arg d "$digest" --argjson s "$(stat -c %s "$TMP/manifest")" --arg n "$name" '{schemaVersion: 2, manifests: [{
    mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: $s,
    annotations: {"org.opencontainers.image.ref.name": $n}}]}' >"$layout/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
}
mkdir "$TMP/files"
python3 -c 'import sys
sys.path.insert(0, sys.argv[1])
from ocilib import noise
sys.stdout.buffer.write(noise(2_000_000, 11))' "$CORPUS" >"$TMP/files/noise"
tar -C "$TMP/files" --owner=0 --group=0 -cf "$TMP/layer.tar" noise
packed "$TMP/by-gzip" by-gzip gzip -n
packed "$TMP/by-zstd" by-zstd zstd -q
packed "$TMP/plain" plain cat
gzip_layer=$(layoutfs inspect --json "$TMP/by-gzip:by-gzip" | jq -r '.layers[0].digest')
check "copy copies an image with a gzip layer" "$LAYOUTFS" copy --no-progress "$TMP/by-gzip" "$TMP/mixed"
check "copy without --substitute copies a zstd layer too" "$LAYOUTFS" copy --no-progress "$TMP/by-zstd" "$TMP/digests"
check "copy without --substitute adds the image with the gzip layer" "$LAYOUTFS" copy --no-progress "$TMP/by-gzip" "$TMP/digests"
same "copy without --substitute keeps every digest" "$(jq -r '.manifests[0].digest' "$TMP/by-zstd/index.json" "$TMP/by-gzip/index.json" | sort)" \
  "$(jq -r '.manifests[].digest' "$TMP/digests/index.json" | sort)"
before=$(du -sb "$TMP/mixed" | cut -f1)
check "copy --substitute uses the existing gzip layer" "$LAYOUTFS" copy --no-progress --substitute --json "$TMP/by-zstd" "$TMP/mixed"
layoutfs copy --no-progress --substitute --json "$TMP/plain" "$TMP/mixed" >"$TMP/stdout"
same "copy --substitute --json reports the size of the reused layer" "1 $(stat -c %s "$TMP/layer.tar")" "$(jq -r '"\(.substituted.blobs) \(.substituted.bytes)"' "$TMP/stdout")"
check "copy --substitute writes less than 10000 bytes" test $(($(du -sb "$TMP/mixed" | cut -f1) - before)) -lt 10000
for name in by-zstd plain; do
  same "the manifest of $name names the existing layer" "$gzip_layer" "$(layoutfs inspect --json "$TMP/mixed:$name" | jq -r '.layers[0].digest')"
  check "cat prints the same file of $name from the existing layer" cmp <(layoutfs cat "$TMP/mixed:$name" noise) "$TMP/files/noise"
  manifest=$(jq -r --arg n "$name" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $n).digest' "$TMP/mixed/index.json")
  same "copy --substitute keeps the rest of the manifest" '["stays","application/vnd.oci.image.layer.v1.tar+gzip"]' \
    "$(jq -c '[.annotations["org.example.note"], .layers[0].mediaType]' "$TMP/mixed/blobs/${manifest/://}")"
done
same "copy --substitute prints the digest of the new manifest" "$manifest" "$(jq -r '.images[0].digest' "$TMP/stdout")"
check "fsck finds no problems after copy --substitute" "$LAYOUTFS" fsck --no-progress "$TMP/mixed"
check "copy stores known locations of blobs in the cache" test -s "$TMP/cache/blob-info"
printf x | dd of="$TMP/cache/blob-info" bs=1 seek=60 conv=notrunc status=none
rm -rf "$TMP/mixed2"
check "copy ignores a damaged file of known locations" "$LAYOUTFS" copy --no-progress "$TMP/by-gzip" "$TMP/mixed2"
layoutfs copy --no-progress --substitute --json "$TMP/by-zstd" "$TMP/mixed2" >"$TMP/stdout"
same "copy --substitute works again after the damage" 1 "$(jq .substituted.blobs "$TMP/stdout")"
layoutfs copy --no-progress --substitute --json --cache-dir /proc/none "$TMP/by-zstd" "$TMP/mixed3" >"$TMP/stdout" 2>"$TMP/stderr"
same "copy ignores a cache that cannot be written" "0 " "$? $(cat "$TMP/stderr")"
# A config with wrong diff IDs.
tar -C "$TMP/files" --owner=1 --group=1 -cf "$TMP/other.tar" noise
python3 - "$TMP" <<'PY'
import hashlib, json, os, sys
tmp = sys.argv[1]
layout = f"{tmp}/liar2"
os.makedirs(f"{layout}/blobs/sha256")
def put(content, kind):
    digest = hashlib.sha256(content).hexdigest()
    open(f"{layout}/blobs/sha256/{digest}", "wb").write(content)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(content)}
claimed = hashlib.sha256(open(f"{tmp}/layer.tar", "rb").read()).hexdigest()
config = put(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + claimed]}}).encode(),
             "config.v1+json")
layer = put(open(f"{tmp}/other.tar", "rb").read(), "layer.v1.tar")
entry = put(json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode(), "manifest.v1+json")
entry["annotations"] = {"org.opencontainers.image.ref.name": "liar"}
json.dump({"schemaVersion": 2, "manifests": [entry]}, open(f"{layout}/index.json", "w"))
json.dump({"imageLayoutVersion": "1.0.0"}, open(f"{layout}/oci-layout", "w"))
PY
layoutfs copy --no-progress --substitute --json "$TMP/liar2" "$TMP/mixed" >"$TMP/stdout"
same "copy --substitute does not trust a config with wrong diff IDs" 0 "$(jq .substituted.blobs "$TMP/stdout")"

echo "-- archives"
check "copy writes an archive" "$LAYOUTFS" copy "$LAYOUT" "oci-archive:$TMP/all.tar"
same "a written archive has the same names" "$(layoutfs ls "$LAYOUT")" "$(layoutfs ls "$TMP/all.tar")"
check "tar reads a written archive" tar -tf "$TMP/all.tar"
check "copy reads a written archive" "$LAYOUTFS" copy "$TMP/all.tar" "$TMP/unpacked"
same "a copy out of an archive has the same blobs" "$(blobs_of "$TMP/all")" "$(blobs_of "$TMP/unpacked")"
S=$TMP/all unchanged "copy does not overwrite an archive" 9 copy "$LAYOUT" "oci-archive:$TMP/all.tar"
S=$TMP/all unchanged "copy does not change an archive" 2 copy "$LAYOUT" "$TMP/all.tar"
same "copy leaves no temporary archive" "" "$(find "$TMP" -maxdepth 1 -name '.*part*')"
if has skopeo; then
  check "skopeo reads a written archive" skopeo inspect --raw "oci-archive:$TMP/all.tar:$(head -n 1 "$TMP/tags")"
fi

echo "-- repositories"
R=oci-repositories:$TMP/store
check "copy writes to a tag of a repository" "$LAYOUTFS" copy "$TMP/two:first" "$R:team/app:1.0"
check "copy writes to a repository" "$LAYOUTFS" copy "$TMP/two" "$R:team/more"
same "repos lists both repositories" $'team/app\nteam/more' "$(layoutfs repos "$TMP/store")"
same "tags lists the copied tags" $'first\nsecond\nthird' "$(layoutfs tags "$TMP/store" team/more)"
check "copy copies a store of repositories" "$LAYOUTFS" copy "$R" "oci-repositories:$TMP/mirror"
same "a copied store has all tags" "$(layoutfs tags "$TMP/store" team/more)" "$(layoutfs tags "$TMP/mirror" team/more)"
check "copy copies a store into one layout" "$LAYOUTFS" copy "$R" "$TMP/flat"
same "a layout copied from a store has full names" $'team/app:1.0\nteam/more:first\nteam/more:second\nteam/more:third' "$(layoutfs ls "$TMP/flat" | sort)"
check "copy copies a layout with full names to a store" "$LAYOUTFS" copy "$TMP/flat" "oci-repositories:$TMP/again"
same "a store copied from full names has the same repositories" "$(layoutfs repos "$TMP/store")" "$(layoutfs repos "$TMP/again")"
check "copy copies one tag" "$LAYOUTFS" copy "$R:team/more:second" "$TMP/single"
same "a copy of one tag has only that tag" team/more:second "$(layoutfs ls "$TMP/single")"
check "copy writes to another repository" "$LAYOUTFS" copy "$TMP/flat:team/app:1.0" "$R:else/where"
same "a copy to another repository keeps the tag" 1.0 "$(layoutfs tags "$TMP/store" else/where)"
"$LAYOUTFS" copy "$TMP/two:second" "$TMP/flat:one:1.0" >/dev/null 2>&1
S=$TMP/store unchanged "copy refuses two images for one tag" 2 copy "$TMP/flat" "$R:both"
S=$TMP/store unchanged "copy refuses a short name of an image in a registry" 2 copy "docker://app" "$R:both"
S=$TMP/store unchanged "copy refuses a docker archive as the destination" 6 copy "$TMP/flat" docker-archive:new
S=$TMP/store unchanged "copy refuses a directory of repositories as a layout" 4 copy "$TMP/store" "$TMP/new"
S=$TMP/store unchanged "copy refuses names without a repository for a store" 2 copy "$TMP/two" "$R"
S=$TMP/store unchanged "copy refuses an invalid tag" 2 copy "$TMP/two:first" "$R:team/app:-"
S=$TMP/store unchanged "copy refuses an invalid repository" 2 copy "$TMP/two:first" "$R:Team"
S=$TMP/store unchanged "copy refuses an unknown tag" 3 copy "$R:team/app:2.0" "$TMP/single"

echo "-- sources with wrong content"
S=$TMP/target
check "copy fills the destination before the damaged source" "$LAYOUTFS" copy "$TMP/two:first" "$S"
image "$TMP/liar" app 3000000 >"$TMP/made"
read -r _ _ layer <"$TMP/made"
blob=$TMP/liar/blobs/${layer/://}
cp "$blob" "$TMP/honest"
printf X | dd of="$blob" bs=1 seek=1500000 conv=notrunc status=none
before=$(layoutfs ls "$S"; cat "$S/index.json")
refused "copy refuses a blob with a changed byte" 7 copy --no-progress "$TMP/liar" "$S"
check "copy does not store a blob with a changed byte" test ! -e "$S/blobs/${layer/://}"
same "a refused copy adds no name" "$before" "$(layoutfs ls "$S"; cat "$S/index.json")"
head -c 2000000 "$TMP/honest" >"$blob"
refused "copy refuses a blob that is too short" 7 copy --no-progress "$TMP/liar" "$S"
check "copy does not store a blob that is too short" test ! -e "$S/blobs/${layer/://}"
cp "$TMP/honest" "$blob"
echo more >>"$blob"
refused "copy refuses a blob that is too long" 7 copy --no-progress "$TMP/liar" "$S"
check "copy does not store a blob that is too long" test ! -e "$S/blobs/${layer/://}"
rm "$blob"
refused "copy refuses an image with a missing blob" 3 copy --no-progress "$TMP/liar" "$S"
same "a refused copy of a missing blob adds no name" "$before" "$(layoutfs ls "$S"; cat "$S/index.json")"
cp "$TMP/honest" "$blob"
check "copy succeeds after the source is repaired" "$LAYOUTFS" copy --no-progress "$TMP/liar" "$S"
same "the digest of every copied blob is its name" "" "$(blobs_of "$S" | awk '$2 != "sha256/" $1')"

echo "-- an interrupted copy"
S=$TMP/broken
image "$TMP/big" app 200000000 >"$TMP/made"
read -r _ _ layer <"$TMP/made"
for round in 1 2 3 4 5 6; do
  "$LAYOUTFS" copy --no-progress "$TMP/big" "$S" >/dev/null 2>&1 &
  pid=$!
  # Some end before the signal, others get it before they start to copy.
  sleep "0.$((round * 3 % 7 + 1))"
  if [ $((round % 2)) = 0 ]; then kill -INT $pid 2>/dev/null; else kill -9 $pid 2>/dev/null; fi
  wait $pid 2>/dev/null
  [ ! -e "$S/blobs/${layer/://}" ] || cmp -s "$S/blobs/${layer/://}" "$TMP/big/blobs/${layer/://}" ||
    not_ok "an interrupted copy leaves only complete blobs"
done
mkdir -p "$TMP/half/blobs/uploads"
check "init creates a layout for the interrupted copy" "$LAYOUTFS" init "$TMP/half-made"
mkdir -p "$TMP/half-made/blobs/uploads"
hex=${layer#sha256:}
head -c 120000000 "$TMP/big/blobs/${layer/://}" >"$TMP/half-made/blobs/uploads/${hex:0:32}"
result=$(layoutfs copy --json --no-progress "$TMP/big" "$TMP/half-made")
same "copy resumes an interrupted copy" true "$(jq '.reused.bytes >= 120000000 and .copied.bytes < 81000000' <<<"$result")"
check "a resumed blob has the right content" cmp "$TMP/half-made/blobs/${layer/://}" "$TMP/big/blobs/${layer/://}"
head -c 120000001 /dev/zero >"$TMP/half-made/blobs/uploads/${hex:0:32}"
rm "$TMP/half-made/blobs/${layer/://}"
check "copy does not resume the upload of another blob" "$LAYOUTFS" copy --no-progress "$TMP/big" "$TMP/half-made"
check "a blob beside a foreign upload has the right content" cmp "$TMP/half-made/blobs/${layer/://}" "$TMP/big/blobs/${layer/://}"
check "copy completes after all interruptions" "$LAYOUTFS" copy --no-progress "$TMP/big" "$S"
check "the blob has the right content after all interruptions" cmp "$S/blobs/${layer/://}" "$TMP/big/blobs/${layer/://}"
check "clean succeeds after interrupted copies" "$LAYOUTFS" clean "$S"
same "clean removes all temporary files" "" "$(litter "$S")"

echo "-- many images"
many=200
[ "${LAYOUTFS_TEST_FULL-}" != 1 ] || many=10000
python3 - "$CORPUS" "$TMP/many" $many <<'PY'
import hashlib, json, os, sys
layout, many = sys.argv[2], int(sys.argv[3])
os.makedirs(f"{layout}/blobs/sha256")
def put(content, media_type):
    digest = hashlib.sha256(content).hexdigest()
    with open(f"{layout}/blobs/sha256/{digest}", "wb") as file:
        file.write(content)
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(content)}
entries = []
for i in range(many):
    config = put(json.dumps({"number": i}).encode(), "application/vnd.oci.image.config.v1+json")
    layer = put(b"layer %d" % i * 100, "application/vnd.oci.image.layer.v1.tar")
    manifest = put(json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode(), "application/vnd.oci.image.manifest.v1+json")
    entries.append({**manifest, "annotations": {"org.opencontainers.image.ref.name": f"image-{i}"}})
json.dump({"schemaVersion": 2, "manifests": entries}, open(f"{layout}/index.json", "w"))
json.dump({"imageLayoutVersion": "1.0.0"}, open(f"{layout}/oci-layout", "w"))
PY
same "copy copies $many images" "[$((3 * many)),0]" "$(count "$TMP/many" "$TMP/copied")"
same "a copy of $many images has the same blobs" "$(blobs_of "$TMP/many" | md5sum)" "$(blobs_of "$TMP/copied" | md5sum)"
same "a copy of $many images has the same names" "$(layoutfs ls "$TMP/many" | md5sum)" "$(layoutfs ls "$TMP/copied" | md5sum)"
