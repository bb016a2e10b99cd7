#!/usr/bin/env bash
# If the server of a mount was killed, every operation on the mount, below it or through it fails, and the error names
# the reason and the command to unmount it.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 setpriv strace
make_layouts sample
L=$TMP/layouts/sample D=$TMP/dead
# kill_mount DIR ARGUMENT...: mounts and kills the server.
kill_mount() {
  mount_foreground "$1" "$TMP/log" --no-kernel "${@:2}"
  # Fills the caches of the kernel.
  [ $remembered = no ] || limited ls -lR "$1" >/dev/null
  kill -9 "$pid"
  wait "$pid" 2>/dev/null
}
# hints SENTENCE CODE ARGUMENT...: layoutfs must refuse with the hint.
hints() {
  refused "$@"
  check "$1, with a hint that names the dead mount" grep -qF "the mount on $D is dead because its server has ended; unmount it with 'layoutfs umount $D'" "$TMP/stderr"
}
mkdir "$TMP/m"
ln -s "$D" "$TMP/link"
for remembered in no yes; do
  for what in "$L" "$L:app:1.0"; do
    echo "-- a dead mount of ${what#"$TMP"/}, with entries in the kernel's cache: $remembered"
    kill_mount "$D" "$what"
    hints "mount on a dead mount fails" 8 mount "$L" "$D"
    hints "mount on a dead mount with a slash fails" 8 mount "$L" "$D/"
    hints "mount on a symlink to a dead mount fails" 8 mount "$L" "$TMP/link"
    hints "mount below a dead mount fails" 8 mount "$L" "$D/etc"
    hints "mount deep below a dead mount fails" 8 mount "$L" "$D/a/b/c"
    hints "mount of an image on a dead mount fails" 8 mount "$L:app:1.0" "$D"
    hints "mount of a path below a dead mount fails" 1 mount "$D/refs" "$TMP/m"
    hints "mount of a dead mount fails" 1 mount "$D" "$TMP/m"
    hints "ls of a dead mount fails" 1 ls "$D"
    hints "ls of an image in a dead mount fails" 1 ls "$D:app:1.0"
    hints "ls of a layout below a dead mount fails" 1 ls "$D/etc"
    hints "ls of a symlink to a dead mount fails" 1 ls "$TMP/link"
    hints "inspect of a dead mount fails" 1 inspect "$D"
    hints "chroot into a dead mount fails" 125 chroot "$D:app:1.0" /bin/true
    hints "chroot --upper below a dead mount fails" 125 chroot --upper "$D/upper" "$L:app:1.0" /bin/true
    hints "fsck of a dead mount fails" 1 fsck "$D"
    hints "gc of a dead mount fails" 1 gc "$D"
    hints "copy from a dead mount fails" 1 copy "$D" "$TMP/copy"
    hints "copy to a dead mount fails" 9 copy --no-progress "$L" "$D/copy"
    hints "image ls with a store below a dead mount fails" 1 image ls --store "$D/store"
    hints "umount below a dead mount fails" 3 umount "$D/etc"
    hints "index build with a cache below a dead mount fails" 9 index build --no-progress --cache-dir "$D/cache" "$L:app:1.0"
    check "ls works without its cache below a dead mount" sh -c "'$LAYOUTFS' ls --cache-dir '$D/cache' '$L:app:1.0' >/dev/null 2>'$TMP/stderr'"
    check "ls without its cache prints a hint" grep -qF "unmount it with 'layoutfs umount $D'" "$TMP/stderr"
    command=$(sed -n "s/.*; unmount it with 'layoutfs \([^']*\)'.*/\1/p" "$TMP/stderr" | head -n 1)
    check "the command in the hint unmounts the dead mount: $command" "$LAYOUTFS" $command
    same "no mount is left after the command in the hint" "" "$(mounts_below "$D")"
    mount_at "$D" "$L"
    refused "mount refuses the mount point of a live mount" 8 mount "$L" "$D"
    check "the error for a live mount says that it is busy" grep -q "busy: a layout is mounted there already" "$TMP/stderr"
    unmount "$D"
  done
done

echo "-- a server that does not answer"
mount_foreground "$D" "$TMP/log" "$L"
kill -STOP "$pid"
refused "mount refuses the mount point of a stopped server" 8 mount "$L" "$D"
check "the error for a stopped server says that it is busy" grep -q busy "$TMP/stderr"
kill -CONT "$pid"
unmount "$D"

echo "-- a server that has read a request and does not answer"
# A stopped server may be in this state. Here each answer takes longer than umount waits.
mount_foreground "$D" "$TMP/log" "$L"
strace -f -qq -o /dev/null -e trace=writev -e inject=writev:delay_enter=20s -p "$pid" &
tracer=$!
pids+=("$tracer")
is_traced() { grep -q "^TracerPid:[[:space:]]*$tracer$" "/proc/$pid/task/"*/status; }
wait_for is_traced
check "umount unmounts a mount with a server that does not answer" bash -o pipefail -c '"$0" umount "$1" | cat' "$LAYOUTFS" "$D"
same "no mount is left after umount" "" "$(mounts_below "$D")"
kill "$tracer"
wait "$tracer" 2>/dev/null
wait_for has_ended "$pid" && ok "the server ends after umount" || not_ok "the server ends after umount"

echo "-- of an ordinary user"
prepare_nobody
if has fusermount3; then
  as_nobody sh -c '"$0/bin/layoutfs" mount -q "$1" m || exit
    kill -9 $(/usr/bin/python3 -c "import json, os; print(json.loads(os.getxattr(\"m\", \"user.layoutfs.stats\"))[\"pid\"])")
    while ls m; do sleep 0.1; done >/dev/null 2>&1; "$0/bin/layoutfs" mount -q "$1" m; "$0/bin/layoutfs" ls m; "$0/bin/layoutfs" umount m && ls m' "$TMP" "$L" >"$TMP/stdout" 2>"$TMP/stderr"
  same "an ordinary user's mount and ls print the hint, and umount removes the dead mount" "2 0" "$(grep -c "unmount it with 'layoutfs umount $TMP/home/m'" "$TMP/stderr") $(wc -l <"$TMP/stdout")"
fi
