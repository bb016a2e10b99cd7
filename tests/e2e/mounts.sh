#!/usr/bin/env bash
# `layoutfs mounts`, and what `umount` and `mount` say about who uses a mount and who sees it.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need jq python3
make_layouts sample
L=$TMP/layouts/sample
# entry DIR FILTER: of that mount alone, as other tests may have mounts, too.
entry() { layoutfs mounts --json | jq -c --arg at "$1" ".mounts[] | select(.mountPoint == \$at) | $2"; }

echo "-- mounts"
mount_at "$TMP/m" "$L:app:1.0"
mount_at "$TMP/whole" "$L"
same "the source and the user" "[\"$L:app:1.0\",0,\"root\",false]" "$(entry "$TMP/m" '[.source, .uid, .user, .isDead]')"
same "another mount" "\"$L\"" "$(entry "$TMP/whole" .source)"
cat "$TMP/m/var/noise" >/dev/null
same "the cache" true "$(entry "$TMP/m" '.statistics.cacheBytes > 0')"
same "the version" 1 "$(layoutfs mounts --json | jq .version)"
same "a table" "USER CACHE HITS DECODED MOUNTPOINT SOURCE" "$(layoutfs mounts | head -n 1 | xargs)"
check "with both" sh -c "'$LAYOUTFS' mounts | grep -F '$TMP/m ' | grep -qF '$L:app:1.0'"
unmount "$TMP/whole"
same "without what was taken down" "" "$(entry "$TMP/whole" .source)"

echo "-- a mount that is busy"
exec 9<"$TMP/m/etc/name"
sleep 600 <"$TMP/m/etc/name" &
sleeper=$!
(cd "$TMP/m/etc" && exec sleep 600) &
inside=$!
pids+=($sleeper $inside)
wait_for grep -q sleep /proc/$inside/comm
refused "umount names its users" 8 umount "$TMP/m"
cp "$TMP/stderr" "$TMP/said"
check "the working directory" grep -q "sleep ($inside, working directory)" "$TMP/said"
check "the open file" grep -q "sleep ($sleeper, open file)" "$TMP/said"
check "itself is none of them" sh -c "! grep -q 'layoutfs (' '$TMP/said'"
check "and hints at -z" grep -q "^hint: .*umount -z $TMP/m" "$TMP/said"
exec 9<&-
kill $sleeper $inside
wait $sleeper $inside 2>/dev/null
unmount "$TMP/m"

echo "-- a mount whose server was killed"
mount_foreground "$TMP/dead" "$TMP/log" "$L"
kill -9 "$pid"
wait "$pid" 2>/dev/null
same "it is listed as dead" '[true,null]' "$(entry "$TMP/dead" '[.isDead, .statistics]')"
check "in the table too" sh -c "'$LAYOUTFS' mounts | grep -F '$TMP/dead' | grep -q dead"
check "umount takes it away" "$LAYOUTFS" umount "$TMP/dead"

echo "-- who sees a mount"
mkdir -p "$TMP/m"
same "-v says that only root does" 1 "$(layoutfs mount -v "$L" "$TMP/m" 2>&1 | grep -c '^only root can see it')"
unmount "$TMP/m"
mkdir -p "$TMP/m"
same "unless others may" 0 "$(layoutfs mount -v -o allow_other "$L" "$TMP/m" 2>&1 | grep -c 'can see it')"
unmount "$TMP/m"
finish
