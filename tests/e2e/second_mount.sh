#!/usr/bin/env bash
# The index of a layer is built once: a second mount loads it and does not read the blob.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_layout
# A separate copy, in which layers can be replaced below.
cp -rL "$LAYOUT" "$TMP/layout"
chmod -R u+w "$TMP/layout"
walk() { (cd "$1" && limited find . -ls >"$2" 2>&1); }

mount_foreground "$TMP/m" "$TMP/first.log" -d "$TMP/layout"
walk "$TMP/m/manifests" "$TMP/first.list" || not_ok "the first walk"
unmount "$TMP/m"
wait_for has_ended "$pid"
check "the first mount builds indexes" grep -q "index of .*: built" "$TMP/first.log"

# Sparse files of the same size: reading one gives only zeros.
replaced=0
for blob in "$TMP"/layout/blobs/sha256/*; do
  size=$(stat -c %s "$blob")
  [ "$size" -gt 100000 ] || continue
  rm "$blob"
  truncate -s "$size" "$blob"
  replaced=$((replaced + 1))
done
check "there are layers to be replaced" test $replaced -gt 0
mount_foreground "$TMP/m" "$TMP/second.log" -d "$TMP/layout"
walk "$TMP/m/manifests" "$TMP/second.list" || not_ok "the second walk"
check "the second mount builds nothing" sh -c "! grep ': built' '$TMP/second.log'"
check "it loads" grep -q "index of .*: loaded" "$TMP/second.log"
# Generated files have the time of the mount, not of the image.
without_times() { grep '/\(rootfs\|tree\)/' "$1" | sort; }
same "it shows the same files, without their layers' bytes" "$(without_times "$TMP/first.list")" \
  "$(without_times "$TMP/second.list")"
check "there are files to be seen" test "$(without_times "$TMP/second.list" | wc -l)" -gt 1000

file=$(limited find "$TMP/m/manifests/" -path '*/rootfs/bin/busybox' | head -n 1)
check "content that is no longer there is an error, not zeros" sh -c "! cat '$file' >'$TMP/content' 2>/dev/null && ! test -s '$TMP/content'"
unmount "$TMP/m"
