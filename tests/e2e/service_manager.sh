#!/usr/bin/env bash
# Notifications of a mount to a service manager: sd_notify(3).
. "$(dirname "$0")/lib.sh"
need_fuse
need python3
make_layouts single
M=$TMP/m
L=$TMP/layouts/single

# manage SOCKET: listens on the socket, writes messages to $TMP/heard, and sets NOTIFY_SOCKET.
manage() {
  : >"$TMP/heard"
  python3 "$HERE/service_manager.py" "$1" >"$TMP/heard" &
  pids+=($!)
  wait_for grep -q listening "$TMP/heard" || exit 1
  export NOTIFY_SOCKET=$1
}

for socket in "$TMP/notify" "@layoutfs-test-$$"; do
  manage "$socket"
  mount_foreground "$M" "$TMP/log" "$L"
  wait_for grep -q READY "$TMP/heard"
  same "at ${socket:0:1}, the server sends READY=1 with its process ID after the mount" \
    "READY=1 MAINPID=$pid STATUS=serving $L on $M" "$(sed -n 2p "$TMP/heard")"
  kill -TERM "$pid"
  wait_for has_ended "$pid"
  wait_for grep -q STOPPING "$TMP/heard"
  same "at ${socket:0:1}, the server sends only STOPPING=1 at the end" "STOPPING=1 STATUS=unmounting" "$(sed 1,2d "$TMP/heard")"
done

manage "$TMP/notify-background"
mount_at "$M" "$L"
wait_for grep -q READY "$TMP/heard"
main=$(sed -n '2s/.*MAINPID=\([0-9]*\) .*/\1/p' "$TMP/heard")
check "a mount in the background sends the process ID of the server" test "$(readlink "/proc/$main/exe")" = "$(readlink -f "$LAYOUTFS")"
unmount "$M"

export NOTIFY_SOCKET=$TMP/nobody-listens
mount_at "$M" "$L"
check "a mount succeeds if no service manager listens" test -e "$M/index.json"
unmount "$M"
exit
