#!/usr/bin/env bash
# Programs that walk over whole trees visit everything in a mount, twice with the same result. Answers from the kernel's
# cache cost the server no system call.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need rsync git strace python3 fio
need_layout
make_layouts sample
M=$TMP/m

# Prints sizes, modes, owners, times, targets and inode numbers of one mount and of the next.
walk() {
  local layout=$1 name=$2
  mount_at "$M" "$layout"
  check "find walks over $name" sh -c "find '$M' -ls >'$TMP/first'"
  unmount "$M"
  mount_at "$M" "$layout"
  check "find walks over $name again" sh -c "find '$M' -ls >'$TMP/second'"
  same "both walks over $name find the same files and inode numbers" "" "$(diff "$TMP/first" "$TMP/second" | head -n 5)"
  check "tar archives $name" sh -c "tar -C '$M' -cf - . | tar -tf - >'$TMP/packed'"
  same "tar archives every file that find finds in $name" "$(wc -l <"$TMP/first")" "$(wc -l <"$TMP/packed")"
  unmount "$M"
}
walk "$TMP/layouts/sample" "a layout of all kinds of files"
walk "$LAYOUT" "a real layout"

mount_at "$M" "$TMP/layouts/sample"
check "rsync copies the mount" rsync -aX "$M/" "$TMP/copy/"
same "a second rsync has nothing to copy" "" "$(limited rsync -aX --checksum --itemize-changes "$M/" "$TMP/copy/" 2>&1 | head -n 5)"
unmount "$M"

# git reads the attributes of all files to find changes.
mount_foreground "$M" "$TMP/log" "$TMP/layouts/sample:app:1.0"
export GIT_DIR=$TMP/git GIT_WORK_TREE=$M
check "git adds the files of the mount" sh -c "cd '$M' && git init -q && git add etc bin var/text && git -c user.name=a -c user.email=a@b commit -qm all"
same "git status finds no changes" "" "$(cd "$M" && limited git status --porcelain --untracked-files=no 2>&1)"
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
# Each request of the kernel costs the server a read and a write of its device.
strace -f -qq -e trace=read,readv,write,writev,splice -o "$TMP/calls" -p "$pid" &
tracer=$!
pids+=("$tracer")
is_traced() { ! grep -q '^TracerPid:[[:space:]]0$' "/proc/$pid/status"; }
if wait_for is_traced; then
  limited python3 "$TMP/storm.py" "$M" 100
  kill -INT "$tracer"
  wait "$tracer"
  same "cached stat, ls and failed lookups cost no system call of the server" "" "$(grep -v 'resumed\|detached\|unfinished' "$TMP/calls" | head -n 5)"
else
  not_ok "strace attaches to the server"
fi
unmount "$M"
