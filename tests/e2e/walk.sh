#!/usr/bin/env bash
# Programs that walk whole trees visit everything that a mount shows, twice with the same result; cached
# answers cost the program not one system call.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need rsync git strace python3 fio
need_layout
make_layouts sample
M=$TMP/m

# Sizes, modes, owners, times, targets, and inode numbers: of a mount and of the next one.
walk() {
  local layout=$1 name=$2
  mount_at "$M" "$layout"
  check "find goes through $name" sh -c "find '$M' -ls >'$TMP/first'"
  unmount "$M"
  mount_at "$M" "$layout"
  check "and again" sh -c "find '$M' -ls >'$TMP/second'"
  same "to the same, inode numbers too" "" "$(diff "$TMP/first" "$TMP/second" | head -n 5)"
  check "tar packs all of it" sh -c "tar -C '$M' -cf - . | tar -tf - >'$TMP/packed'"
  same "every file that find finds" "$(wc -l <"$TMP/first")" "$(wc -l <"$TMP/packed")"
  unmount "$M"
}
walk "$TMP/layouts/sample" "a layout of all kinds of files"
walk "$LAYOUT" "a real layout"

mount_at "$M" "$TMP/layouts/sample"
check "rsync copies all of it" rsync -aX "$M/" "$TMP/copy/"
same "and finds nothing to do the second time" "" "$(limited rsync -aX --checksum --itemize-changes "$M/" "$TMP/copy/" 2>&1 | head -n 5)"
unmount "$M"

# git looks at all files' attributes to see whether one has changed.
mount_foreground "$M" "$TMP/log" "$TMP/layouts/sample:app:1.0"
export GIT_DIR=$TMP/git GIT_WORK_TREE=$M
check "git takes the tree" sh -c "cd '$M' && git init -q && git add etc bin var/text && git -c user.name=a -c user.email=a@b commit -qm all"
same "git status finds no change" "" "$(cd "$M" && limited git status --porcelain --untracked-files=no 2>&1)"
unset GIT_DIR GIT_WORK_TREE
check "fio reads at random with four readers" fio --name=random --filename="$M/var/noise" --readonly --rw=randread --bs=4k \
  --numjobs=4 --io_size=8M --output="$TMP/fio" --minimal

cat >"$TMP/storm.py" <<'PYTHON'
import os, sys
for _ in range(int(sys.argv[2])):
    for directory, folders, files in os.walk(sys.argv[1]):
        for name in folders + files:
            os.lstat(os.path.join(directory, name))
            assert not os.path.lexists(os.path.join(directory, name + ".absent"))
PYTHON
limited python3 "$TMP/storm.py" "$M" 1
# Everything that the program does for the kernel is a read or a write of its device.
strace -f -qq -e trace=read,readv,write,writev,splice -o "$TMP/calls" -p "$pid" &
tracer=$!
pids+=("$tracer")
is_traced() { ! grep -q '^TracerPid:[[:space:]]0$' "/proc/$pid/status"; }
if wait_for is_traced; then
  limited python3 "$TMP/storm.py" "$M" 100
  kill -INT "$tracer"
  wait "$tracer"
  same "stat, ls and misses that the kernel has cached cost no system call" "" "$(grep -v 'resumed\|detached\|unfinished' "$TMP/calls" | head -n 5)"
else
  not_ok "strace does not get at the program"
fi
unmount "$M"
