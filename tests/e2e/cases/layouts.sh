# The expected results of cases/layouts.py; each function takes the path of its case.

chroot_resolv() {
  local name code
  [ -s /etc/resolv.conf ] || { not_ok "this machine has a resolv.conf"; return; }
  for name in resolv-dangling resolv-relative resolv-dir etc-symlink etc-dangling etc-missing; do
    layoutfs chroot "$1:$name" /bin/sh -c 'cat /etc/resolv.conf' >"$TMP/stdout" 2>"$TMP/stderr" </dev/null
    code=$?
    same "$name: the host's resolv.conf is there" "0 $(cat /etc/resolv.conf)" "$code $(cat "$TMP/stdout" "$TMP/stderr")"
  done
  layoutfs chroot "$1:proc-file" /bin/sh -c 'echo runs' >"$TMP/stdout" 2>"$TMP/stderr" </dev/null
  code=$?
  check "a file in the place of /proc is replaced or refused in one line" grep -Eqx "0 runs|125 layoutfs: .*/proc.*" \
    <<<"$code $(cat "$TMP/stdout" "$TMP/stderr")"
}

layout_blob_mode() {
  local blob
  prints "root reads what others may not" $'/:\nf\ng' ls -R "$1:latest"
  cp "$LAYOUTFS" "$TMP/layoutfs"
  blob=$(find "$1/blobs" -type f -perm 0)
  chown -R nobody "$1"
  limited setpriv --reuid=nobody --regid=nogroup --clear-groups env LAYOUTFS_CACHE_DIR="$1/cache" \
    "$TMP/layoutfs" ls -R "$1:latest" >"$TMP/stdout" 2>"$TMP/stderr"
  check "a user is told which blob may not be read" grep -q "^layoutfs: .*${blob##*/}.*Permission denied" "$TMP/stderr"
  mount_case "$1"
  same "the image can be mounted" "x y" "$(limited cat "$MOUNT/refs/latest/rootfs/f") $(limited cat "$MOUNT/refs/latest/rootfs/g")"
}

layout_blobs_symlinked_out() {
  explains "a blob that is a symlink out of the layout is called one" "symlink" ls -R "$1:latest"
  check "its target is named" grep -q "../../../layout-blobs-symlinked-out-base/blobs/sha256/" "$TMP/stderr"
  check "and what allows it" grep -q -e "follow.links" "$TMP/stderr"
  prints "--follow-links follows it" $'/:\nbase\ntop' ls -R --follow-links "$1:latest"
  mount_case -o follow_links "$1:latest"
  same "-o follow_links too" b "$(limited cat "$MOUNT/base")"
}

layout_marker_odd() {
  prints "other members, and a later version 1.x, are no fault" latest ls "$1"
  reads "the image is read" x "$1:latest" f
  printf '{"imageLayoutVersion": "2.0.0"}' >"$1/oci-layout"
  explains "another version is refused" "2\.0\.0" ls "$1"
}

layout_no_blobs() { explains "a layout without blobs/ is refused" "blobs" ls "$1"; }
