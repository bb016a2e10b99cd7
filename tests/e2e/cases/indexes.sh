# The expected results of cases/indexes.py; each function takes the path of its case.

config_empty_descriptor() {
  prints "the artifact is listed" artifact ls "$1"
  layoutfs fsck --no-progress "$1" >"$TMP/stdout" 2>/dev/null
  same "fsck reports the blob that is not stored" "7 missing-blob" "$? $(grep "$(printf '{}' | sha256sum | cut -c1-64)" "$TMP/stdout" | grep -v ^broken-image: | cut -d: -f1)"
}

copy_damaged_destination() {
  local destination
  for destination in {same-size,truncated,empty}-manifest {truncated,empty}-layer; do
    check "copy to a layout with a blob that is $destination" "$LAYOUTFS" copy --no-progress "$1/src:a" "$1/$destination"
    reads "replaces it" data "$1/$destination:a" f
  done
  check "copy --verify-existing to a layout with a blob that is same-size-layer" \
    "$LAYOUTFS" copy --no-progress --verify-existing "$1/src:a" "$1/same-size-layer"
  reads "replaces it" data "$1/same-size-layer:a" f
}

gc_artifacts() {
  keeps_all "gc keeps what manifests of other kinds lead to" "$1"
  copies_all "copy has it" "$1"
}

index_artifact_type() { copies_all "an index of artifacts is copied byte for byte" "$1"; }

index_buildkit_cache() {
  keeps_all "gc keeps a build cache" "$1"
  explains "it is no image" "no (manifest|image)|not an image" ls -R "$1:latest"
  mount_case "$1"
  same "but its blobs can be looked at" "$(ls "$1/blobs/sha256")" "$(limited ls "$MOUNT/blobs/sha256")"
}

index_no_annotations() {
  prints "an entry without a name is listed by its number" "@0" ls "$1"
  mount_case --image "$1"
  same "it is the only image" x "$(limited cat "$MOUNT/f")"
}

index_oras_flat() {
  local architecture
  for architecture in amd64 arm64; do
    reads "the index is the only image, though its manifests are listed too" $architecture "$1" arch --platform "linux/$architecture"
  done
  mount_case --platform linux/arm64 --image "$1"
  same "also for a mount" arm64 "$(limited cat "$MOUNT/arch")"
}

index_second_manifest() {
  local name
  for name in soci-last soci-first two-compressions; do
    reads "$name: the image is chosen" "the image" "$1:$name" f --platform linux/amd64
  done
}

index_sparse() {
  local absent
  reads "the platform that is there can be read" amd64 "$1:latest" arch --platform linux/amd64
  prints "and listed" latest ls "$1"
  keeps_all "nothing is garbage" "$1"
  mount_case "$1"
  same "it can be mounted" amd64 "$(limited cat "$MOUNT/refs/latest/platforms/linux-amd64/rootfs/arch")"
  unmount "$MOUNT"
  explains "a copy of all of it names the absent platform" "linux/arm64" copy --no-progress "$1" "$DESTINATION"
  check "and says that --platform copies one" grep -q -e --platform "$TMP/stderr"
  check "copy --platform" "$LAYOUTFS" copy --no-progress --platform linux/amd64 "$1:latest" "$DESTINATION:latest"
  check "copy --all-present" "$LAYOUTFS" copy --no-progress --all-present "$1:latest" "$DESTINATION:sparse"
  reads "which has what is there" amd64 "$DESTINATION:sparse" arch --platform linux/amd64
  layoutfs fsck --no-progress "$1" >"$TMP/stdout" 2>"$TMP/stderr"
  same "fsck allows absent children" 0 $?
  absent=$(jq -r '.manifests[0].digest' "$1/index.json")
  absent=$(jq -r '.manifests[1].digest' "$1/blobs/${absent/://}")
  check "and names them" grep -q "$absent" "$TMP/stdout" "$TMP/stderr"
  rm "$1/blobs/sha256/$(layoutfs inspect --json --platform linux/amd64 "$1:latest" | jq -r '.layers[0].digest[7:]')"
  layoutfs fsck --no-progress "$1" >/dev/null 2>&1
  same "but not an absent layer of a manifest that is there" 7 $?
}

index_spec_example() {
  prints "an entry of another type is listed too" $'stable-release\nv1.0\n@2' ls "$1"
  reads "the others are images" x "$1:v1.0" f
  reads "one by an index" x "$1:stable-release" f --platform linux/amd64
  keeps_all "nothing is garbage" "$1"
}

index_top_level_platforms() {
  local architecture
  for architecture in amd64 arm64; do
    reads "without a reference, the image for the platform" $architecture "$1" arch --platform "linux/$architecture"
  done
  copies_all "a copy has both" "$1"
}

layers_null() {
  prints "no layers are an empty image" "/:" ls -R "$1:none"
  explains "layers that are absent: the error says so" "layers" ls -R "$1:absent"
  explains "diff_ids without layers: the error says so" "diff_ids" ls -R "$1:some"
}

refs_comma() {
  local name=latest,1.0,docker.io/library/app:2
  prints "a name with commas is listed as it is" "$name" ls "$1"
  reads "it finds the image" x "$1:$name" f
  copies_all "it is copied" "$1"
  mount_case "$1"
  same "it is mounted" x "$(limited cat "$MOUNT/refs/$name/rootfs/f")"
}

refs_two_names() {
  prints "two names are listed" $'latest\n1.0' ls "$1"
  copies_all "both are copied" "$1"
}
