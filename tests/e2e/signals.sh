#!/usr/bin/env bash
# SIGTERM and SIGINT take the mount down; files that are open stay readable until they are closed.
. "$(dirname "$0")/lib.sh"
need_fuse
make_layouts single
M=$TMP/m
for signal in TERM INT; do
  mount_foreground "$M" "$TMP/log" "$TMP/layouts/single"
  kill -$signal "$pid"
  wait_for is_not_mounted "$M" && ok "SIG$signal unmounts" || not_ok "SIG$signal unmounts"
  wait_for has_ended "$pid" && ok "SIG$signal ends the program" || not_ok "SIG$signal ends the program"
  wait "$pid"
  same "which is no failure" 0 $?
done

mount_foreground "$M" "$TMP/log" "$TMP/layouts/single:latest"
exec 9<"$M/var/noise"
kill -TERM "$pid"
wait_for is_not_mounted "$M" && ok "with a file open SIGTERM detaches" || not_ok "with a file open SIGTERM detaches"
same "the open file is still readable" "$(layoutfs cat "$TMP/layouts/single:latest" var/noise | sha256sum)" \
  "$(limited sha256sum <&9)"
exec 9<&-
wait_for has_ended "$pid" && ok "closing it ends the program" || not_ok "closing it ends the program"

mount_foreground "$M" "$TMP/log" "$TMP/layouts/single:latest"
exec 9<"$M/var/noise"
kill -TERM "$pid"
wait_for is_not_mounted "$M"
kill -TERM "$pid"
wait_for has_ended "$pid" && ok "a second signal ends it at once" || not_ok "a second signal ends it at once"
exec 9<&-

# In the background: the program goes with its mount.
mount_at "$M" "$TMP/layouts/single"
unmount "$M"
no_process() { ! pgrep -f "^$LAYOUTFS mount .*$M\$"; }
wait_for no_process && ok "the background process ends with its mount" || not_ok "the background process ends with its mount"
mkdir "$TMP/made-before"
mount_at "$TMP/made-before" "$TMP/layouts/single"
unmount "$TMP/made-before"
check "a directory that was there stays" test -d "$TMP/made-before"
layoutfs mount -q "$TMP/layouts/single" "$TMP/made-by-mount" || not_ok "mounting on a directory that is not there"
check "a mount point is made where it is missing" test -e "$TMP/made-by-mount/index.json"
unmount "$TMP/made-by-mount"
check "and removed when it is unmounted" test ! -e "$TMP/made-by-mount"
cat >"$TMP/turns" <<'TURNS'
set -e
for turn in $(seq 50); do
  "$LAYOUTFS" mount -q "$1" "$2"
  "$LAYOUTFS" umount "$2"
  mkdir "$2"
  rmdir "$2"
done
TURNS
check "so that it can be made again at once, many times" env LAYOUTFS="$LAYOUTFS" \
  sh "$TMP/turns" "$TMP/layouts/single" "$TMP/made-by-mount"
# It is others' then, also if the program gets to it late.
rm -rf "$TMP/made-by-mount"
"$LAYOUTFS" mount -q -f "$TMP/layouts/single" "$TMP/made-by-mount" &
pid=$!
pids+=("$pid")
wait_for test -e "$TMP/made-by-mount/index.json"
kill -STOP "$pid"
check "a server that does not answer does not keep a mount" "$LAYOUTFS" umount "$TMP/made-by-mount"
rmdir "$TMP/made-by-mount" && mkdir "$TMP/made-by-mount"
kill -CONT "$pid"
wait "$pid"
check "one that others made meanwhile stays" rmdir "$TMP/made-by-mount"

# One that is stopped before it has mounted leaves nothing: while it indexes 16 GiB of zeros.
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
  same "SIG$signal ends the indexing before a mount" "$((128 + $(kill -l $signal)))" $code
  check "which leaves no mount point" test ! -e "$TMP/made-by-mount"
done
