#!/usr/bin/env bash
# Copies of images: equal to those of skopeo, blob for blob; a second copy reads no layer; an interrupted one
# is resumed; wrong content of a source is detected before it becomes visible. LAYOUTFS_TEST_FULL=1 also
# copies 10,000 images.
. "$(dirname "$0")/lib.sh"
need jq python3
need_layout

blobs_of() { (cd "$1/blobs" && find sha* -type f -exec sha256sum {} + | sort -k2); }
count() { layoutfs copy --json --no-progress "$@" | jq -c '[.copied.blobs, .reused.blobs]'; }
# litter LAYOUT: files that belong neither to a layout nor to an upload.
litter() { find "$1" -type f ! -name oci-layout ! -name index.json ! -path '*/blobs/*' ! -name .layoutfs.lock; }
# A blob of random bytes under a manifest: image LAYOUT NAME SIZE [SUBJECT]
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

echo "-- a whole layout, beside skopeo"
check "all of a layout" "$LAYOUTFS" copy --no-progress "$LAYOUT" "$TMP/all"
same "the references are the same" "$(layoutfs ls "$LAYOUT")" "$(layoutfs ls "$TMP/all")"
check "the layout is in order" "$LAYOUTFS" fsck --no-progress "$TMP/all"
same "there is no litter" "" "$(litter "$TMP/all")"
if has skopeo; then
  layoutfs ref ls "$LAYOUT" | cut -d' ' -f1 | sort -u >"$TMP/tags"
  while read -r name; do
    check "skopeo copies $name" skopeo copy -q --all "oci:$LAYOUT:$name" "oci:$TMP/skopeo:$name"
    check "and layoutfs" "$LAYOUTFS" copy --no-progress "$LAYOUT:$name" "$TMP/one-by-one:$name"
  done <"$TMP/tags"
  same "blob for blob" "$(blobs_of "$TMP/skopeo")" "$(blobs_of "$TMP/one-by-one")"
  same "and by the same names" "$(layoutfs ls "$TMP/skopeo")" "$(layoutfs ls "$TMP/one-by-one")"
fi

echo "-- what is there is not read"
total=$(find "$TMP/all/blobs" -type f | wc -l)
same "a second copy has everything" "[0,$total]" "$(count "$LAYOUT" "$TMP/all")"
if has strace; then
  strace -f -qq -e trace=openat,openat2,open -o "$TMP/trace" "$LAYOUTFS" copy --no-progress "$LAYOUT" "$TMP/all" >/dev/null
  check "the trace tells of files" grep -q 'index.json' "$TMP/trace"
  for layer in $(layoutfs inspect --json "$LAYOUT:$(head -n 1 "$TMP/tags")" |
    jq -r '.layers[] | select(.size > 1048576).digest'); do
    same "no large layer is opened" "" "$(grep "${layer#sha256:}" "$TMP/trace")"
  done
fi

echo "-- a destination that is damaged"
read -r manifest size layer < <(image "$TMP/healthy" app 3000000)
config=$(jq -r .config.digest "$TMP/healthy/blobs/${manifest/://}")
check "a copy" "$LAYOUTFS" copy --no-progress "$TMP/healthy" "$TMP/damaged"
for blob in "$manifest" "$config"; do
  for how in "truncate -s 0" "truncate -s 20" "shred -x -z -n 0"; do
    $how "$TMP/damaged/blobs/${blob/://}"
    same "a document that has lost its content is replaced ($how)" "[1,2]" "$(count "$TMP/healthy" "$TMP/damaged")"
    check "so that all is as it was" diff -r "$TMP/healthy/blobs/sha256" "$TMP/damaged/blobs/sha256"
  done
done
printf 'x' | dd of="$TMP/damaged/blobs/${layer/://}" bs=1 seek=1000 conv=notrunc status=none
exec 3<"$TMP/damaged/blobs/${layer/://}"
same "a large layer is not read" "[0,3]" "$(count "$TMP/healthy" "$TMP/damaged")"
same "unless that is wanted" "[1,2]" "$(count --verify-existing "$TMP/healthy" "$TMP/damaged")"
check "so that all is as it was" diff -r "$TMP/healthy/blobs/sha256" "$TMP/damaged/blobs/sha256"
same "whoever has the damaged one open goes on with it" x "$(dd bs=1 skip=1000 count=1 status=none <&3)"
exec 3<&-
truncate -s 1000 "$TMP/damaged/blobs/${layer/://}"
same "a layer of another size is replaced anyhow" "[1,2]" "$(count "$TMP/healthy" "$TMP/damaged")"
same "there is no litter" "" "$(litter "$TMP/damaged")"
printf 'x' | dd of="$TMP/damaged/blobs/${layer/://}" bs=1 seek=1000 conv=notrunc status=none
check "blob put replaces it too" "$LAYOUTFS" blob put "$TMP/damaged" "$TMP/healthy/blobs/${layer/://}"
check "so that all is as it was" diff -r "$TMP/healthy/blobs/sha256" "$TMP/damaged/blobs/sha256"

echo "-- names"
S=$TMP/named
image "$TMP/two" first 1000 >/dev/null
image "$TMP/two" second 2000 >/dev/null
check "an image by another name" "$LAYOUTFS" copy "$TMP/two:first" "$S:other:1.0"
same "it has that" other:1.0 "$(layoutfs ls "$S")"
check "in its own layout" "$LAYOUTFS" copy "$TMP/two:second" "$TMP/two:third"
same "which is one name more" $'first\nsecond\nthird' "$(layoutfs ls "$TMP/two")"
check "a name that another image has" "$LAYOUTFS" copy "$TMP/two:second" "$S:other:1.0"
same "moves" "$(layoutfs inspect --json "$TMP/two:second" | jq -r .manifest)" "$(layoutfs inspect --json "$S:other:1.0" | jq -r .manifest)"
same "and the other image stays" 2 "$(jq '.manifests | length' "$S/index.json")"
unchanged "one name for three images" 2 copy "$TMP/two" "$S:name"
unchanged "an image that is not there" 3 copy "$TMP/two:nobody" "$S"
unchanged "a layout that is not there" 3 copy "$TMP/nobody" "$S"
refused "a name that is none" 2 copy "$TMP/two:first" "$TMP/new:a//b"
check "which makes no layout" test ! -e "$TMP/new"
check "a platform" "$LAYOUTFS" copy --platform linux/arm64 "$LAYOUT:$(head -n 1 "$TMP/tags")" "$TMP/arm:app"
same "is a manifest alone" application/vnd.oci.image.manifest.v1+json "$(jq -r '.manifests[0].mediaType' "$TMP/arm/index.json")"
unchanged "a platform that there is not" 3 copy --platform plan9/mips "$LAYOUT:$(head -n 1 "$TMP/tags")" "$S"

echo "-- referrers"
read -r subject size _ < <(image "$TMP/signed" app 5000)
read -r signature signature_size _ < <(image "$TMP/signed" signature 10 "$subject" "$size")
read -r _ _ _ < <(image "$TMP/signed" countersignature 11 "$signature" "$signature_size")
image "$TMP/signed" another 12 >/dev/null
check "an image with its referrers" "$LAYOUTFS" copy "$TMP/signed:app" "$TMP/with"
same "two, one of them of the other" 3 "$(jq '.manifests | length' "$TMP/with/index.json")"
same "that say of whom they are" "$signature" "$(layoutfs referrers "$TMP/with" app "$subject" --default-repository app | cut -d' ' -f1)"
check "an image without" "$LAYOUTFS" copy --no-referrers "$TMP/signed:app" "$TMP/without"
same "is one entry" 1 "$(jq '.manifests | length' "$TMP/without/index.json")"

echo "-- layers in another compression"
# packed LAYOUT NAME COMMAND...: an image of the tar $TMP/layer.tar, compressed by COMMAND.
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
check "an image whose layer is compressed by gzip" "$LAYOUTFS" copy --no-progress "$TMP/by-gzip" "$TMP/mixed"
check "by itself, another compression is copied too" "$LAYOUTFS" copy --no-progress "$TMP/by-zstd" "$TMP/digests"
check "and again" "$LAYOUTFS" copy --no-progress "$TMP/by-gzip" "$TMP/digests"
same "so that every digest stays" "$(jq -r '.manifests[0].digest' "$TMP/by-zstd/index.json" "$TMP/by-gzip/index.json" | sort)" \
  "$(jq -r '.manifests[].digest' "$TMP/digests/index.json" | sort)"
before=$(du -sb "$TMP/mixed" | cut -f1)
check "--substitute takes the layer that is there" "$LAYOUTFS" copy --no-progress --substitute --json "$TMP/by-zstd" "$TMP/mixed"
layoutfs copy --no-progress --substitute --json "$TMP/plain" "$TMP/mixed" >"$TMP/stdout"
same "and says so" "1 $(stat -c %s "$TMP/layer.tar")" "$(jq -r '"\(.substituted.blobs) \(.substituted.bytes)"' "$TMP/stdout")"
check "which takes no room" test $(($(du -sb "$TMP/mixed" | cut -f1) - before)) -lt 10000
for name in by-zstd plain; do
  same "$name names the layer that is there" "$gzip_layer" "$(layoutfs inspect --json "$TMP/mixed:$name" | jq -r '.layers[0].digest')"
  check "and has the same file" cmp <(layoutfs cat "$TMP/mixed:$name" noise) "$TMP/files/noise"
  manifest=$(jq -r --arg n "$name" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $n).digest' "$TMP/mixed/index.json")
  same "the rest of the manifest stays" '["stays","application/vnd.oci.image.layer.v1.tar+gzip"]' \
    "$(jq -c '[.annotations["org.example.note"], .layers[0].mediaType]' "$TMP/mixed/blobs/${manifest/://}")"
done
same "the digest that is printed is that of the new manifest" "$manifest" "$(jq -r '.images[0].digest' "$TMP/stdout")"
check "the layout is in order" "$LAYOUTFS" fsck --no-progress "$TMP/mixed"
check "what was found out is kept" test -s "$TMP/cache/blob-info"
printf x | dd of="$TMP/cache/blob-info" bs=1 seek=60 conv=notrunc status=none
rm -rf "$TMP/mixed2"
check "damage of that is no harm" "$LAYOUTFS" copy --no-progress "$TMP/by-gzip" "$TMP/mixed2"
layoutfs copy --no-progress --substitute --json "$TMP/by-zstd" "$TMP/mixed2" >"$TMP/stdout"
same "and all is found out again" 1 "$(jq .substituted.blobs "$TMP/stdout")"
layoutfs copy --no-progress --substitute --json --cache-dir /proc/none "$TMP/by-zstd" "$TMP/mixed3" >"$TMP/stdout" 2>"$TMP/stderr"
same "a cache that cannot be written is no harm" "0 " "$? $(cat "$TMP/stderr")"
# A config that lies is not believed.
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
same "a config that lies is not believed" 0 "$(jq .substituted.blobs "$TMP/stdout")"

echo "-- archives"
check "into an archive" "$LAYOUTFS" copy "$LAYOUT" "oci-archive:$TMP/all.tar"
same "which has the same names" "$(layoutfs ls "$LAYOUT")" "$(layoutfs ls "$TMP/all.tar")"
check "tar reads it" tar -tf "$TMP/all.tar"
check "out of it again" "$LAYOUTFS" copy "$TMP/all.tar" "$TMP/unpacked"
same "blob for blob" "$(blobs_of "$TMP/all")" "$(blobs_of "$TMP/unpacked")"
S=$TMP/all unchanged "no archive is overwritten" 9 copy "$LAYOUT" "oci-archive:$TMP/all.tar"
S=$TMP/all unchanged "or written to" 2 copy "$LAYOUT" "$TMP/all.tar"
same "nothing is left beside it" "" "$(find "$TMP" -maxdepth 1 -name '.*part*')"
if has skopeo; then
  check "skopeo reads it" skopeo inspect --raw "oci-archive:$TMP/all.tar:$(head -n 1 "$TMP/tags")"
fi

echo "-- repositories"
R=oci-repositories:$TMP/store
check "to a tag" "$LAYOUTFS" copy "$TMP/two:first" "$R:team/app:1.0"
check "to a repository" "$LAYOUTFS" copy "$TMP/two" "$R:team/more"
same "two of them" $'team/app\nteam/more' "$(layoutfs repos "$TMP/store")"
same "with their tags" $'first\nsecond\nthird' "$(layoutfs tags "$TMP/store" team/more)"
check "a whole store" "$LAYOUTFS" copy "$R" "oci-repositories:$TMP/mirror"
same "with all tags" "$(layoutfs tags "$TMP/store" team/more)" "$(layoutfs tags "$TMP/mirror" team/more)"
check "into one layout" "$LAYOUTFS" copy "$R" "$TMP/flat"
same "by their full names" $'team/app:1.0\nteam/more:first\nteam/more:second\nteam/more:third' "$(layoutfs ls "$TMP/flat" | sort)"
check "and back" "$LAYOUTFS" copy "$TMP/flat" "oci-repositories:$TMP/again"
same "to the same repositories" "$(layoutfs repos "$TMP/store")" "$(layoutfs repos "$TMP/again")"
check "one tag" "$LAYOUTFS" copy "$R:team/more:second" "$TMP/single"
same "alone" team/more:second "$(layoutfs ls "$TMP/single")"
check "by another repository's name" "$LAYOUTFS" copy "$TMP/flat:team/app:1.0" "$R:else/where"
same "which keeps the tag" 1.0 "$(layoutfs tags "$TMP/store" else/where)"
"$LAYOUTFS" copy "$TMP/two:second" "$TMP/flat:one:1.0" >/dev/null 2>&1
S=$TMP/store unchanged "two images of one tag" 2 copy "$TMP/flat" "$R:both"
S=$TMP/store unchanged "a registry" 6 copy "docker://example.org/app" "$R:both"
S=$TMP/store unchanged "an archive of Docker's" 6 copy "$TMP/flat" docker-archive:new
S=$TMP/store unchanged "a directory of repositories as a layout" 4 copy "$TMP/store" "$TMP/new"
S=$TMP/store unchanged "names without repositories" 2 copy "$TMP/two" "$R"
S=$TMP/store unchanged "a tag that is none" 2 copy "$TMP/two:first" "$R:team/app:-"
S=$TMP/store unchanged "a repository that is none" 2 copy "$TMP/two:first" "$R:Team"
S=$TMP/store unchanged "a tag that is not there" 3 copy "$R:team/app:2.0" "$TMP/single"

echo "-- sources that lie"
S=$TMP/target
check "something is there before" "$LAYOUTFS" copy "$TMP/two:first" "$S"
image "$TMP/liar" app 3000000 >"$TMP/made"
read -r _ _ layer <"$TMP/made"
blob=$TMP/liar/blobs/${layer/://}
cp "$blob" "$TMP/honest"
printf X | dd of="$blob" bs=1 seek=1500000 conv=notrunc status=none
before=$(layoutfs ls "$S"; cat "$S/index.json")
refused "one byte is another" 7 copy --no-progress "$TMP/liar" "$S"
check "which is not there" test ! -e "$S/blobs/${layer/://}"
same "and nothing has a name" "$before" "$(layoutfs ls "$S"; cat "$S/index.json")"
head -c 2000000 "$TMP/honest" >"$blob"
refused "too few bytes" 7 copy --no-progress "$TMP/liar" "$S"
check "which are not there" test ! -e "$S/blobs/${layer/://}"
cp "$TMP/honest" "$blob"
echo more >>"$blob"
refused "too many bytes" 7 copy --no-progress "$TMP/liar" "$S"
check "which are not there either" test ! -e "$S/blobs/${layer/://}"
rm "$blob"
refused "none at all" 3 copy --no-progress "$TMP/liar" "$S"
same "nothing has a name" "$before" "$(layoutfs ls "$S"; cat "$S/index.json")"
cp "$TMP/honest" "$blob"
check "the truth at last" "$LAYOUTFS" copy --no-progress "$TMP/liar" "$S"
same "every blob is what its name says" "" "$(blobs_of "$S" | awk '$2 != "sha256/" $1')"

echo "-- a copy that breaks off"
S=$TMP/broken
image "$TMP/big" app 200000000 >"$TMP/made"
read -r _ _ layer <"$TMP/made"
for round in 1 2 3 4 5 6; do
  "$LAYOUTFS" copy --no-progress "$TMP/big" "$S" >/dev/null 2>&1 &
  pid=$!
  # Some of them end before the signal, others before they have begun.
  sleep "0.$((round * 3 % 7 + 1))"
  if [ $((round % 2)) = 0 ]; then kill -INT $pid 2>/dev/null; else kill -9 $pid 2>/dev/null; fi
  wait $pid 2>/dev/null
  [ ! -e "$S/blobs/${layer/://}" ] || cmp -s "$S/blobs/${layer/://}" "$TMP/big/blobs/${layer/://}" ||
    not_ok "a blob that is there is whole"
done
mkdir -p "$TMP/half/blobs/uploads"
check "a layout to go on in" "$LAYOUTFS" init "$TMP/half-made"
mkdir -p "$TMP/half-made/blobs/uploads"
hex=${layer#sha256:}
head -c 120000000 "$TMP/big/blobs/${layer/://}" >"$TMP/half-made/blobs/uploads/${hex:0:32}"
result=$(layoutfs copy --json --no-progress "$TMP/big" "$TMP/half-made")
same "what an earlier copy has left is gone on with" true "$(jq '.reused.bytes >= 120000000 and .copied.bytes < 81000000' <<<"$result")"
check "the blob is whole" cmp "$TMP/half-made/blobs/${layer/://}" "$TMP/big/blobs/${layer/://}"
head -c 120000001 /dev/zero >"$TMP/half-made/blobs/uploads/${hex:0:32}"
rm "$TMP/half-made/blobs/${layer/://}"
check "what somebody else has left is not" "$LAYOUTFS" copy --no-progress "$TMP/big" "$TMP/half-made"
check "the blob is whole" cmp "$TMP/half-made/blobs/${layer/://}" "$TMP/big/blobs/${layer/://}"
check "in the end it is all there" "$LAYOUTFS" copy --no-progress "$TMP/big" "$S"
check "the blob is whole" cmp "$S/blobs/${layer/://}" "$TMP/big/blobs/${layer/://}"
check "clean" "$LAYOUTFS" clean "$S"
same "there is no litter" "" "$(litter "$S")"

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
same "$many images" "[$((3 * many)),0]" "$(count "$TMP/many" "$TMP/copied")"
same "blob for blob" "$(blobs_of "$TMP/many" | md5sum)" "$(blobs_of "$TMP/copied" | md5sum)"
same "by their names" "$(layoutfs ls "$TMP/many" | md5sum)" "$(layoutfs ls "$TMP/copied" | md5sum)"
