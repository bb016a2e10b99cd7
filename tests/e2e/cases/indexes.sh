# The expected results of cases/indexes.py; each function takes the path of its case.

config_empty_descriptor() {
  prints "ls lists an artifact" artifact ls "$1"
  layoutfs fsck --no-progress "$1" >"$TMP/stdout" 2>/dev/null
  same "fsck reports the missing blob of an artifact" "7 missing-blob" "$? $(grep "$(printf '{}' | sha256sum | cut -c1-64)" "$TMP/stdout" | grep -v ^broken-image: | cut -d: -f1)"
}

copy_damaged_destination() {
  local destination
  for destination in {same-size,truncated,empty}-manifest {truncated,empty}-layer; do
    check "copy succeeds to a layout with a $destination blob" "$LAYOUTFS" copy --no-progress "$1/src:a" "$1/$destination"
    reads "copy replaces the $destination blob" data "$1/$destination:a" f
  done
  check "copy --verify-existing succeeds to a layout with a damaged blob of the same size" \
    "$LAYOUTFS" copy --no-progress --verify-existing "$1/src:a" "$1/same-size-layer"
  reads "copy --verify-existing replaces a damaged blob of the same size" data "$1/same-size-layer:a" f
}

gc_artifacts() {
  keeps_all "gc keeps the blobs of other kinds of manifests" "$1"
  copies_all "copy of other kinds of manifests" "$1"
}

index_artifact_type() { copies_all "an index of artifacts is copied byte for byte" "$1"; }

index_buildkit_cache() {
  keeps_all "gc keeps the blobs of a build cache" "$1"
  explains "ls refuses a build cache as an image" "no (manifest|image)|not an image" ls -R "$1:latest"
  mount_case "$1"
  same "a mount shows the blobs of a build cache" "$(ls "$1/blobs/sha256")" "$(limited ls "$MOUNT/blobs/sha256")"
}

index_no_annotations() {
  prints "ls lists an entry without a name by its number" "@0" ls "$1"
  mount_case --image "$1"
  same "the entry without a name is mounted as the only image" x "$(limited cat "$MOUNT/f")"
}

index_oras_flat() {
  local architecture
  for architecture in amd64 arm64; do
    reads "cat finds the only index although its manifests have entries" $architecture "$1" arch --platform "linux/$architecture"
  done
  mount_case --platform linux/arm64 --image "$1"
  same "mount finds the only index although its manifests have entries" arm64 "$(limited cat "$MOUNT/arch")"
}

index_second_manifest() {
  local name
  for name in soci-last soci-first two-compressions; do
    reads "cat of $name chooses the image, not the attestation" "the image" "$1:$name" f --platform linux/amd64
  done
}

index_sparse() {
  local absent
  reads "cat reads the present platform of a sparse index" amd64 "$1:latest" arch --platform linux/amd64
  prints "ls lists a sparse index" latest ls "$1"
  keeps_all "gc keeps the blobs of a sparse index" "$1"
  mount_case "$1"
  same "a mount shows the present platform of a sparse index" amd64 "$(limited cat "$MOUNT/refs/latest/platforms/linux-amd64/rootfs/arch")"
  unmount "$MOUNT"
  explains "copy refuses a sparse index and names the absent platform" "linux/arm64" copy --no-progress "$1" "$DESTINATION"
  check "the error for a sparse index names --platform" grep -q -e --platform "$TMP/stderr"
  check "copy --platform copies a sparse index" "$LAYOUTFS" copy --no-progress --platform linux/amd64 "$1:latest" "$DESTINATION:latest"
  check "copy --all-present copies a sparse index" "$LAYOUTFS" copy --no-progress --all-present "$1:latest" "$DESTINATION:sparse"
  reads "the copy of a sparse index has the present platform" amd64 "$DESTINATION:sparse" arch --platform linux/amd64
  layoutfs fsck --no-progress "$1" >"$TMP/stdout" 2>"$TMP/stderr"
  same "fsck accepts absent manifests of an index" 0 $?
  absent=$(jq -r '.manifests[0].digest' "$1/index.json")
  absent=$(jq -r '.manifests[1].digest' "$1/blobs/${absent/://}")
  check "fsck names the absent manifest" grep -q "$absent" "$TMP/stdout" "$TMP/stderr"
  rm "$1/blobs/sha256/$(layoutfs inspect --json --platform linux/amd64 "$1:latest" | jq -r '.layers[0].digest[7:]')"
  layoutfs fsck --no-progress "$1" >/dev/null 2>&1
  same "fsck refuses an absent layer of a present manifest" 7 $?
}

index_spec_example() {
  prints "ls lists an entry of another media type" $'stable-release\nv1.0\n@2' ls "$1"
  reads "cat reads an image beside an entry of another type" x "$1:v1.0" f
  reads "cat reads an index beside an entry of another type" x "$1:stable-release" f --platform linux/amd64
  keeps_all "gc keeps the blobs of an entry of another type" "$1"
}

index_top_level_platforms() {
  local architecture
  for architecture in amd64 arm64; do
    reads "cat without a reference chooses the entry for the platform" $architecture "$1" arch --platform "linux/$architecture"
  done
  copies_all "copy of two entries for platforms" "$1"
}

layers_null() {
  prints "ls -R of an image without layers prints an empty root" "/:" ls -R "$1:none"
  explains "ls refuses a manifest without layers and names the member" "layers" ls -R "$1:absent"
  explains "ls refuses a config with diff_ids and no layers, and names the member" "diff_ids" ls -R "$1:some"
}

refs_comma() {
  local name=latest,1.0,docker.io/library/app:2
  prints "ls lists a name with commas" "$name" ls "$1"
  reads "cat finds a name with commas" x "$1:$name" f
  copies_all "copy of a name with commas" "$1"
  mount_case "$1"
  same "a mount shows a name with commas" x "$(limited cat "$MOUNT/refs/$name/rootfs/f")"
}

refs_two_names() {
  prints "ls lists two names of one manifest" $'latest\n1.0' ls "$1"
  copies_all "copy of two names of one manifest" "$1"
}
