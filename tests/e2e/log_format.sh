#!/usr/bin/env bash
# The log in JSON: every line is an object, on stderr and in syslog.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need jq python3 unshare
make_layouts single
M=$TMP/m
L=$TMP/layouts/single

# objects SENTENCE FILE: the file must have lines, each an object of version 1 with all members and a current time.
objects() {
  local now
  now=$(date +%s)
  check "$1" jq -es --argjson now "$now" 'length > 0 and all(.[];
    .version == 1 and (.level | IN("error", "warning", "info", "debug")) and (.message | type) == "string" and
    (.time | test("^[0-9-]{10}T[0-9:]{8}[.][0-9]{3}Z$")) and
    (.time | sub("[.][0-9]*Z$"; "Z") | fromdate | . <= $now and . > $now - 600))' "$2"
  same "$1: one object per line" "$(jq -c . "$2" | wc -l)" "$(wc -l <"$2")"
}
# told FILTER FILE: prints jq's output for the objects, one line each.
told() { jq -r "$1" "$2"; }

for option in "--log-format json" "--log-format=json" "-o log_format=json"; do
  layoutfs mount $option "$L:none" "$M" 2>"$TMP/log"
  same "$option: a failed mount exits with 3" 3 $?
  objects "$option: the log of a failed mount consists of objects" "$TMP/log"
  same "$option: the object of a failed mount has the error" "error $L: no image named 'none'; available: latest" \
    "$(told '"\(.level) \(.message)"' "$TMP/log")"
done
refused "mount refuses --log-format xml" 2 mount --log-format xml "$L" "$M"
refused "mount refuses -o log_format=JSON" 2 mount -o log_format=JSON "$L" "$M"
same "a refused log format leaves no mount" "" "$(mounts_below "$TMP")"

# mount_foreground waits for another first line, so it is not used here.
mkdir "$M"
"$LAYOUTFS" mount -f -d --log-format json "$L" "$M" 2>"$TMP/log" &
pid=$!
pids+=($pid)
wait_for is_mounted "$M"
check "a mount with a JSON log works" test -e "$M/index.json"
kill -USR1 $pid
wait_for grep -q cacheBytes "$TMP/log"
unmount "$M"
wait $pid
objects "the log of a mount consists of objects, with the messages of libfuse" "$TMP/log"
same "the log has the mount" "info mounted $L on $M" \
  "$(told 'select(.message | startswith("mounted")) | "\(.level) \(.message)"' "$TMP/log")"
same "SIGUSR1 makes the server log its statistics, which are JSON" "info 0" \
  "$(told 'select(.message | startswith("{")) | "\(.level) \(.message | fromjson | .cacheBytes)"' "$TMP/log")"
check "the messages of libfuse have the level debug" jq -es 'any(.[]; .level == "debug" and (.message | test("LOOKUP")))' "$TMP/log"

"$LAYOUTFS" mount -f -q --log-format json "$L" "$M" 2>"$TMP/log" &
pid=$!
pids+=($pid)
wait_for is_mounted "$M"
kill -USR1 $pid
wait_for grep -q cacheBytes "$TMP/log"
unmount "$M"
wait $pid
same "mount -q logs only the requested statistics" 1 "$(wc -l <"$TMP/log")"

# A mount namespace with its own /dev/log.
mkdir "$TMP/dev"
python3 "$HERE/service_manager.py" "$TMP/dev/log" >"$TMP/heard" &
pids+=($!)
wait_for grep -q listening "$TMP/heard"
cat >"$TMP/in_namespace" <<'SHELL'
set -e
layoutfs=$1 layout=$2 at=$3 dev=$4 heard=$5
for name in fuse null; do
  touch "$dev/$name"
  mount --bind "/dev/$name" "$dev/$name"
done
mount --rbind "$dev" /dev
"$layoutfs" mount --log-format json "$layout" "$at"
kill -USR1 "$(pgrep -f "^$layoutfs mount .*$at\$")"
until grep -q cacheBytes "$heard"; do sleep 0.1; done
"$layoutfs" umount "$at"
SHELL
check "a mount in the background with a JSON log works" \
  unshare --mount --propagation private sh "$TMP/in_namespace" "$LAYOUTFS" "$L" "$M" "$TMP/dev" "$TMP/heard"
# <DAEMON.INFO>TIME layoutfs[PID]: MESSAGE
sed -n 's/^<30>[^{]* layoutfs\[[0-9]*\]: {/{/p' "$TMP/heard" >"$TMP/log"
objects "the messages in syslog are objects" "$TMP/log"
same "the messages in syslog have the right level" "info" "$(told .level "$TMP/log")"
