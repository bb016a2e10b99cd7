# The expected results of cases/layers.py; each function takes the path of its case.

# may USER GROUP COMMAND...: runs it as that user without privileges.
may() { limited setpriv --reuid "$1" --regid "$2" --clear-groups "${@:3}" 2>/dev/null; }

layer_acl() {
  mount_case -o allow_other "$1:latest"
  same "a user in the ACL reads the file" s "$(may 5 4242 cat "$MOUNT/secret")"
  same "a user outside of the ACL cannot read the file" "" "$(may 6 4242 cat "$MOUNT/secret")"
  same "the group, whose mode is the mask, cannot read the file" "" "$(may 6 0 cat "$MOUNT/secret")"
  # Container engines do not support textual ACLs, so the mode decides.
  same "an ACL as text is ignored" "t " "$(may 6 0 cat "$MOUNT/text") $(may 5 4242 cat "$MOUNT/text")"
  same "a group in the ACL enters the directory" j "$(may 4242 4 cat "$MOUNT/journal/f")"
  same "a user outside of the ACL cannot enter the directory" "" "$(may 4242 4242 cat "$MOUNT/journal/f")"
}

layer_aufs_plnk() {
  local name
  # aufs stored the content of hard-linked files under a name that it never showed.
  for name in a b; do reads "bin/$name has its content" content "$1:latest" "bin/$name"; done
  layoutfs ls -R "$1:latest" >"$TMP/stdout"
  check "ls does not list names of aufs" sh -c "! grep -F .wh. '$TMP/stdout'"
  mount_case "$1"
  same "a mount does not show names of aufs" "" "$(limited find "$MOUNT/refs/latest/rootfs/" -name '.wh.*')"
  same "two hard links in different layers are one file" "2 755" "$(limited stat -c '%h %a' "$MOUNT/refs/latest/rootfs/bin/a")"
}

layer_docker_zstd() { reads "zstd under Docker's media type is read" x "$1:latest" f; }

layer_hardlink_missing_parents() {
  reads "cat reads a hard link with missing parent directories" elf "$1:latest" bin/app.runfiles/_main/app_/app
  reads "cat reads a hard link with an absolute target" elf "$1:latest" deep/er/app
  same "all three names of a file are one inode" "3 3 3" \
    "$(layoutfs ls -lR "$1:latest" | awk '/^-.* app$/ {print $2}' | xargs)"
}

layer_kaniko_root() { as_umoci "$1" latest; }

layer_long_xattrs() {
  mount_case "$1:latest"
  same "an xattr of 60000 bytes has its whole value" 60000 "$(limited getfattr --only-values -n user.big "$MOUNT/f" | wc -c)"
  same "an xattr with a name of 255 bytes has its value" v "$(limited getfattr --only-values -n "user.$(printf 'n%.0s' {1..250})" "$MOUNT/f")"
  check "getfattr lists and reads all xattrs" sh -c "getfattr -d -m - '$MOUNT/f' >'$TMP/listed' && grep -qx 'user.empty=\"\"' '$TMP/listed'"
  check "getxattr(2) with a short buffer fails with ERANGE" python3 -c '
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
got = libc.getxattr(sys.argv[1].encode(), b"user.big", ctypes.create_string_buffer(100), ctypes.c_size_t(100))
sys.exit(got != -1 or ctypes.get_errno() != errno.ERANGE)' "$MOUNT/f"
  check "the mount shows the file's capabilities" getfattr -n security.capability "$MOUNT/g"
}

layer_many_whiteouts() { prints "ls of an image with 100,000 whiteouts lists the remaining file" $'/:\nd\n\n/d:\nleft' ls -R "$1:latest"; }

layer_opaque_over_symlink() {
  as_umoci "$1" entry
  as_umoci "$1" through
}

layer_overlay_xattrs() {
  local rw=$TMP/rw merged=$TMP/merged
  mount_case "$1:latest"
  mkdir "$rw" "$merged" && mount -t tmpfs none "$rw" && mkdir "$rw/upper" "$rw/work"
  check "overlayfs accepts the image as its lower directory" \
    mount -t overlay overlay -o "lowerdir=$MOUNT,upperdir=$rw/upper,workdir=$rw/work" "$merged"
  same "the overlay shows all files of the image" "$(cd "$MOUNT" && limited find . | sort)" "$(cd "$merged" && limited find . | sort)"
  same "the overlay has the content of the files" "4 2 1 3" "$(cd "$merged" && limited cat meta real/f d/low d/up | sed 's/./& /g; s/ $//')"
  same "the mount hides the attributes that overlayfs reserves" "" "$(limited getfattr -Rd -m - "$MOUNT" 2>&1 | grep overlay)"
  same "the overlay shows other attributes" k "$(limited getfattr --only-values -n user.keep "$merged/meta")"
  umount "$merged" "$rw"
}

layer_symlink_xattr() {
  mount_case "$1:latest"
  check "all listed attributes can be read" python3 -c '
import os, sys
for directory, names, files in os.walk(sys.argv[1]):
    for path in [directory] + [os.path.join(directory, name) for name in files]:
        for name in os.listxattr(path, follow_symlinks=False):
            os.getxattr(path, name, follow_symlinks=False)' "$MOUNT"
  same "a file shows its own attribute" n "$(limited getfattr --only-values -n user.note "$MOUNT/etc/f")"
  mkdir "$DESTINATION"
  check "rsync copies the image with its attributes" rsync -aX "$MOUNT/" "$DESTINATION/"
  same "rsync copies the symlink" f "$(readlink "$DESTINATION/etc/link")"
}

layer_time_1754() {
  check "ls -l prints a time before 1901" sh -c "'$LAYOUTFS' ls -l '$1:latest' | grep -q '1754-08-30 22:43:41 old\$'"
  mount_case "$1:latest"
  same "a mount shows times before and after 1901" "-6795364579 0 -1" "$(limited stat -c %Y "$MOUNT/old" "$MOUNT/epoch" "$MOUNT/d" | xargs)"
}

layer_whiteout_hardlink() { as_umoci "$1" latest; }

layer_whiteout_malformed() {
  local rootfs
  mount_case "$1"
  same "the rootfs has no names of whiteouts" "" "$(limited find "$MOUNT"/manifests/sha256/*/rootfs/ -name '.wh.*')"
  rootfs=$(echo "$MOUNT"/manifests/sha256/*/rootfs)
  same "odd whiteouts remove no other files" "1 2 5" "$(limited cat "$rootfs/d/keep" "$rootfs/top" "$rootfs/new" | sed 's/./& /g; s/ $//')"
}

layer_windows() {
  check "ls lists a layer of Windows" sh -c "'$LAYOUTFS' ls -R --platform windows/amd64 '$1:win' >'$TMP/listed'"
  same "ls lists names that differ only in case" "A.txt a.TXT" "$(grep -iw '^a\.txt' "$TMP/listed" | sort -u | xargs)"
  mount_case "$1"
  check "a mount shows a layer of Windows" test -f "$MOUNT/refs/win/rootfs/Hives/Software_Delta"
}

layer_zstd_window() {
  local name
  same "cat reads a layer with a window of 128 MiB" 35000 "$(layoutfs cat "$1:long27" d/7 | wc -c)"
  for name in long31 ultra30; do
    explains "ls refuses a larger window, as in $name" "window of more than 128 MiB" ls -R "$1:$name"
  done
}
