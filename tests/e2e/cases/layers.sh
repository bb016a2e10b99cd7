# The expected results of cases/layers.py; each function takes the path of its case.

# may USER GROUP COMMAND...: as that user alone.
may() { limited setpriv --reuid "$1" --regid "$2" --clear-groups "${@:3}" 2>/dev/null; }

layer_acl() {
  mount_case -o allow_other "$1:latest"
  same "a named user reads the file" s "$(may 5 4242 cat "$MOUNT/secret")"
  same "others do not" "" "$(may 6 4242 cat "$MOUNT/secret")"
  same "nor does the group, whose bits are the mask" "" "$(may 6 0 cat "$MOUNT/secret")"
  # Container engines do not support textual ACLs: the mode decides.
  same "a list in text is none" "t " "$(may 6 0 cat "$MOUNT/text") $(may 5 4242 cat "$MOUNT/text")"
  same "a named group enters the directory" j "$(may 4242 4 cat "$MOUNT/journal/f")"
  same "others do not" "" "$(may 4242 4242 cat "$MOUNT/journal/f")"
}

layer_aufs_plnk() {
  local name
  # aufs kept the content of files with several names under a name that never shows.
  for name in a b; do reads "bin/$name has its content" content "$1:latest" "bin/$name"; done
  layoutfs ls -R "$1:latest" >"$TMP/stdout"
  check "the names of aufs are not listed" sh -c "! grep -F .wh. '$TMP/stdout'"
  mount_case "$1"
  same "nor mounted" "" "$(limited find "$MOUNT/refs/latest/rootfs/" -name '.wh.*')"
  same "both names are one file" "2 755" "$(limited stat -c '%h %a' "$MOUNT/refs/latest/rootfs/bin/a")"
}

layer_docker_zstd() { reads "zstd under Docker's media type is read" x "$1:latest" f; }

layer_hardlink_missing_parents() {
  reads "parents that are missing are made" elf "$1:latest" bin/app.runfiles/_main/app_/app
  reads "the target may be absolute" elf "$1:latest" deep/er/app
  same "all three names are one file" "3 3 3" \
    "$(layoutfs ls -lR "$1:latest" | awk '/^-.* app$/ {print $2}' | xargs)"
}

layer_kaniko_root() { as_umoci "$1" latest; }

layer_long_xattrs() {
  mount_case "$1:latest"
  same "the whole value is there" 60000 "$(limited getfattr --only-values -n user.big "$MOUNT/f" | wc -c)"
  same "and a name of 255 bytes" v "$(limited getfattr --only-values -n "user.$(printf 'n%.0s' {1..250})" "$MOUNT/f")"
  check "all can be listed and read" sh -c "getfattr -d -m - '$MOUNT/f' >'$TMP/listed' && grep -qx 'user.empty=\"\"' '$TMP/listed'"
  check "a buffer that is too short is refused with ERANGE" python3 -c '
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
got = libc.getxattr(sys.argv[1].encode(), b"user.big", ctypes.create_string_buffer(100), ctypes.c_size_t(100))
sys.exit(got != -1 or ctypes.get_errno() != errno.ERANGE)' "$MOUNT/f"
  check "capabilities are there" getfattr -n security.capability "$MOUNT/g"
}

layer_many_whiteouts() { prints "100,000 whiteouts leave one file" $'/:\nd\n\n/d:\nleft' ls -R "$1:latest"; }

layer_opaque_over_symlink() {
  as_umoci "$1" entry
  as_umoci "$1" through
}

layer_overlay_xattrs() {
  local rw=$TMP/rw merged=$TMP/merged
  mount_case "$1:latest"
  mkdir "$rw" "$merged" && mount -t tmpfs none "$rw" && mkdir "$rw/upper" "$rw/work"
  check "an overlay on top of the image" \
    mount -t overlay overlay -o "lowerdir=$MOUNT,upperdir=$rw/upper,workdir=$rw/work" "$merged"
  same "shows all of it" "$(cd "$MOUNT" && limited find . | sort)" "$(cd "$merged" && limited find . | sort)"
  same "and gives what is in the files" "4 2 1 3" "$(cd "$merged" && limited cat meta real/f d/low d/up | sed 's/./& /g; s/ $//')"
  same "what overlayfs keeps for itself is hidden" "" "$(limited getfattr -Rd -m - "$MOUNT" 2>&1 | grep overlay)"
  same "other attributes are not" k "$(limited getfattr --only-values -n user.keep "$merged/meta")"
  umount "$merged" "$rw"
}

layer_symlink_xattr() {
  mount_case "$1:latest"
  check "what is listed can be read" python3 -c '
import os, sys
for directory, names, files in os.walk(sys.argv[1]):
    for path in [directory] + [os.path.join(directory, name) for name in files]:
        for name in os.listxattr(path, follow_symlinks=False):
            os.getxattr(path, name, follow_symlinks=False)' "$MOUNT"
  same "a file has its own" n "$(limited getfattr --only-values -n user.note "$MOUNT/etc/f")"
  mkdir "$DESTINATION"
  check "rsync takes everything along" rsync -aX "$MOUNT/" "$DESTINATION/"
  same "the symlink too" f "$(readlink "$DESTINATION/etc/link")"
}

layer_time_1754() {
  check "a time before 1901 is listed" sh -c "'$LAYOUTFS' ls -l '$1:latest' | grep -q '1754-08-30 22:43:41 old\$'"
  mount_case "$1:latest"
  same "and mounted" "-6795364579 0 -1" "$(limited stat -c %Y "$MOUNT/old" "$MOUNT/epoch" "$MOUNT/d" | xargs)"
}

layer_whiteout_hardlink() { as_umoci "$1" latest; }

layer_whiteout_malformed() {
  local rootfs
  mount_case "$1"
  same "no name of a whiteout is in the rootfs" "" "$(limited find "$MOUNT"/manifests/sha256/*/rootfs/ -name '.wh.*')"
  rootfs=$(echo "$MOUNT"/manifests/sha256/*/rootfs)
  same "and nothing else is lost" "1 2 5" "$(limited cat "$rootfs/d/keep" "$rootfs/top" "$rootfs/new" | sed 's/./& /g; s/ $//')"
}

layer_windows() {
  check "a layer of Windows is listed" sh -c "'$LAYOUTFS' ls -R --platform windows/amd64 '$1:win' >'$TMP/listed'"
  same "with names in two cases" "A.txt a.TXT" "$(grep -iw '^a\.txt' "$TMP/listed" | sort -u | xargs)"
  mount_case "$1"
  check "and mounted" test -f "$MOUNT/refs/win/rootfs/Hives/Software_Delta"
}

layer_zstd_window() {
  local name
  same "a window of 128 MiB is read" 35000 "$(layoutfs cat "$1:long27" d/7 | wc -c)"
  for name in long31 ultra30; do
    explains "a larger one, as of $name, is refused" "window of more than 128 MiB" ls -R "$1:$name"
  done
}
