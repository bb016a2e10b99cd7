#!/usr/bin/env bash
# A mount after its program was killed: every operation on it, below it or through it fails with this reason and
# the command to unmount it.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 setpriv strace
make_layouts sample
L=$TMP/layouts/sample D=$TMP/dead
# kill_mount DIR ARGUMENT...: mounts there, and kills the program.
kill_mount() {
  mount_foreground "$1" "$TMP/log" "${@:2}"
  # So that the kernel remembers some of it.
  [ $remembered = no ] || limited ls -lR "$1" >/dev/null
  kill -9 "$pid"
  wait "$pid" 2>/dev/null
}
# hints SENTENCE CODE ARGUMENT...: refused, with the command.
hints() {
  refused "$@"
  check "$1: with a hint" grep -qF "the mount on $D is dead because its server has ended; unmount it with 'layoutfs umount $D'" "$TMP/stderr"
}
mkdir "$TMP/m"
ln -s "$D" "$TMP/link"
for remembered in no yes; do
  for what in "$L" "$L:app:1.0"; do
    echo "-- of ${what#"$TMP"/}, of which the kernel remembers something: $remembered"
    kill_mount "$D" "$what"
    hints "a mount on it" 8 mount "$L" "$D"
    hints "by another spelling" 8 mount "$L" "$D/"
    hints "by a link" 8 mount "$L" "$TMP/link"
    hints "a mount below it" 8 mount "$L" "$D/etc"
    hints "deeper below it" 8 mount "$L" "$D/a/b/c"
    hints "a mount of an image on it" 8 mount "$L:app:1.0" "$D"
    hints "a mount of what lies below it" 1 mount "$D/refs" "$TMP/m"
    hints "a mount of itself" 1 mount "$D" "$TMP/m"
    hints "ls of it" 1 ls "$D"
    hints "ls of an image in it" 1 ls "$D:app:1.0"
    hints "ls of a layout below it" 1 ls "$D/etc"
    hints "by a link too" 1 ls "$TMP/link"
    hints "inspect" 1 inspect "$D"
    hints "chroot" 125 chroot "$D:app:1.0" /bin/true
    hints "chroot with changes below it" 125 chroot --upper "$D/upper" "$L:app:1.0" /bin/true
    hints "fsck" 1 fsck "$D"
    hints "gc" 1 gc "$D"
    hints "copy from it" 1 copy "$D" "$TMP/copy"
    hints "copy to it" 9 copy --no-progress "$L" "$D/copy"
    hints "names of images below it" 1 image ls --store "$D/store"
    hints "umount below it" 3 umount "$D/etc"
    hints "an index below it" 9 index build --no-progress --cache-dir "$D/cache" "$L:app:1.0"
    check "a cache below it is gone without" sh -c "'$LAYOUTFS' ls --cache-dir '$D/cache' '$L:app:1.0' >/dev/null 2>'$TMP/stderr'"
    check "with a hint" grep -qF "unmount it with 'layoutfs umount $D'" "$TMP/stderr"
    command=$(sed -n "s/.*; unmount it with 'layoutfs \([^']*\)'.*/\1/p" "$TMP/stderr" | head -n 1)
    check "the command in the hint unmounts it: $command" "$LAYOUTFS" $command
    same "it is gone" "" "$(mounts_below "$D")"
    mount_at "$D" "$L"
    refused "one that lives is busy" 8 mount "$L" "$D"
    check "and called so" grep -q "busy: a layout is mounted there already" "$TMP/stderr"
    unmount "$D"
  done
done

echo "-- one that does not answer"
mount_foreground "$D" "$TMP/log" "$L"
kill -STOP "$pid"
refused "is busy, not dead" 8 mount "$L" "$D"
check "and called so" grep -q busy "$TMP/stderr"
kill -CONT "$pid"
unmount "$D"

echo "-- one that has read a request and does not answer it"
# A stopped server does so if it was reading; here each answer takes longer than umount has patience.
mount_foreground "$D" "$TMP/log" "$L"
strace -f -qq -o /dev/null -e trace=writev -e inject=writev:delay_enter=20s -p "$pid" &
tracer=$!
pids+=("$tracer")
is_traced() { grep -q "^TracerPid:[[:space:]]*$tracer$" "/proc/$pid/task/"*/status; }
wait_for is_traced
check "umount takes down a mount whose server does not answer its question" bash -o pipefail -c '"$0" umount "$1" | cat' "$LAYOUTFS" "$D"
same "the mount is gone" "" "$(mounts_below "$D")"
kill "$tracer"
wait "$tracer" 2>/dev/null
wait_for has_ended "$pid" && ok "its server ends" || not_ok "its server ends"

echo "-- of an ordinary user"
prepare_nobody
if has fusermount3; then
  as_nobody sh -c '"$0/bin/layoutfs" mount -q "$1" m || exit
    kill -9 $(/usr/bin/python3 -c "import json, os; print(json.loads(os.getxattr(\"m\", \"user.layoutfs.stats\"))[\"pid\"])")
    sleep 0.2; "$0/bin/layoutfs" mount -q "$1" m; "$0/bin/layoutfs" ls m; "$0/bin/layoutfs" umount m && ls m' "$TMP" "$L" >"$TMP/stdout" 2>"$TMP/stderr"
  same "a mount and ls have the hint, and umount works" "2 0" "$(grep -c "unmount it with 'layoutfs umount $TMP/home/m'" "$TMP/stderr") $(wc -l <"$TMP/stdout")"
fi
