#!/usr/bin/env bash
# The index of a layer is built once: a second mount loads it and does not read the blob.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_layout
# A copy with layers that can be replaced.
cp -rL "$LAYOUT" "$TMP/layout"
chmod -R u+w "$TMP/layout"
walk() { (cd "$1" && limited find . -ls >"$2" 2>&1); }

mount_foreground "$TMP/m" "$TMP/first.log" -d "$TMP/layout"
walk "$TMP/m/manifests" "$TMP/first.list" || not_ok "find walks over the first mount"
unmount "$TMP/m"
wait_for has_ended "$pid"
check "the first mount builds indexes" grep -q "index of .*: built" "$TMP/first.log"

# Sparse files of the same size return only zeros.
replaced=0
for blob in "$TMP"/layout/blobs/sha256/*; do
  size=$(stat -c %s "$blob")
  [ "$size" -gt 100000 ] || continue
  rm "$blob"
  truncate -s "$size" "$blob"
  replaced=$((replaced + 1))
done
check "at least one layer is replaced by zeros" test $replaced -gt 0
mount_foreground "$TMP/m" "$TMP/second.log" -d "$TMP/layout"
walk "$TMP/m/manifests" "$TMP/second.list" || not_ok "find walks over the second mount"
check "the second mount builds no index" sh -c "! grep ': built' '$TMP/second.log'"
check "the second mount loads the indexes" grep -q "index of .*: loaded" "$TMP/second.log"
# Generated files have the time of the mount, not of the image.
without_times() { grep '/\(rootfs\|tree\)/' "$1" | sort; }
same "the second mount shows the same files without the bytes of the layers" "$(without_times "$TMP/first.list")" \
  "$(without_times "$TMP/second.list")"
check "the second mount shows more than 1000 files" test "$(without_times "$TMP/second.list" | wc -l)" -gt 1000

file=$(limited find "$TMP/m/manifests/" -path '*/rootfs/bin/busybox' | head -n 1)
check "reading content that is missing fails and gives no zeros" sh -c "! cat '$file' >'$TMP/content' 2>/dev/null && ! test -s '$TMP/content'"
unmount "$TMP/m"
