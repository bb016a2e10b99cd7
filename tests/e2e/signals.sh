#!/usr/bin/env bash
# SIGTERM and SIGINT unmount the mount. Open files stay readable until they are closed.
. "$(dirname "$0")/lib.sh"
need_fuse
make_layouts single
M=$TMP/m
for signal in TERM INT; do
  mount_foreground "$M" "$TMP/log" "$TMP/layouts/single"
  kill -$signal "$pid"
  wait_for is_not_mounted "$M" && ok "SIG$signal unmounts the mount" || not_ok "SIG$signal unmounts the mount"
  wait_for has_ended "$pid" && ok "SIG$signal ends the server" || not_ok "SIG$signal ends the server"
  wait "$pid"
  same "the server exits with 0 after SIG$signal" 0 $?
done

mount_foreground "$M" "$TMP/log" "$TMP/layouts/single:latest"
exec 9<"$M/var/noise"
kill -TERM "$pid"
wait_for is_not_mounted "$M" && ok "SIGTERM detaches a mount with an open file" || not_ok "SIGTERM detaches a mount with an open file"
same "the open file stays readable after SIGTERM" "$(layoutfs cat "$TMP/layouts/single:latest" var/noise | sha256sum)" \
  "$(limited sha256sum <&9)"
exec 9<&-
wait_for has_ended "$pid" && ok "the server ends when the open file is closed" || not_ok "the server ends when the open file is closed"

mount_foreground "$M" "$TMP/log" "$TMP/layouts/single:latest"
exec 9<"$M/var/noise"
kill -TERM "$pid"
wait_for is_not_mounted "$M"
kill -TERM "$pid"
wait_for has_ended "$pid" && ok "a second signal ends the server at once" || not_ok "a second signal ends the server at once"
exec 9<&-

# A server in the background ends with its mount.
mount_at "$M" "$TMP/layouts/single"
unmount "$M"
no_process() { ! pgrep -f "^$LAYOUTFS mount .*$M\$"; }
wait_for no_process && ok "the server in the background ends with its mount" || not_ok "the server in the background ends with its mount"
mkdir "$TMP/made-before"
mount_at "$TMP/made-before" "$TMP/layouts/single"
unmount "$TMP/made-before"
check "umount does not remove a mount point that existed before mount" test -d "$TMP/made-before"
layoutfs mount -q "$TMP/layouts/single" "$TMP/made-by-mount" || not_ok "mount accepts a mount point that does not exist"
check "mount creates a missing mount point" test -e "$TMP/made-by-mount/index.json"
unmount "$TMP/made-by-mount"
check "umount removes the mount point that mount created" test ! -e "$TMP/made-by-mount"
cat >"$TMP/turns" <<'TURNS'
set -e
for turn in $(seq 50); do
  "$LAYOUTFS" mount -q "$1" "$2"
  "$LAYOUTFS" umount "$2"
  mkdir "$2"
  rmdir "$2"
done
TURNS
PATIENCE=300 check "mount and umount create and remove the mount point 50 times" env LAYOUTFS="$LAYOUTFS" \
  sh "$TMP/turns" "$TMP/layouts/single" "$TMP/made-by-mount"
# If the server is slow, another process may use the directory first.
rm -rf "$TMP/made-by-mount"
"$LAYOUTFS" mount -q -f "$TMP/layouts/single" "$TMP/made-by-mount" &
pid=$!
pids+=("$pid")
wait_for test -e "$TMP/made-by-mount/index.json"
kill -STOP "$pid"
check "umount succeeds while the server is stopped" "$LAYOUTFS" umount "$TMP/made-by-mount"
rmdir "$TMP/made-by-mount" && mkdir "$TMP/made-by-mount"
kill -CONT "$pid"
wait "$pid"
check "the server does not remove a directory that another process created" rmdir "$TMP/made-by-mount"

# A mount that is interrupted while it indexes 16 GiB of zeros leaves nothing.
python3 - "$TMP/long" "$(host_architecture)" "$CORPUS" <<'PYTHON' || exit 1
import gzip, pathlib, sys
layout, architecture, corpus = sys.argv[1:]
sys.path.insert(0, corpus)
from ocilib import GZIP, Layer, Layout, header
part, times = 64 << 20, 256
blob = gzip.compress(header(b"zeros", size=part * times)) + gzip.compress(b"\0" * part, 9) * times
made = Layout()
made.tag("long", made.manifest(made.config([], arch=architecture), [made.layer(Layer(blob, b"", GZIP))]))
made.write(pathlib.Path(layout))
PYTHON
layer=$(find "$TMP/long/blobs" -size +1M)
is_reading_layer() { find "/proc/$pid/fd" -lname "$layer" | grep -q .; }
for signal in INT TERM HUP; do
  env --default-signal=INT,HUP "$LAYOUTFS" mount -q "$TMP/long:long" "$TMP/made-by-mount" 2>"$TMP/log" &
  pid=$!
  pids+=("$pid")
  wait_for is_reading_layer
  kill -$signal "$pid"
  wait "$pid" 2>/dev/null
  code=$?
  same "SIG$signal ends mount while it indexes" "$((128 + $(kill -l $signal)))" $code
  check "an interrupted mount removes the mount point that it created" test ! -e "$TMP/made-by-mount"
done
