#!/usr/bin/env bash
# Every root filesystem of a real layout equals the result of `umoci unpack` for the same manifest.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_layout
need jq umoci
M=$TMP/m
mount_at "$M" "$LAYOUT"

# umoci takes no index: a layout of the same blobs that names each manifest by itself.
mkdir "$TMP/flat"
cp "$LAYOUT/oci-layout" "$TMP/flat"
ln -s "$(realpath "$LAYOUT")/blobs" "$TMP/flat/blobs"
manifests=()
for file in "$LAYOUT"/blobs/sha256/*; do
  jq -e '.layers' "$file" >/dev/null 2>&1 && manifests+=("${file##*/}")
done
[ ${#manifests[@]} != 0 ] || not_ok "the layout has manifests"
for digest in "${manifests[@]}"; do
  jq -n --arg digest "sha256:$digest" --argjson size "$(stat -c %s "$LAYOUT/blobs/sha256/$digest")" '{
    mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $digest, size: $size,
    annotations: {"org.opencontainers.image.ref.name": $digest[7:19]}}'
done | jq -s '{schemaVersion: 2, manifests: .}' >"$TMP/flat/index.json"

for digest in "${manifests[@]}"; do
  name=${digest:0:12}
  check "umoci unpacks $name" umoci unpack --image "$TMP/flat:$name" "$TMP/unpacked"
  same_tree "rootfs of $name is the same: names, kinds, modes, owners, times, targets, hard links, xattrs, contents" \
    "$TMP/unpacked/rootfs" "$M/manifests/sha256/$digest/rootfs"
  mount_at "$TMP/one" "$LAYOUT@sha256:$digest"
  same_tree "and so is the mount of $name alone" "$TMP/unpacked/rootfs" "$TMP/one"
  unmount "$TMP/one"
  rm -rf "$TMP/unpacked"
done
unmount "$M"
