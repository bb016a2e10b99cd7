#!/usr/bin/env bash
# Every root filesystem of a real layout equals the result of `umoci unpack` for the same manifest.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_layout
need jq umoci
M=$TMP/m
mount_at "$M" "$LAYOUT"

# umoci does not support indexes, so a second layout with the same blobs names each manifest.
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
  same_tree "the rootfs of $name has the same names, kinds, modes, owners, times, targets, links, xattrs and contents as unpacked by umoci" \
    "$TMP/unpacked/rootfs" "$M/manifests/sha256/$digest/rootfs"
  mount_at "$TMP/one" "$LAYOUT@sha256:$digest"
  same_tree "the mount of $name shows the same as its rootfs" "$TMP/unpacked/rootfs" "$TMP/one"
  unmount "$TMP/one"
  rm -rf "$TMP/unpacked"
done
unmount "$M"
