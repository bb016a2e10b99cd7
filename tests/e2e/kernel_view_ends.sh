#!/usr/bin/env bash
# The end of kernel views: each way to unmount takes down the server, too, and a killed or stopped server makes nothing hang.
# Also full, read-only, unsuitable and damaged caches.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_own_mounts
need python3 jq findmnt unshare
need_erofs
make_layouts sample
S=$TMP/layouts/sample:app:1.0 M=$TMP/m
mkdir "$M"
# Creates an image with a file that is larger than any read-ahead.
python3 - "$CORPUS" "$TMP/large" <<'MAKE'
import random, sys
sys.path.insert(0, sys.argv[1])
import ocilib
rnd = random.Random(1)
tar = ocilib.Tar().file("large", rnd.randbytes(24 << 20)).file("small", "content").dir("d").file("d/other", rnd.randbytes(100_000))
layout = ocilib.Layout()
layout.tag("latest", layout.image([tar]))
layout.write(sys.argv[2])
MAKE
L=$TMP/large:latest
server_of() { layoutfs mounts --json | jq --arg at "$1" '.mounts[] | select(.mountPoint == $at) | .statistics.pid'; }
# note_socket: sets $device and $socket, the identity of the server's socket, as another mount may get the device.
note_socket() {
  device=$(findmnt -n -o MAJ:MIN --mountpoint "$M" | tr -d ' ')
  socket=$(stat -c %i:%.9W "/run/layoutfs/$device")
}
# mount_view DIR ARGUMENT...: sets $server to the pid of the server.
mount_view() {
  mount_at "$1" --kernel "${@:2}"
  server=$(server_of "$1")
  note_socket
  [ "$(cat "/proc/$server/comm" 2>/dev/null)" = layoutfs ] || { not_ok "the server of $1 is known: $server" && exit 1; }
}
# ends SENTENCE: the mount and the server must be gone.
ends() {
  wait_for has_ended "$server" && ok "$1: the server ends" || not_ok "$1: the server ends"
  same "$1: no mount is left" "" "$(mounts_below "$M")"
  same "$1: no socket is left" "" "$(stat -c %i:%.9W "/run/layoutfs/$device" 2>/dev/null | grep -xF "$socket")"
}

echo "-- ways to unmount"
mount_view "$M" "$L"
check "the socket of the server is there" test -S "/run/layoutfs/$device"
check "umount(8) unmounts" umount "$M"
ends "umount(8)"
mount_view "$M" "$L"
unmount "$M"
# Nobody may have asked for its exit code yet.
same "layoutfs umount waits for the end of the server" "" "$(awk '/^State:/ && $2 != "Z"' "/proc/$server/status" 2>/dev/null)"
ends "layoutfs umount"
mount_view "$M" "$L"
exec 9<"$M/large"
refused "umount refuses a view that is in use" 8 umount "$M"
check "the error names the process" grep -q "open file)" "$TMP/stderr"
check "umount -z detaches it" "$LAYOUTFS" umount -z "$M"
same "a file that is open can be read to its end" "$(python3 -c 'import random, sys; sys.stdout.buffer.write(random.Random(1).randbytes(24 << 20))' | sha256sum)" "$(limited sha256sum <&9)"
exec 9<&-
ends "umount -z"
mount_view "$M" "$L"
kill -TERM "$server"
ends "SIGTERM"
mount_view "$M" "$L"
exec 9<"$M/small"
kill -TERM "$server"
wait_for is_not_mounted "$M"
same "after SIGTERM, a file that is open can be read" content "$(limited cat <&9)"
exec 9<&-
ends "SIGTERM with an open file"
# Long enough to find the server before the mount ends.
mount_view "$M" -o idle_timeout=3s "$L"
ends "idle_timeout"
mount_view "$M" "$L"
mkdir "$TMP/bound" "$TMP/moved"
mount --bind "$M" "$TMP/bound"
check "umount of the first of two mounts" umount "$M"
same "a bind mount keeps the view" content "$(limited cat "$TMP/bound/small")"
check "umount of the bind mount" umount "$TMP/bound"
ends "the last mount"
mount_view "$M" "$L"
check "the view can be moved" mount --move "$M" "$TMP/moved"
mount -t tmpfs other "$M"
kill -TERM "$server"
wait_for has_ended "$server"
same "SIGTERM does not unmount another filesystem on the old mount point" "$M" "$(mounts_below "$M")"
umount "$M"
umount -l "$TMP/moved"
same "mounts below others: the inner first" "inner outer" "$(
  mount_at "$M" --kernel "$L" && mount_at "$M/d" --kernel "$S" &&
    layoutfs umount "$M/d" && echo -n "inner " && layoutfs umount "$M" && echo outer)"
mount_at "$M" --kernel "$L"
mount_at "$M/d" --kernel "$S"
check "umount -l takes down both" umount -l "$M"
mount_view "$M" "$L"
mkfifo "$TMP/inside"
unshare --mount --propagation private bash -c 'echo ready >"$2/inside" && read -r _ <"$2/inside" && cat "$1/small" >"$2/read"' sh "$M" "$TMP" &
inside=$!
limited cat "$TMP/inside" >/dev/null
check "umount with a copy in another mount namespace" umount "$M"
limited sh -c 'echo go >"$0"' "$TMP/inside"
wait $inside
same "the copy in another mount namespace stays usable" content "$(cat "$TMP/read")"
ends "the end of the last mount namespace"
mount_view "$M" "$L"
check "umount --all" "$LAYOUTFS" umount --all
ends "umount --all"
mount_foreground "$M" "$TMP/log" --kernel "$L"
server=$pid
note_socket
check "umount of a foreground mount" umount "$M"
ends "a foreground mount"
wait "$pid"
same "the exit code of a foreground mount" 0 $?

echo "-- a server that was killed"
mount_view "$M" "$L"
limited ls -lR "$M" >/dev/null
limited cat "$M/small" >/dev/null
kill -9 "$server"
wait_for has_ended "$server"
same "cached content stays readable" content "$(limited cat "$M/small")"
same "names stay there" "d large small" "$(limited ls "$M" | xargs)"
same "content that is not cached is an error at once" "1 cat: $M/large: Input/output error" "$(limited cat "$M/large" 2>&1 >/dev/null | sed "s/^/1 /")"
same "mounts reports the dead view" true "$(layoutfs mounts --json | jq --arg at "$M" '.mounts[] | select(.mountPoint == $at) | .isDead')"
refused "a second mount on it is refused" 8 mount "$L" "$M"
check "the error has the command" grep -q "the mount on $M is dead because its server has ended; unmount it with 'layoutfs umount $M'" "$TMP/stderr"
unmount "$M"
mount_at "$M" --kernel "$L"
same "a new mount works" content "$(limited cat "$M/small")"
unmount "$M"

echo "-- a server that is stopped"
mount_view "$M" "$L"
kill -STOP "$server"
same "names and attributes are there" "d large small" "$(limited ls "$M" | xargs)"
cat "$M/large" >"$TMP/read" &
reader=$!
wait_for waits_in_file $reader "$M/large"
refused "umount refuses while a program waits" 8 umount "$M"
kill -KILL $reader
wait_for has_ended $reader && ok "a reader that waits can be killed" || not_ok "a reader that waits can be killed"
wait $reader 2>/dev/null
cat "$M/large" >"$TMP/read" &
reader=$!
wait_for waits_in_file $reader "$M/large"
kill -CONT "$server"
wait $reader
same "after SIGCONT the reader gets everything" 25165824 "$(stat -c %s "$TMP/read")"
unmount "$M"

echo "-- the cache directory"
# view_with_cache SENTENCE DIR: mounts with this cache, and reads.
view_with_cache() {
  mount_at "$M" --kernel -o "cache_dir=$2" "$L"
  same "$1" "erofs content" "$(findmnt -n -o FSTYPE --mountpoint "$M") $(limited cat "$M/small")"
  same "$1: a large file" 25165824 "$(limited cat "$M/large" | wc -c)"
  unmount "$M"
}
mkdir "$TMP/tmpfs" "$TMP/full" "$TMP/overlay" "$TMP/upper" "$TMP/lower"
mount -t tmpfs none "$TMP/tmpfs"
for _ in first second; do view_with_cache "a cache on tmpfs" "$TMP/tmpfs/cache"; done
mkdir "$TMP/tmpfs/upper" "$TMP/tmpfs/work"
mount -t overlay overlay -o "lowerdir=$TMP/lower,upperdir=$TMP/tmpfs/upper,workdir=$TMP/tmpfs/work" "$TMP/overlay"
for _ in first second; do view_with_cache "a cache on overlayfs" "$TMP/overlay/cache"; done
umount "$TMP/overlay"
umount "$TMP/tmpfs"
mount -t tmpfs -o size=16k none "$TMP/full"
view_with_cache "a full cache" "$TMP/full/cache"
mount -o remount,ro "$TMP/full"
view_with_cache "a read-only cache" "$TMP/full/cache"
umount "$TMP/full"
# damaged SENTENCE COMMAND...: damages all metadata by this command.
damaged() {
  for stored in "$LAYOUTFS_CACHE_DIR"/erofs/sha256/*; do "${@:2}" "$stored"; done
  view_with_cache "$1 are made again" "$LAYOUTFS_CACHE_DIR"
}
damaged "cut metadata" truncate -s 4096
damaged "empty metadata" truncate -s 0
damaged "changed metadata" python3 -c 'import sys
with open(sys.argv[1], "r+b") as file:
    content = bytearray(file.read())
    if content:
        content[len(content) // 3] ^= 1
    file.seek(0)
    file.write(content)'
same "the log of the kernel has no error of EROFS" "" "$(erofs_errors | tail -n 3)"
