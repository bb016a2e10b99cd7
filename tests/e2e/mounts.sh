#!/usr/bin/env bash
# `layoutfs mounts`, the processes that umount names, and the note of mount about the users that can see it.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need jq python3
make_layouts sample
L=$TMP/layouts/sample
# entry DIR FILTER: prints the filter's result for that mount, as other tests may have mounts too.
entry() { layoutfs mounts --json | jq -c --arg at "$1" ".mounts[] | select(.mountPoint == \$at) | $2"; }

echo "-- mounts"
mount_at "$TMP/m" "$L:app:1.0"
mount_at "$TMP/whole" "$L"
same "mounts --json shows the source and the user of a mount" "[\"$L:app:1.0\",0,\"root\",false]" "$(entry "$TMP/m" '[.source, .uid, .user, .isDead]')"
same "mounts --json shows another mount" "\"$L\"" "$(entry "$TMP/whole" .source)"
cat "$TMP/m/var/noise" >/dev/null
same "mounts --json shows the size of the cache" true "$(entry "$TMP/m" '.statistics.cacheBytes > 0')"
same "mounts --json has a version" 1 "$(layoutfs mounts --json | jq .version)"
same "mounts prints a table" "USER VIEW CACHE HITS DECODED MOUNTPOINT SOURCE" "$(layoutfs mounts | head -n 1 | xargs)"
check "the table of mounts shows mount point and source" sh -c "'$LAYOUTFS' mounts | grep -F '$TMP/m ' | grep -qF '$L:app:1.0'"
unmount "$TMP/whole"
same "mounts --json does not show a mount after umount" "" "$(entry "$TMP/whole" .source)"

echo "-- a mount in use"
exec 9<"$TMP/m/etc/name"
sleep 600 <"$TMP/m/etc/name" &
sleeper=$!
(cd "$TMP/m/etc" && exec sleep 600) &
inside=$!
pids+=($sleeper $inside)
for process in $sleeper $inside; do wait_for grep -q sleep /proc/$process/comm; done
refused "umount refuses a mount that is in use" 8 umount "$TMP/m"
cp "$TMP/stderr" "$TMP/said"
check "the error for a mount in use names a process by its working directory" grep -q "sleep ($inside, working directory)" "$TMP/said"
check "the error for a mount in use names a process by its open file" grep -q "sleep ($sleeper, open file)" "$TMP/said"
check "the error for a mount in use does not name the server" sh -c "! grep -q 'layoutfs (' '$TMP/said'"
check "the error for a mount in use has a hint with umount -z" grep -q "^hint: .*umount -z $TMP/m" "$TMP/said"
exec 9<&-
kill $sleeper $inside
wait $sleeper $inside 2>/dev/null
unmount "$TMP/m"

echo "-- a mount whose server was killed"
mount_foreground "$TMP/dead" "$TMP/log" "$L"
kill -9 "$pid"
wait "$pid" 2>/dev/null
same "mounts --json shows a mount with a killed server as dead" '[true,null]' "$(entry "$TMP/dead" '[.isDead, .statistics]')"
check "the table of mounts shows a dead mount" sh -c "'$LAYOUTFS' mounts | grep -F '$TMP/dead' | grep -q dead"
check "umount removes a dead mount" "$LAYOUTFS" umount "$TMP/dead"

echo "-- the users that can see a mount"
mkdir -p "$TMP/m"
same "mount -v prints that only root can see the mount" 1 "$(layoutfs mount -v "$L" "$TMP/m" 2>&1 | grep -c '^only root can see it')"
unmount "$TMP/m"
mkdir -p "$TMP/m"
same "mount -v -o allow_other does not print who can see the mount" 0 "$(layoutfs mount -v -o allow_other "$L" "$TMP/m" 2>&1 | grep -c 'can see it')"
unmount "$TMP/m"
finish
