# The expected results of cases/layouts.py; each function takes the path of its case.

chroot_resolv() {
  local name code
  [ -s /etc/resolv.conf ] || { not_ok "this machine has a resolv.conf"; return; }
  for name in resolv-dangling resolv-relative resolv-dir etc-symlink etc-dangling etc-missing; do
    layoutfs chroot "$1:$name" /bin/sh -c 'cat /etc/resolv.conf' >"$TMP/stdout" 2>"$TMP/stderr" </dev/null
    code=$?
    same "$name: the command in chroot reads the host's resolv.conf" "0 $(cat /etc/resolv.conf)" "$code $(cat "$TMP/stdout" "$TMP/stderr")"
  done
  layoutfs chroot "$1:proc-file" /bin/sh -c 'echo runs' >"$TMP/stdout" 2>"$TMP/stderr" </dev/null
  code=$?
  check "chroot replaces a file at /proc, or refuses it in one line" grep -Eqx "0 runs|125 layoutfs: .*/proc.*" \
    <<<"$code $(cat "$TMP/stdout" "$TMP/stderr")"
}

layout_blob_mode() {
  local blob
  prints "root lists files with restrictive modes" $'/:\nf\ng' ls -R "$1:latest"
  cp "$LAYOUTFS" "$TMP/layoutfs"
  blob=$(find "$1/blobs" -type f -perm 0)
  chown -R nobody "$1"
  limited setpriv --reuid=nobody --regid=nogroup --clear-groups env LAYOUTFS_CACHE_DIR="$1/cache" \
    "$TMP/layoutfs" ls -R "$1:latest" >"$TMP/stdout" 2>"$TMP/stderr"
  check "the error for an ordinary user names the unreadable blob" grep -q "^layoutfs: .*${blob##*/}.*Permission denied" "$TMP/stderr"
  mount_case "$1"
  same "a mount shows the files of the image" "x y" "$(limited cat "$MOUNT/refs/latest/rootfs/f") $(limited cat "$MOUNT/refs/latest/rootfs/g")"
}

layout_blobs_symlinked_out() {
  explains "ls refuses a blob that is a symlink out of the layout" "symlink" ls -R "$1:latest"
  check "the error names the target of the symlink" grep -q "../../../layout-blobs-symlinked-out-base/blobs/sha256/" "$TMP/stderr"
  check "the error names the option that follows symlinks" grep -q -e "follow.links" "$TMP/stderr"
  prints "ls --follow-links follows the symlink" $'/:\nbase\ntop' ls -R --follow-links "$1:latest"
  mount_case -o follow_links "$1:latest"
  same "-o follow_links follows the symlink" b "$(limited cat "$MOUNT/base")"
}

layout_marker_odd() {
  prints "ls accepts other members and a later version 1.x in oci-layout" latest ls "$1"
  reads "cat reads an image of a layout with a later version 1.x" x "$1:latest" f
  printf '{"imageLayoutVersion": "2.0.0"}' >"$1/oci-layout"
  explains "ls refuses version 2.0.0 in oci-layout" "2\.0\.0" ls "$1"
}

layout_no_blobs() { explains "ls refuses a layout without blobs/" "blobs" ls "$1"; }
