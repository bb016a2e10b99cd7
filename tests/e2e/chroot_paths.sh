#!/usr/bin/env bash
# layoutfs chroot of images with unusual files at its mount points. Each path is resolved inside the image or replaced
# in the scratch layer, host names resolve, and no file of the host changes.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need unshare python3 busybox
unshare --mount --pid --fork true 2>/dev/null || skip "cannot create namespaces here"
[ -s /etc/resolv.conf ] || skip "no /etc/resolv.conf here"
prepare_nobody
L=$TMP/layout
cat >"$TMP/make.py" <<'PYTHON'
import pathlib, sys
sys.path.insert(0, sys.argv[3])
from ocilib import Layout, Tar
busybox = pathlib.Path(sys.argv[4]).read_bytes()
outside = sys.argv[5]
made = Layout()
def base():
    return Tar().dir("bin").file("bin/busybox", busybox, mode=0o755).symlink("bin/sh", "busybox")
def image(name, tar, **config):
    made.tag(name, made.image([tar], arch=sys.argv[2], **config))
etc = lambda: base().dir("etc")
link = lambda target: etc().symlink("etc/resolv.conf", target)
image("plain", etc().file("etc/resolv.conf", "the image's own"))
image("none", base())
image("dangling", link("/run/systemd/resolve/stub-resolv.conf"))
image("relative", link("../run/resolv.conf"))
image("up", link("../../../../../../run/deep/resolv.conf"))
image("outside", link(outside + "/secret"))
image("chain", link("a").symlink("etc/a", "../b/c").symlink("b", "/d/e"))
image("loop", link("resolv.conf"))
image("two-loop", link("b").symlink("etc/b", "resolv.conf"))
image("through-file", link("passwd/resolv.conf").file("etc/passwd", "kept"))
image("to-directory", link("/run").dir("run"))
image("to-root", link("/"))
image("to-device", link("/dev/null"))
image("to-new-device", link("/dev/resolv.conf"))
image("to-proc", link("/proc/cpuinfo"))
image("to-descriptor", link("/proc/self/fd/3"))
image("to-process-root", link("/proc/1/root" + outside + "/secret"))
image("to-sys", link("/sys/kernel/resolv.conf"))
image("long", link("/" + "n" * 300))
image("longest", link("/" + "d/" * 2000 + "resolv.conf"))
image("dir", etc().dir("etc/resolv.conf"))
image("full-dir", etc().dir("etc/resolv.conf/d").file("etc/resolv.conf/d/f", "x").symlink("etc/resolv.conf/l", "/bin"))
image("fifo", etc().add("etc/resolv.conf", "fifo"))
image("device", etc().add("etc/resolv.conf", "char", rdev=(1, 3)))
image("unreadable", etc().file("etc/resolv.conf", "x", mode=0))
image("etc-link", base().dir("data/etc").symlink("etc", "/data/etc"))
image("etc-dangling", base().symlink("etc", "/nowhere/etc"))
image("etc-loop", base().symlink("etc", "etc"))
image("etc-file", base().file("etc", "a file"))
image("etc-outside", base().symlink("etc", "../../.." + outside))
image("etc-fifo", base().add("etc", "fifo"))
image("etc-to-file", base().symlink("etc", "bin/busybox"))
image("etc-read-only", base().dir("etc", mode=0o500))
for name in "proc", "sys", "dev":
    image(name + "-file", base().file(name, "a file"))
    image(name + "-link", base().dir("data").symlink(name, "/data"))
    image(name + "-dangling", base().symlink(name, "/no/where"))
    image(name + "-root", base().symlink(name, "/"))
    image(name + "-outside", base().symlink(name, "../.." + outside))
    image(name + "-fifo", base().add(name, "fifo"))
    image(name + "-full", base().dir(name).file(name + "/file", "x").symlink(name + "/null", "/etc"))
work = lambda path: {"config": {"WorkingDir": path}}
def configured(name, tar, path):
    layer = made.layer(tar)
    import json
    from ocilib import CONFIG, sha
    config = made.json({"architecture": sys.argv[2], "os": "linux", "config": {"WorkingDir": path},
                        "rootfs": {"type": "layers", "diff_ids": [sha(tar.bytes())]}}, CONFIG)
    made.tag(name, made.manifest(config, [layer]))
configured("work-dangling", base().symlink("app", "/srv/app"), "/app/sub")
configured("work-outside", base().symlink("app", "../.." + outside), "/app")
configured("work-descriptor", base(), "/proc/self/fd/9")
configured("work-file", base().file("app", "x"), "/app")
made.write(sys.argv[1])
PYTHON
mkdir "$TMP/outside" && echo "the host's" >"$TMP/outside/secret" && chmod -R a+rwX "$TMP/outside"
python3 "$TMP/make.py" "$L" "$(host_architecture)" "$CORPUS" "$(command -v busybox)" "$TMP/outside" || exit 1
host=$(cat /etc/resolv.conf) host_state=$(stat -L -c '%i %s %Y %Z' /etc/resolv.conf) outside_state=$(state_of "$TMP/outside")
# in_image NAME COMMAND: runs chroot as the user $as.
in_image() {
  case $as in
    root) limited "$TMP/bin/layoutfs" chroot --no-progress $options "$L:$1" /bin/busybox sh -c "$2" 2>&1 ;;
    user) as_nobody "$TMP/bin/layoutfs" chroot --no-progress $options "$L:$1" /bin/busybox sh -c "$2" 2>&1 ;;
  esac
}
options=
for as in root user; do
  if [ $as = user ]; then
    setpriv --reuid=nobody --regid=nogroup --clear-groups unshare --user --map-root-user --mount true 2>/dev/null ||
      { left_out "ordinary users cannot create user namespaces here" || continue; }
  fi
  echo "-- the resolver's configuration, as $as"
  for name in plain none dangling relative up outside chain loop two-loop through-file to-directory to-root to-device to-new-device \
    to-proc to-descriptor to-process-root to-sys long longest dir full-dir fifo device unreadable \
    etc-link etc-dangling etc-loop etc-file etc-outside etc-fifo etc-to-file etc-read-only; do
    same "$as: $name: resolv.conf in the image is the host's" "$host" "$(in_image $name 'busybox cat /etc/resolv.conf')"
  done
  same "$as: the target of a dangling resolv.conf link is the host's file" "$host" "$(in_image dangling 'busybox cat /run/systemd/resolve/stub-resolv.conf')"
  same "$as: a directory that is a symlink stays a symlink" "/data/etc" "$(in_image etc-link 'busybox readlink /etc')"
  same "$as: a file that resolv.conf leads through stays unchanged" "kept" "$(in_image through-file 'busybox cat /etc/passwd')"
  same "$as: a device that resolv.conf leads to stays unchanged" "0" "$(in_image to-device 'busybox cat /dev/null | busybox wc -c')"
  same "$as: resolv.conf in the image cannot be written" "refused" "$(in_image dir 'echo x >>/etc/resolv.conf || echo refused' | tail -n 1)"
  options=--read-only
  for name in dangling dir full-dir etc-dangling etc-file loop; do
    same "$as: $name: resolv.conf in the image is the host's with --read-only" "$host" "$(in_image $name 'busybox cat /etc/resolv.conf')"
  done
  for name in dangling full-dir etc-file etc-dangling; do
    options="--upper $TMP/home/upper-$as-$name"
    for time in first second; do
      same "$as: $name: resolv.conf in the image is the host's with --upper, the $time time" "$host kept" \
        "$(in_image $name '[ -e /kept ] || echo kept >/kept; busybox cat /etc/resolv.conf; busybox cat /kept' | xargs -d '\n')"
    done
  done
  options=

  echo "-- other mounts, as $as"
  for name in proc sys dev; do
    for kind in file link dangling root outside fifo full; do
      same "$as: $name-$kind: /proc, /sys and /dev are mounted" "gone ok" "$(in_image $name-$kind '[ -r /proc/self/status ] && [ -d /sys/kernel ] &&
        [ -c /dev/null ] && echo gone && echo gone >/dev/null && busybox cat /etc/resolv.conf >/dev/null && echo ok' | xargs)"
    done
  done
  same "$as: a missing working directory is created at the target of a symlink" "/srv/app/sub" "$(in_image work-dangling 'busybox pwd -P')"
  same "$as: a working directory with a symlink out of the image is created inside" "" "$(in_image work-outside 'busybox ls')"
  same "$as: a working directory that is an open file of proc(5) is refused" "layoutfs: the image's working directory /proc/self/fd/9: Too many levels of symbolic links" \
    "$(in_image work-descriptor 'busybox ls' 9<"$TMP/outside")"
  same "$as: a working directory that is a file is refused" "layoutfs: the image's working directory /app: Not a directory" "$(in_image work-file true)"
done
same "chroot leaves the host's resolv.conf unchanged" "$host $host_state" "$(cat /etc/resolv.conf) $(stat -L -c '%i %s %Y %Z' /etc/resolv.conf)"
same "chroot leaves files outside of the image unchanged" "$outside_state" "$(state_of "$TMP/outside")"
