#!/usr/bin/env bash
# An ordinary user without a set-uid helper mounts in a user namespace (unshare -Urm), and runs programs from a mount in
# namespaces of unshare or bwrap, as the manual page documents.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need fusermount3 bwrap busybox python3
prepare_nobody
make_layouts sample
# bwrap cannot create directories in a read-only tree.
python3 - "$TMP/layouts/runs" "$(command -v busybox)" "$(host_architecture)" "$CORPUS" <<'PYTHON' || exit 1
import pathlib, sys
layout, busybox, architecture, corpus = sys.argv[1:]
sys.path.insert(0, corpus)
from ocilib import Layout, Tar
tar = Tar()
for name in ("bin", "dev", "proc", "tmp"):
    tar.dir(name)
tar.file("bin/busybox", pathlib.Path(busybox).read_bytes(), mode=0o755).symlink("bin/sh", "busybox")
made = Layout()
made.tag("box", made.image([tar], arch=architecture))
made.write(pathlib.Path(layout))
PYTHON
chmod -R a+rX "$TMP/layouts"

# mounts COMMAND: prints the output of an ordinary user's shell.
mounts() {
  as_nobody env PATH="$TMP/bin:/usr/sbin:/usr/bin:/sbin:/bin" L="$TMP/layouts/sample" B="$TMP/layouts/runs" sh -c "$1" 2>&1
}
mounts 'unshare -Urm true' >/dev/null || skip "ordinary users cannot create user namespaces here"

echo "-- unshare -Urm"
# As root of the namespace, layoutfs mounts by mount(2). A PATH without fusermount3 makes sure of it.
mkdir "$TMP/few"
for program in ls cat stat grep sleep; do ln -s "$(command -v $program)" "$TMP/few/"; done
# The server is in these namespaces, and would keep them and its mount alive.
alone() { mounts "unshare -Urm env PATH=$TMP/bin:$TMP/few /bin/sh -c '$1; layoutfs umount m 2>/dev/null'"; }
same "root of a user namespace mounts an image, reads a file and unmounts" "needle in the upper layer" \
  "$(alone 'layoutfs mount -q "$L:app:1.0" m && cat m/etc/added && layoutfs umount m && ls m')"
same "root of a user namespace mounts a layout" "app:1.0 multi team" "$(echo $(alone 'layoutfs mount -q "$L" m && ls m/refs && layoutfs umount m'))"
check "root of a user namespace uses the cache of the user" test -d "$TMP/home/.cache/layoutfs/layers"
same "a mount in a user namespace forbids devices and set-uid programs by default" "ro,nosuid,nodev,relatime" \
  "$(alone 'layoutfs mount -q "$L" m && grep " $PWD/m " /proc/self/mountinfo' | cut -d ' ' -f 6)"
same "a mount in a user namespace accepts dev, suid and allow_other" "ro,relatime allow_other" \
  "$(alone 'layoutfs mount -q -o dev,suid,allow_other "$L" m && grep " $PWD/m " /proc/self/mountinfo' |
    sed 's/^[^ ]* [^ ]* [^ ]* [^ ]* [^ ]* \([^ ]*\) .*\(allow_other\).*/\1 \2/')"
same "files of users without a mapping belong to nobody" "65534 65534" \
  "$(alone 'layoutfs mount -q "$L:app:1.0" m && stat -c "%u %g" m/etc/name')"
same "uid=0 and gid=0 show the files as root's" "0 0" \
  "$(alone 'layoutfs mount -q -o uid=0,gid=0 "$L:app:1.0" m && stat -c "%u %g" m/etc/name')"
same "the mount in a pid namespace serves until the namespace ends" "served" \
  "$(mounts 'unshare -Urmpf --mount-proc sh -c "layoutfs mount -q \$L:app:1.0 m && test -e m/etc/added && echo served"')"
no_server() { ! pgrep -f "^layoutfs mount .*$TMP/layouts"; }
wait_for no_server && ok "no server is left after the pid namespace ends" || not_ok "no server is left after the pid namespace ends"

echo "-- a command in the image"
same "unshare runs a command in the mounted image" "0 2" "$(mounts 'unshare -Urmpf --mount-proc sh -c "
  layoutfs mount -q \$B:box m && mount --rbind /dev m/dev && mount -t proc proc m/proc &&
  exec chroot m /bin/sh -c \"echo gone >/dev/null; busybox echo \\\$(busybox id -u) \\\$(busybox ls -d /proc/self /tmp | busybox wc -l)\""')"
same "bwrap runs a command in an image that fusermount3 mounted" "in the image, read-only, written" "$(mounts '
  layoutfs mount -q $B:box m || exit 1
  bwrap --bind m / --dev /dev --proc /proc --tmpfs /tmp --unshare-pid /bin/busybox sh -c "
    [ -e /bin/busybox ] && [ ! -e /usr ] && a=image; busybox touch /bin/x 2>/dev/null || b=read-only
    echo x >/tmp/x && busybox echo in the \$a, \$b, written"
  layoutfs umount m')"
wait_for is_not_mounted "$TMP/home/m" && ok "no mount is left after the commands" || not_ok "no mount is left after the commands"
wait_for no_server && ok "no server is left after the commands" || not_ok "no server is left after the commands"
