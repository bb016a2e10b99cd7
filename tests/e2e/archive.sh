#!/usr/bin/env bash
# Layouts inside a tar, as skopeo and `docker save` write them: everything that reads does the same as with the directory.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need jq tar
need_layout
make_layouts sample single
D=$TMP/layouts/sample
M=$TMP/m

# everything_same SENTENCE ARCHIVE DIRECTORY [REF...]: the archive's REFs are the directory's.
everything_same() {
  local sentence=$1 archive=$2 directory=$3 ref command
  shift 3
  same "$sentence: ls" "$(layoutfs ls -l "$directory")" "$(layoutfs ls -l "$archive")"
  same "$sentence: ref ls" "$(layoutfs ref ls --json "$directory")" "$(layoutfs ref ls --json "$archive")"
  same "$sentence: blob ls" "$(layoutfs blob ls "$directory")" "$(layoutfs blob ls "$archive")"
  same "$sentence: inspect" "$(layoutfs inspect --json "$directory")" "$(layoutfs inspect --json "$archive")"
  mount_at "$M/directory" "$directory"
  mount_at "$M/archive" "$archive"
  for ref; do
    same "$sentence: ls of $ref" "$(layoutfs ls -R -l "$directory:$ref")" "$(layoutfs ls -R -l "$archive:$ref")"
    same "$sentence: inspect of $ref" "$(layoutfs inspect "$directory:$ref")" "$(layoutfs inspect "$archive:$ref")"
    same_tree "$sentence: the rootfs of $ref in the whole layout" "$M/directory/refs/$ref/rootfs/" "$M/archive/refs/$ref/rootfs/"
    mount_at "$M/image" "$archive:$ref"
    same_tree "$sentence: the rootfs of $ref alone" "$M/directory/refs/$ref/rootfs/" "$M/image"
    unmount "$M/image"
  done
  same "$sentence: the mounts show the same names" \
    "$(cd "$M/directory" && limited find . -not -path '*/rootfs/*' -not -path '*/tree/*' | sort)" \
    "$(cd "$M/archive" && limited find . -not -path '*/rootfs/*' -not -path '*/tree/*' | sort)"
  same "$sentence: every blob is its digest's" "" \
    "$(cd "$M/archive/blobs/sha256" && limited sha256sum -- * | awk '$1 != $2')"
  unmount "$M/archive"
  unmount "$M/directory"
}

echo "-- a tar of the directory"
plain=$TMP/plain.tar
tar -C "$D" -cf "$plain" oci-layout index.json blobs
everything_same "a tar" "$plain" "$D" app:1.0 multi
tar -C "$D" -cf "$TMP/dots.tar" .
everything_same "a tar with ./ in front of its names" "$TMP/dots.tar" "$D" app:1.0
tar -C "$D" --format=pax -b 1 -cf "$TMP/pax" blobs index.json oci-layout
everything_same "a pax tar without a suffix, index.json behind the blobs" "$TMP/pax" "$D" app:1.0
same "cat" "$(layoutfs cat "$D:app:1.0" var/noise | sha256sum)" "$(layoutfs cat "$plain:app:1.0" var/noise | sha256sum)"
same "the only image needs no name" "$(layoutfs ls "$TMP/layouts/single" /)" \
  "$(tar -C "$TMP/layouts/single" -cf "$TMP/single.tar" . && layoutfs ls "$TMP/single.tar" /)"
for prefix in oci-archive: docker-archive: oci:; do
  same "behind $prefix" "$(layoutfs ls "$plain:app:1.0" etc)" "$(layoutfs ls "$prefix$plain:app:1.0" etc)"
done
same "with --layout and --ref" "$(layoutfs ls "$plain:app:1.0" etc)" "$(layoutfs ls --layout "$plain" --ref app:1.0 etc)"
same "by digest" "$(layoutfs ls "$plain:@3")" "$(layoutfs ls "$plain@$(jq -r '.manifests[3].digest' "$D/index.json")")"
check "fsck of an archive finds nothing" "$LAYOUTFS" fsck --no-progress "$plain"
refused "a reference that is not there" 3 ls "$plain:absent"
refused "clean of an archive" 9 clean "$plain"
refused "gc of an archive" 9 gc "$plain" --grace 0
cp -a "$D" "$TMP/orphaned"
printf 'orphan' | layoutfs blob put "$TMP/orphaned" >/dev/null
tar -C "$TMP/orphaned" -cf "$TMP/orphaned.tar" .
refused "gc of an archive that holds more" 9 gc "$TMP/orphaned.tar" --grace 0
same "gc --dry-run of an archive tells what of a directory" "$(layoutfs gc "$TMP/orphaned" --grace 0 --dry-run)" \
  "$(layoutfs gc "$TMP/orphaned.tar" --grace 0 --dry-run)"
mount_at "$M/image" "$plain:app:1.0"
mv "$plain" "$TMP/moved.tar"
same "the archive may be renamed while it is mounted" "$(layoutfs cat "$D:app:1.0" var/text | sha256sum)" \
  "$(limited sha256sum <"$M/image/var/text")"
unmount "$M/image"
mv "$TMP/moved.tar" "$plain"

echo "-- an archive as docker save lays it out"
# Since Docker 25: a layout, with manifest.json and repositories for programs that do not support layouts.
mkdir "$TMP/docker"
cp -a "$TMP/layouts/single/." "$TMP/docker"
jq '.manifests[0].annotations = {"io.containerd.image.name": "docker.io/library/made:1.2", "org.opencontainers.image.ref.name": "1.2"}' \
  "$TMP/layouts/single/index.json" >"$TMP/docker/index.json"
image=$(jq -r '.manifests[0].digest' "$TMP/docker/index.json")
jq -c '[{Config: ("blobs/" + (.config.digest | sub(":"; "/"))), RepoTags: ["made:1.2"],
  Layers: [.layers[].digest | "blobs/" + sub(":"; "/")]}]' "$TMP/docker/blobs/${image/://}" >"$TMP/docker/manifest.json"
printf '{"made":{"1.2":"%064d"}}' 0 >"$TMP/docker/repositories"
# As docker does: directories too, in the order of their names.
tar -C "$TMP/docker" --sort=name --owner=0 --group=0 -cf "$TMP/docker.tar" blobs index.json manifest.json oci-layout repositories
everything_same "docker save" "$TMP/docker.tar" "$TMP/docker" 1.2
for ref in 1.2 docker.io/library/made:1.2; do
  same "its image is $ref" "$(layoutfs ls -R "$TMP/layouts/single" /)" "$(layoutfs ls -R "docker-archive:$TMP/docker.tar:$ref")"
done

if has skopeo; then
  echo "-- an archive of skopeo's"
  check "skopeo writes an archive" skopeo --insecure-policy copy "oci:$D:app:1.0" "oci-archive:$TMP/skopeo.tar:app:1.0"
  check "and a directory" skopeo --insecure-policy copy "oci:$D:app:1.0" "oci:$TMP/skopeo:app:1.0"
  everything_same "skopeo" "$TMP/skopeo.tar" "$TMP/skopeo" app:1.0
  name=$(jq -r '[.manifests[].annotations["org.opencontainers.image.ref.name"] // empty][0]' "$LAYOUT/index.json")
  check "skopeo writes an archive of all platforms" \
    skopeo --insecure-policy copy --all "oci:$LAYOUT:$name" "oci-archive:$TMP/all.tar:$name"
  check "and a directory of them" skopeo --insecure-policy copy --all "oci:$LAYOUT:$name" "oci:$TMP/all:$name"
  everything_same "skopeo, all platforms" "$TMP/all.tar" "$TMP/all" "$name"
fi

echo "-- archives that are broken"
gzip -k "$TMP/docker.tar"
refused "a compressed archive" 6 ls "$TMP/docker.tar.gz"
tar -C "$D" -cf "$TMP/no-marker.tar" index.json blobs
refused "no oci-layout in it" 4 ls "$TMP/no-marker.tar"
tar -C "$D" -cf "$TMP/no-index.tar" oci-layout blobs
refused "no index.json in it" 4 ls "$TMP/no-index.tar"
head -c 100000 "$plain" >"$TMP/cut.tar"
refused "cut off" 7 ls "$TMP/cut.tar"
head -c 300 "$plain" >"$TMP/cut-in-header.tar"
refused "cut off in its first header" 4 ls "$TMP/cut-in-header.tar"
: >"$TMP/empty.tar"
refused "an empty file" 4 ls "$TMP/empty.tar"
head -c 10240 /dev/zero >"$TMP/zeros.tar"
refused "zeros" 4 ls "$TMP/zeros.tar"
tar -C "$D" -cf "$TMP/one-layer-missing.tar" oci-layout index.json
refused "no blobs in it" 3 ls "$TMP/one-layer-missing.tar:app:1.0"
refused "mount of no archive" 4 mount "$TMP/zeros.tar" "$M/none"
refused "mount of an image that is not in it" 3 mount "$TMP/one-layer-missing.tar:app:1.0" "$M/none"
