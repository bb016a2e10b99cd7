#!/usr/bin/env bash
# An ordinary user mounts, reads and unmounts; each failure, especially of fusermount3, is one clear line.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need fusermount3
make_layouts sample
prepare_nobody
chmod -R a+rX "$TMP/layouts"

# mounts COMMAND: in that user's shell.
mounts() { as_nobody env PATH="$TMP/bin:$PATH" L="$TMP/layouts/sample" sh -c "$1"; }

output=$(mounts 'layoutfs mount -q "$L:app:1.0" m && cat m/etc/added && layoutfs umount m && ls m' 2>&1)
same "an ordinary user mounts an image, reads a file and unmounts" "needle in the upper layer" "$output"
output=$(mounts 'layoutfs mount -q "$L" m && ls m/refs && layoutfs umount m' 2>&1)
same "and a layout" "app:1.0 multi team" "$(echo $output)"
check "the index cache is the user's own" test -d "$TMP/home/.cache/layoutfs"
output=$(mounts 'layoutfs mount -q -o uid=65534,gid=65534 "$L:app:1.0" m && stat -c "%u %g" m/etc/name m/bin/tool
  layoutfs umount m' 2>&1)
same "uid= and gid= show all files as the user's" "65534 65534 65534 65534" "$(echo $output)"

# fails SENTENCE CODE TEXT COMMAND: it ends so, with one line that has this text.
fails() {
  local code
  mounts "$4" >"$TMP/stdout" 2>"$TMP/stderr"
  code=$?
  same "$1: $(head -c 200 "$TMP/stderr")" "$2 1 1" "$code $(sed '2{/^hint: ./d}' "$TMP/stderr" | wc -l) $(grep -c "^layoutfs: .*$3" "$TMP/stderr")"
}
if ! grep -q '^user_allow_other' /etc/fuse.conf; then
  fails "allow_other must be allowed to users" 8 "m: fusermount3: option allow_other" 'layoutfs mount -o allow_other "$L" m'
  mounts 'layoutfs mount -o allow_other --log-format json "$L" m' 2>"$TMP/stderr"
  same "in JSON too that is one line, an object" "1 1" "$(wc -l <"$TMP/stderr") $(grep -c '^{.*option allow_other.*}$' "$TMP/stderr")"
fi
mkdir "$TMP/of-root"
fails "nobody mounts on another's directory" 8 "no write access" "layoutfs mount \$L $TMP/of-root"
fails "a mount that is in use stays" 8 "Device or resource busy" \
  'layoutfs mount -q "$L" m && exec 9<m/index.json && ! layoutfs umount m && exec 9<&- && layoutfs umount m; exit 8'
mount_at "$TMP/of-root" -o allow_other "$TMP/layouts/sample"
fails "nobody takes down the mount of another" 8 "mounted by root; only root" "layoutfs umount $TMP/of-root"
exec 9<"$TMP/of-root/index.json"
refused "for root a mount that is in use stays too" 8 umount "$TMP/of-root"
exec 9<&-
unmount "$TMP/of-root"
# /usr/bin without fusermount3, as long as this command runs.
mkdir "$TMP/over"
cat >"$TMP/without" <<'COMMANDS'
mount -t tmpfs none "$1/over" && mkdir "$1/over/upper" "$1/over/work" && mknod "$1/over/upper/fusermount3" c 0 0 &&
  mount -t overlay overlay -o lowerdir=/usr/bin,upperdir="$1/over/upper",workdir="$1/over/work" /usr/bin &&
  mount --bind "$1/fuse" /dev/fuse && cd "$1/home" || exit 99
exec setpriv --reuid=nobody --regid=nogroup --clear-groups env -u LAYOUTFS_CACHE_DIR HOME="$1/home" \
  "$1/bin/layoutfs" mount "$1/layouts/sample" m
COMMANDS
PATH=/usr/sbin:/usr/bin:/sbin:/bin limited unshare --mount --propagation private sh "$TMP/without" "$TMP" 2>"$TMP/stderr"
code=$?
same "without fusermount3 it says which package has it: $(cat "$TMP/stderr")" "8 1 1" \
  "$code $(wc -l <"$TMP/stderr") $(grep -c '^layoutfs: .*No such file or directory (install the package fuse3' "$TMP/stderr")"

chmod 600 "$TMP/fuse"
mounts 'layoutfs mount "$L" m 2>err >out; echo $? >code; grep " $PWD/m " /proc/self/mountinfo >left'
same "without permission on /dev/fuse the exit code is 8" 8 "$(cat "$TMP/home/code")"
same "with one line" 1 "$(wc -l <"$TMP/home/err")"
check "that names the cause: $(cat "$TMP/home/err")" grep -Eqi '^layoutfs: .*(permission|permitted|/dev/fuse)' "$TMP/home/err"
check "and nothing is mounted" test ! -s "$TMP/home/left"
mounts 'layoutfs mount "$L" made 2>/dev/null'
check "a mount point made for it does not stay" test ! -e "$TMP/home/made"
