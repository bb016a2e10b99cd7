#!/usr/bin/env bash
# The log in JSON: every line is an object, on stderr and in syslog.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need jq python3 unshare
make_layouts single
M=$TMP/m
L=$TMP/layouts/single

# objects SENTENCE FILE: it has lines, and each is an object of version 1 with all that is promised, of now.
objects() {
  local now
  now=$(date +%s)
  check "$1" jq -es --argjson now "$now" 'length > 0 and all(.[];
    .version == 1 and (.level | IN("error", "warning", "info", "debug")) and (.message | type) == "string" and
    (.time | test("^[0-9-]{10}T[0-9:]{8}[.][0-9]{3}Z$")) and
    (.time | sub("[.][0-9]*Z$"; "Z") | fromdate | . <= $now and . > $now - 600))' "$2"
  same "one on each line" "$(jq -c . "$2" | wc -l)" "$(wc -l <"$2")"
}
# told FILTER FILE: jq's output for the objects, one line each.
told() { jq -r "$1" "$2"; }

for option in "--log-format json" "--log-format=json" "-o log_format=json"; do
  layoutfs mount $option "$L:none" "$M" 2>"$TMP/log"
  same "$option: a failure keeps its exit code" 3 $?
  objects "$option: and is an object" "$TMP/log"
  same "$option: which is the error" "error $L: no image named 'none'; available: latest" \
    "$(told '"\(.level) \(.message)"' "$TMP/log")"
done
refused "another format" 2 mount --log-format xml "$L" "$M"
refused "another format after -o" 2 mount -o log_format=JSON "$L" "$M"
same "nothing was mounted" "" "$(mounts_below "$TMP")"

# Not by mount_foreground, which waits for another first line.
mkdir "$M"
"$LAYOUTFS" mount -f -d --log-format json "$L" "$M" 2>"$TMP/log" &
pid=$!
pids+=($pid)
wait_for is_mounted "$M"
check "a mount with that log works" test -e "$M/index.json"
kill -USR1 $pid
wait_for grep -q cacheBytes "$TMP/log"
unmount "$M"
wait $pid
objects "all that a mount says is objects, libfuse's words too" "$TMP/log"
same "it says what is mounted" "info mounted $L on $M" \
  "$(told 'select(.message | startswith("mounted")) | "\(.level) \(.message)"' "$TMP/log")"
same "SIGUSR1 has it say its statistics, which are JSON again" "info 0" \
  "$(told 'select(.message | startswith("{")) | "\(.level) \(.message | fromjson | .cacheBytes)"' "$TMP/log")"
check "libfuse's words are of level debug" jq -es 'any(.[]; .level == "debug" and (.message | test("LOOKUP")))' "$TMP/log"

"$LAYOUTFS" mount -f -q --log-format json "$L" "$M" 2>"$TMP/log" &
pid=$!
pids+=($pid)
wait_for is_mounted "$M"
kill -USR1 $pid
wait_for grep -q cacheBytes "$TMP/log"
unmount "$M"
wait $pid
same "with -q it says nothing but what it was asked for" 1 "$(wc -l <"$TMP/log")"

# In a namespace with its own /dev, with the test's log.
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
check "a mount in the background with that log works" \
  unshare --mount --propagation private sh "$TMP/in_namespace" "$LAYOUTFS" "$L" "$M" "$TMP/dev" "$TMP/heard"
# <DAEMON.INFO>TIME layoutfs[PID]: MESSAGE
sed -n 's/^<30>[^{]* layoutfs\[[0-9]*\]: {/{/p' "$TMP/heard" >"$TMP/log"
objects "its messages in syslog are objects too" "$TMP/log"
same "of the right level" "info" "$(told .level "$TMP/log")"
