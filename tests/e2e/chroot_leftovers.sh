#!/usr/bin/env bash
# chroot --commit removes the directories that killed runs of the same user have left in $TMPDIR, and nothing else.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_layout
need unshare setpriv flock pgrep
unshare --mount --pid --fork true 2>/dev/null || skip "cannot create namespaces here"
prepare_nobody
C=$TMP/home/img
layoutfs copy -q --platform "linux/$(host_architecture)" "$LAYOUT:busybox:1.35.0" "$C:one" >/dev/null || exit 1
chown -R nobody "$C"
T=$TMP/home/temporary
mkdir "$T" && chmod 1777 "$T"
export TMPDIR=$T

started() { compgen -G "$T/layoutfs-chroot-*/changes/upper/started" >/dev/null; }
is_free() { flock --nonblock "$1" true; }
WAITING=(chroot --commit x "$C:one" sh -c 'echo >/started; exec sleep 1000')
# next_run: another run. It must succeed.
next_run() { check "$1 succeeds" "$LAYOUTFS" chroot --force --commit two "$C:one" true; }

echo "-- a killed run"
"$LAYOUTFS" "${WAITING[@]}" </dev/null 2>/dev/null &
pid=$! && pids+=("$pid")
wait_for started || not_ok "the command starts"
live=$(echo "$T"/layoutfs-chroot-*)
next_run "a run beside a live one"
same "a run beside a live one leaves its directory" "$live" "$(echo "$T"/*)"
check "the directory of a live run keeps its files" test -e "$live/changes/upper/started"
kill -9 "$pid"
wait_for is_free "$live" || not_ok "the lock of a killed run is free"
same "SIGKILL leaves the directory" "$live" "$(echo "$T"/*)"
next_run "the next run"
same "the next run removes the directory of the killed one" "" "$(ls "$T")"

echo "-- a killed run of an ordinary user"
as_nobody env TMPDIR="$T" "$TMP/bin/layoutfs" "${WAITING[@]}" </dev/null 2>"$TMP/stderr" &
pids+=($!)
if wait_for started; then
  live=$(echo "$T"/layoutfs-chroot-*)
  kill -9 "$(pgrep -o -f "^$TMP/bin/layoutfs")"
  wait_for is_free "$live" || not_ok "the lock of a killed run is free"
  next_run "a run of root"
  same "a run of root leaves the directory of another user" "$live" "$(echo "$T"/*)"
  as_nobody env TMPDIR="$T" "$TMP/bin/layoutfs" chroot --force --commit two "$C:one" true 2>"$TMP/stderr" ||
    not_ok "the next run of the user succeeds" "$(cat "$TMP/stderr")"
  same "the next run of the user removes it" "" "$(ls "$T")"
else
  left_out "no user namespaces here: $(head -c 200 "$TMP/stderr")"
fi

echo "-- other directories"
# other NUMBER: makes a directory as of a killed run.
other() {
  at=$T/layoutfs-chroot-000000000000000$1
  mkdir -m 700 "$at" && mkdir -p "$at/changes/upper" && echo x >"$at/changes/upper/file"
}
other 1 && chown nobody "$at"
other 2 && chmod 755 "$at"
other 3 && touch "$at/file"
mkdir -p "$TMP/outside/changes" && chmod 700 "$TMP/outside" && echo x >"$TMP/outside/changes/file"
ln -s "$TMP/outside" "$T/layoutfs-chroot-0000000000000004"
other 5 && mv "$at" "$T/layoutfs-chroot-5"
other 6 && mkdir "$at/changes/work" "$TMP/lower" "$TMP/overlay"
others="1 2 3 4 5 6 7" files=6
if ! mount -t overlay overlay -o "lowerdir=$TMP/lower,upperdir=$at/changes/upper,workdir=$at/changes/work" "$TMP/overlay"; then
  left_out "cannot mount overlayfs here"
  others="1 2 3 4 5 7" files=5
fi
other 7 && mkdir "$at/changes/upper/mounted" && mount --bind "$TMP/outside" "$at/changes/upper/mounted"
other 8
next_run "a run beside other directories"
same "a directory without an owner is removed, others stay" "$others" "$(ls "$T" | sed 's/.*-0*//' | sort | xargs)"
same "their files stay" "$files" "$(ls "$T"/*-*[1235]/changes/upper/file "$TMP/overlay/file" "$TMP/outside/changes/file" 2>/dev/null | wc -l)"
[ "$files" = 5 ] || umount "$TMP/overlay"
umount "$T/layoutfs-chroot-0000000000000007/changes/upper/mounted"
next_run "a run after the mounts have ended"
same "directories without mounts are removed" "1 2 3 4 5" "$(ls "$T" | sed 's/.*-0*//' | sort | xargs)"
