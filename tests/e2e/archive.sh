#!/usr/bin/env bash
# Layouts in a tar, in the forms of skopeo and `docker save`: every reading command prints the same as for the
# directory.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need jq tar
need_layout
make_layouts sample single
D=$TMP/layouts/sample
M=$TMP/m

# everything_same SENTENCE ARCHIVE DIRECTORY [REF...]: the archive and the directory must have the same content.
everything_same() {
  local sentence=$1 archive=$2 directory=$3 ref command
  shift 3
  same "$sentence: ls prints the same as for the directory" "$(layoutfs ls -l "$directory")" "$(layoutfs ls -l "$archive")"
  same "$sentence: ref ls prints the same as for the directory" "$(layoutfs ref ls --json "$directory")" "$(layoutfs ref ls --json "$archive")"
  same "$sentence: blob ls prints the same as for the directory" "$(layoutfs blob ls "$directory")" "$(layoutfs blob ls "$archive")"
  same "$sentence: inspect prints the same as for the directory" "$(layoutfs inspect --json "$directory")" "$(layoutfs inspect --json "$archive")"
  mount_at "$M/directory" "$directory"
  mount_at "$M/archive" "$archive"
  for ref; do
    same "$sentence: ls of $ref prints the same as for the directory" "$(layoutfs ls -R -l "$directory:$ref")" "$(layoutfs ls -R -l "$archive:$ref")"
    same "$sentence: inspect of $ref prints the same as for the directory" "$(layoutfs inspect "$directory:$ref")" "$(layoutfs inspect "$archive:$ref")"
    same_tree "$sentence: a mount of the layout shows the same rootfs of $ref as for the directory" "$M/directory/refs/$ref/rootfs/" "$M/archive/refs/$ref/rootfs/"
    mount_at "$M/image" "$archive:$ref"
    same_tree "$sentence: a mount of $ref shows the same rootfs as for the directory" "$M/directory/refs/$ref/rootfs/" "$M/image"
    unmount "$M/image"
  done
  same "$sentence: the mounts of archive and directory show the same names" \
    "$(cd "$M/directory" && limited find . -not -path '*/rootfs/*' -not -path '*/tree/*' | sort)" \
    "$(cd "$M/archive" && limited find . -not -path '*/rootfs/*' -not -path '*/tree/*' | sort)"
  same "$sentence: the digest of every mounted blob is its name" "" \
    "$(cd "$M/archive/blobs/sha256" && limited sha256sum -- * | awk '$1 != $2')"
  unmount "$M/archive"
  unmount "$M/directory"
}

echo "-- a tar of the directory"
plain=$TMP/plain.tar
tar -C "$D" -cf "$plain" oci-layout index.json blobs
everything_same "a tar of a layout" "$plain" "$D" app:1.0 multi
tar -C "$D" -cf "$TMP/dots.tar" .
everything_same "a tar with ./ before its names" "$TMP/dots.tar" "$D" app:1.0
tar -C "$D" --format=pax -b 1 -cf "$TMP/pax" blobs index.json oci-layout
everything_same "a pax tar without a suffix, with index.json after the blobs" "$TMP/pax" "$D" app:1.0
same "cat prints the same file from an archive and from a directory" "$(layoutfs cat "$D:app:1.0" var/noise | sha256sum)" "$(layoutfs cat "$plain:app:1.0" var/noise | sha256sum)"
same "ls of an archive needs no reference if it has only one image" "$(layoutfs ls "$TMP/layouts/single" /)" \
  "$(tar -C "$TMP/layouts/single" -cf "$TMP/single.tar" . && layoutfs ls "$TMP/single.tar" /)"
for prefix in oci-archive: docker-archive: oci:; do
  same "ls accepts the prefix $prefix before an archive" "$(layoutfs ls "$plain:app:1.0" etc)" "$(layoutfs ls "$prefix$plain:app:1.0" etc)"
done
same "ls of an archive accepts --layout and --ref" "$(layoutfs ls "$plain:app:1.0" etc)" "$(layoutfs ls --layout "$plain" --ref app:1.0 etc)"
same "ls finds an image of an archive by digest" "$(layoutfs ls "$plain:@3")" "$(layoutfs ls "$plain@$(jq -r '.manifests[3].digest' "$D/index.json")")"
check "fsck of an intact archive finds no problems" "$LAYOUTFS" fsck --no-progress "$plain"
refused "ls refuses an unknown reference of an archive" 3 ls "$plain:absent"
refused "clean refuses an archive" 9 clean "$plain"
refused "gc refuses an archive" 9 gc "$plain" --grace 0
cp -a "$D" "$TMP/orphaned"
printf 'orphan' | layoutfs blob put "$TMP/orphaned" >/dev/null
tar -C "$TMP/orphaned" -cf "$TMP/orphaned.tar" .
refused "gc refuses an archive with an unused blob" 9 gc "$TMP/orphaned.tar" --grace 0
same "gc --dry-run lists the same blobs for an archive and for a directory" "$(layoutfs gc "$TMP/orphaned" --grace 0 --dry-run)" \
  "$(layoutfs gc "$TMP/orphaned.tar" --grace 0 --dry-run)"
mount_at "$M/image" "$plain:app:1.0"
mv "$plain" "$TMP/moved.tar"
same "a mounted archive stays readable after it is renamed" "$(layoutfs cat "$D:app:1.0" var/text | sha256sum)" \
  "$(limited sha256sum <"$M/image/var/text")"
unmount "$M/image"
mv "$TMP/moved.tar" "$plain"

echo "-- an archive in the form of docker save"
# `docker save` since Docker 25 writes a layout, with manifest.json and repositories for programs without support for
# layouts.
mkdir "$TMP/docker"
cp -a "$TMP/layouts/single/." "$TMP/docker"
jq '.manifests[0].annotations = {"io.containerd.image.name": "docker.io/library/made:1.2", "org.opencontainers.image.ref.name": "1.2"}' \
  "$TMP/layouts/single/index.json" >"$TMP/docker/index.json"
image=$(jq -r '.manifests[0].digest' "$TMP/docker/index.json")
jq -c '[{Config: ("blobs/" + (.config.digest | sub(":"; "/"))), RepoTags: ["made:1.2"],
  Layers: [.layers[].digest | "blobs/" + sub(":"; "/")]}]' "$TMP/docker/blobs/${image/://}" >"$TMP/docker/manifest.json"
printf '{"made":{"1.2":"%064d"}}' 0 >"$TMP/docker/repositories"
# docker also archives directories, in the order of their names.
tar -C "$TMP/docker" --sort=name --owner=0 --group=0 -cf "$TMP/docker.tar" blobs index.json manifest.json oci-layout repositories
everything_same "an archive in the form of docker save" "$TMP/docker.tar" "$TMP/docker" 1.2
for ref in 1.2 docker.io/library/made:1.2; do
  same "ls finds the image of a docker archive by $ref" "$(layoutfs ls -R "$TMP/layouts/single" /)" "$(layoutfs ls -R "docker-archive:$TMP/docker.tar:$ref")"
done

if has skopeo; then
  echo "-- an archive by skopeo"
  check "skopeo writes an archive" skopeo --insecure-policy copy "oci:$D:app:1.0" "oci-archive:$TMP/skopeo.tar:app:1.0"
  check "skopeo writes the same image to a directory" skopeo --insecure-policy copy "oci:$D:app:1.0" "oci:$TMP/skopeo:app:1.0"
  everything_same "an archive by skopeo" "$TMP/skopeo.tar" "$TMP/skopeo" app:1.0
  name=$(jq -r '[.manifests[].annotations["org.opencontainers.image.ref.name"] // empty][0]' "$LAYOUT/index.json")
  check "skopeo writes an archive of all platforms" \
    skopeo --insecure-policy copy --all "oci:$LAYOUT:$name" "oci-archive:$TMP/all.tar:$name"
  check "skopeo writes all platforms to a directory" skopeo --insecure-policy copy --all "oci:$LAYOUT:$name" "oci:$TMP/all:$name"
  everything_same "an archive of all platforms by skopeo" "$TMP/all.tar" "$TMP/all" "$name"
fi

echo "-- broken archives"
gzip -k "$TMP/docker.tar"
refused "ls refuses a compressed archive" 6 ls "$TMP/docker.tar.gz"
tar -C "$D" -cf "$TMP/no-marker.tar" index.json blobs
refused "ls refuses an archive without oci-layout" 4 ls "$TMP/no-marker.tar"
tar -C "$D" -cf "$TMP/no-index.tar" oci-layout blobs
refused "ls refuses an archive without index.json" 4 ls "$TMP/no-index.tar"
head -c 100000 "$plain" >"$TMP/cut.tar"
refused "ls refuses a truncated archive" 7 ls "$TMP/cut.tar"
head -c 300 "$plain" >"$TMP/cut-in-header.tar"
refused "ls refuses an archive that is truncated in its first header" 4 ls "$TMP/cut-in-header.tar"
: >"$TMP/empty.tar"
refused "ls refuses an empty archive" 4 ls "$TMP/empty.tar"
head -c 10240 /dev/zero >"$TMP/zeros.tar"
refused "ls refuses an archive of zeros" 4 ls "$TMP/zeros.tar"
tar -C "$D" -cf "$TMP/one-layer-missing.tar" oci-layout index.json
refused "ls refuses an image of an archive without its blobs" 3 ls "$TMP/one-layer-missing.tar:app:1.0"
refused "mount refuses an archive of zeros" 4 mount "$TMP/zeros.tar" "$M/none"
refused "mount refuses an image without its blobs in an archive" 3 mount "$TMP/one-layer-missing.tar:app:1.0" "$M/none"
