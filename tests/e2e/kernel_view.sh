#!/usr/bin/env bash
# The kernel view of an image is the tree that FUSE shows, with every byte and every hole, for every case of the corpus. If
# the kernel cannot show an image, FUSE does, or mount --kernel prints the reason.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 jq findmnt strace
need_erofs
need_layout
make_layouts sample
export LAYOUTFS TMPDIR=$TMP
S=$TMP/layouts/sample:app:1.0 K=$TMP/kernel F=$TMP/by-fuse
mkdir "$K" "$F"
view_of() { layoutfs mounts --json | jq -r --arg at "$1" '.mounts[] | select(.mountPoint == $at) | if .view == .statistics.view then .view else . end'; }
type_of() { findmnt -n -o FSTYPE --mountpoint "$1"; }

echo "-- images"
for image in "$LAYOUT:busybox:layers" "$LAYOUT:busybox:1.35.0" "$S"; do
  mount_at "$K" --kernel -o dev,suid "$image"
  mount_at "$F" --no-kernel -o dev,suid "$image"
  same "mounts reports the views" "kernel fuse" "$(view_of "$K") $(view_of "$F")"
  same "user.layoutfs.stats reports the view of FUSE" fuse "$(getfattr --absolute-names --only-values -n user.layoutfs.stats "$F" | jq -r .view)"
  same "inspect reports both mounts" "$K kernel $F fuse" "$(layoutfs inspect --json "$image" | jq -r '[.mounts[] | .mountPoint, .view] | join(" ")')"
  same_tree "${image##*/}: both views have the same files" "$F" "$K"
  check "${image##*/}: both views have the same holes" python3 "$HERE/same_holes.py" "$F" "$K"
  unmount "$K"
  unmount "$F"
done

echo "-- the choice of the view"
mount_at "$K" "$S"
same "the default is the kernel view" "erofs layoutfs:$S" "$(type_of "$K") $(findmnt -n -o SOURCE --mountpoint "$K")"
same "mounts prints the source as given" "$S" "$(layoutfs mounts --json | jq -r --arg at "$K" '.mounts[] | select(.mountPoint == $at) | .source')"
same "the view does not allow devices and set-user-ID programs" "ro,nosuid,nodev,relatime" "$(findmnt -n -o VFS-OPTIONS --mountpoint "$K")"
same "the server's pid is that of mounts" "layoutfs" "$(cat "/proc/$(layoutfs mounts --json | jq --arg at "$K" '.mounts[] | select(.mountPoint == $at) | .statistics.pid')/comm")"
refused "a second mount on a view is refused" 8 mount "$S" "$K"
unmount "$K"
mount_at "$K" -o kernel=yes,dev,suid,noexec "$S"
same "mount options apply to the view" "erofs ro,noexec,relatime" "$(type_of "$K") $(findmnt -n -o VFS-OPTIONS --mountpoint "$K")"
unmount "$K"
for options in kernel=no uid=7 gid=7 auto_unmount; do
  mount_at "$K" -o "$options" "$S"
  same "with -o $options FUSE is used" fuse.layoutfs "$(type_of "$K")"
  unmount "$K"
done
(cd "$TMP/layouts" && mkdir -p below/deep && cd below/deep && layoutfs mount -q --kernel ../../sample/:app:1.0 "$K")
same "the source of a relative path with '..' is absolute" "erofs layoutfs:$S" "$(type_of "$K") $(findmnt -n -o SOURCE --mountpoint "$K" | sed 's,/:,:,')"
unmount "$K"
mount_at "$K" --kernel -o "fsname=$(printf 'long/%.0s' {1..80})name" "$S"
same "a source that is too long for the kernel is shortened" "erofs 255" "$(type_of "$K") $(findmnt -n -o SOURCE --mountpoint "$K" | tr -d '\n' | wc -c)"
unmount "$K"

echo "-- what cannot be shown by the kernel"
refused "a whole layout" 2 mount --kernel "$TMP/layouts/sample" "$K"
refused "a directory of layouts" 2 mount -o kernel=yes --repositories "$TMP/layouts" "$K"
refused "an owner for all files" 8 mount --kernel -o uid=7 "$S" "$K"
refused "both options" 2 mount --kernel --no-kernel "$S" "$K"
refused "an unknown value" 2 mount -o kernel=maybe "$S" "$K"
WITHOUT_EROFS=(strace -f -qq -o /dev/null -e trace=fsopen -e inject=fsopen:error=ENODEV "$LAYOUTFS")
# A failure of the last step.
UNATTACHED=(strace -f -qq -o /dev/null -e trace=move_mount -e inject=move_mount:error=EPERM:when=1 "$LAYOUTFS")
limited "${WITHOUT_EROFS[@]}" mount --kernel "$S" "$K" 2>"$TMP/stderr"
same "a kernel without EROFS" "8 layoutfs: kernel view: the kernel has no erofs" "$? $(cat "$TMP/stderr")"
same "nothing is mounted then" "" "$(mounts_below "$K")"
limited "${UNATTACHED[@]}" mount --kernel "$S" "$K" 2>"$TMP/stderr"
same "a failure when the view is shown" "8 layoutfs: kernel view: cannot mount on $K: Operation not permitted" "$? $(cat "$TMP/stderr")"
same "nothing is mounted after it" "" "$(mounts_below "$K")"
# without_thread NUMBER: the main program cannot start its thread with this number. The fifth one answers requests.
without_thread() {
  limited strace -f -qq -o /dev/null -e trace=clone3 -e "inject=clone3:error=EAGAIN:when=$1" "$LAYOUTFS" mount -f --kernel "$S" "$K" 2>"$TMP/stderr"
  same "without thread $1, mount fails, and prints the reason" "8 1" "$? $(grep -c '^layoutfs: kernel view: .' "$TMP/stderr")"
  same "without thread $1, nothing is mounted" "" "$(mounts_below "$K")"
}
without_thread 3
without_thread 5
# falls_back SENTENCE REASON COMMAND...: strace ends with the mount.
falls_back() {
  limited "${@:3}" mount -v "$S" "$K" 2>"$TMP/stderr" &
  wait_for is_mounted "$K"
  same "$1, FUSE is used by default" fuse.layoutfs "$(type_of "$K")"
  check "$1, mount -v prints the reason" grep -qxF "layoutfs: kernel view: $2; FUSE is used" "$TMP/stderr"
  unmount "$K"
  wait $!
}
falls_back "without EROFS" "the kernel has no erofs" "${WITHOUT_EROFS[@]}"
falls_back "after a failure when the view is shown" "cannot mount on $K: Operation not permitted" "${UNATTACHED[@]}"
python3 - "$CORPUS" "$TMP/large" <<'MAKE'
import sys
sys.path.insert(0, sys.argv[1])
import ocilib
tar = ocilib.Tar().file("a/file", "content", pax={"SCHILY.xattr.user.large": "x" * 65_536})
layout = ocilib.Layout()
layout.tag("latest", layout.image([tar]))
layout.write(sys.argv[2])
MAKE
refused "an xattr of 65,536 bytes" 6 mount --kernel "$TMP/large:latest" "$K"
check "the error names the file and the xattr" grep -q "/a/file: its xattr user.large has more than 65535 bytes" "$TMP/stderr"
mount_at "$K" "$TMP/large:latest"
same "by default, FUSE shows that image" "fuse.layoutfs 65536" "$(type_of "$K") $(getfattr --absolute-names --only-values -n user.large "$K/a/file" | wc -c)"
unmount "$K"
prepare_nobody
cp -r "$TMP/layouts/sample" "$TMP/home/sample"
chown -R nobody "$TMP/home"
as_nobody "$TMP/bin/layoutfs" mount --kernel sample:app:1.0 m 2>"$TMP/stderr"
same "an ordinary user gets the reason" "8 layoutfs: kernel view: only root of the initial user namespace can mount EROFS" "$? $(head -n 1 "$TMP/stderr")"
same "by default, FUSE is used for an ordinary user" "fuse.layoutfs" \
  "$(as_nobody sh -c '"$0" mount -q sample:app:1.0 m && findmnt -n -o FSTYPE --mountpoint "$PWD/m" && "$0" umount m' "$TMP/bin/layoutfs")"

echo "-- chroot"
LAYOUT_IMAGE=$LAYOUT:busybox:layers
same "chroot shows the image by the kernel" "changed 7" "$(layoutfs chroot --kernel "$LAYOUT_IMAGE" sh -c 'echo changed >/etc/passwd && cat /etc/passwd && exit 7') $?"
same "chroot without the kernel view runs, too" done "$(layoutfs chroot --no-kernel "$LAYOUT_IMAGE" echo done)"
limited "${WITHOUT_EROFS[@]}" chroot --kernel "$LAYOUT_IMAGE" echo done >"$TMP/stdout" 2>"$TMP/stderr"
same "chroot --kernel on a kernel without EROFS fails" "125 layoutfs: kernel view: the kernel has no erofs" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
same "by default, chroot uses FUSE on such a kernel" done \
  "$(limited "${WITHOUT_EROFS[@]}" chroot "$LAYOUT_IMAGE" echo done)"
refused "chroot with both options is refused" 125 chroot --kernel --no-kernel "$LAYOUT_IMAGE" true

echo "-- the corpus"
python3 "$CORPUS/make-torture.py" "$TMP/cases" >"$TMP/log" || exit 1
# Each case is compared with its expectation, and with FUSE.
cat >"$TMP/mount-both" <<'MOUNT'
case ${REF-} in
  "") set -- --image "$LAYOUT" ;;
  sha*:*) set -- "$LAYOUT@$REF" ;;
  *) set -- "$LAYOUT:$REF" ;;
esac
"$LAYOUTFS" mount -q --kernel -o dev,suid ${PLATFORM:+--platform "$PLATFORM"} "$@" "$AT" || exit
mkdir -p "$AT.fuse"
"$LAYOUTFS" mount -q --no-kernel -o dev,suid ${PLATFORM:+--platform "$PLATFORM"} "$@" "$AT.fuse" || exit
python3 "$CORPUS/check-tree.py" --same "$AT.fuse" "$AT" &&
  { [ -z "$(find "$AT" -type f -print -quit)" ] || python3 "$HERE/same_holes.py" "$AT.fuse" "$AT"; }
differs=$?
"$LAYOUTFS" umount "$AT.fuse"
exit $differs
MOUNT
export CORPUS HERE
python3 "$CORPUS/run-cases.py" --slack "${LAYOUTFS_TEST_SLACK:-5}" --umount '"$LAYOUTFS" umount "$AT"' --mount "exec sh '$TMP/mount-both'" \
  "$TMP/cases" >"$TMP/log" 2>&1 && ok "$(tail -n 1 "$TMP/log")" || not_ok "all cases of the corpus" "$(tail -n 15 "$TMP/log")"
