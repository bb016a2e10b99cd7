#!/usr/bin/env bash
# Demonstrates layoutfs on a fresh Debian 12: installs missing packages, builds, mounts, lists, and unmounts.
#
# usage: scripts/demo.sh [LAYOUT[:REF]]
#
# Without an argument it creates an image of Debian, and keeps it in build/demo for later runs.
. "$(dirname "$0")/lib.sh"

case ${1-} in
  -h | --help)
    usage
    exit
    ;;
esac
[ $# -le 1 ] || die "usage: scripts/demo.sh [LAYOUT[:REF]]"
[ "$(id -u)" = 0 ] || die "needs root, to install packages and to chroot; as another user: build with
  cmake --preset release && cmake --build build/release && build/release/tools/layoutfs mount LAYOUT DIR"
[ -c /dev/fuse ] || die "there is no /dev/fuse here; load the module with: modprobe fuse
  (in a container: start it with --device /dev/fuse --cap-add SYS_ADMIN)"

# A relative name is relative to the caller's directory, not to this checkout.
name=${1-}
case ${name#oci:} in
  "" | /*) name=${name#oci:} ;;
  *) name=$OLDPWD/${name#oci:} ;;
esac

# Splits NAME into layout and reference. The longest prefix that is a layout wins.
split_name() {
  layout=$name
  while [ ! -f "$layout/oci-layout" ]; do
    case $layout in
      *[:@]*) layout=${layout%[:@]*} ;;
      *) die "${1-$name} is no OCI image layout" ;;
    esac
  done
  reference=${name#"$layout"}
}
# Checked before anything is installed or built.
[ -z "$name" ] || split_name "$1"

if [ -z "$name" ]; then scripts/install-dependencies.sh --demo; else scripts/install-dependencies.sh; fi
shows_progress || echo "Building ..."
build release layoutfs

if [ -z "$name" ]; then
  name=$SOURCE/build/demo/debian:bookworm
  if [ ! -f build/demo/debian/oci-layout ]; then
    echo "Making an image of Debian 12 (once, a minute or two) ..."
    rm -rf build/demo
    mkdir -p build/demo/new
    making=build/demo/new
    quiet=--quiet
    ! shows_progress || quiet=
    mmdebstrap $quiet --variant=minbase bookworm "$making/root.tar" || die "mmdebstrap failed; it needs the network, or a mirror in /etc/apt/sources.list"
    umoci init --layout "$making/debian"
    umoci new --image "$making/debian:bookworm"
    umoci raw add-layer --image "$making/debian:bookworm" "$making/root.tar"
    umoci gc --layout "$making/debian" >/dev/null
    # The directory appears only when it is complete.
    mv "$making/debian" build/demo/debian
    rm -rf "$making"
  fi
fi

split_name
PATH=$SOURCE/build/release/tools:$PATH
at=$(mktemp -d /tmp/layoutfs-demo.XXXXXX)
mkdir "$at/layout" "$at/image"
unmount_all() {
  trap - EXIT
  local each
  for each in "$at/layout" "$at/image"; do
    ! grep -q " $each " /proc/self/mountinfo || timeout 20 layoutfs umount "$each" 2>/dev/null || umount -l "$each"
  done
  rmdir "$at/layout" "$at/image" "$at"
}
trap unmount_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

bold='' plain=''
[ ! -t 1 ] || bold=$'\e[1m' plain=$'\e[0m'
# run COMMAND_LINE [LINES]: prints and runs the command, with at most LINES lines of output. The timeout ends a command
# on a mount that hangs.
run() {
  printf '\n%s# %s%s\n' "$bold" "$1" "$plain"
  timeout --kill-after=5 120 bash -c "$1" |
    awk -v most="${2-1000}" 'NR <= most; END {if (NR > most) print "... (" NR " lines)"}'
  [ "${PIPESTATUS[0]}" = 0 ] || die "failed: $1"
}

run "layoutfs mount ${layout@Q} $at/layout"
run "ls $at/layout"
run "find $at/layout/refs -type l -printf '%P -> %l\n'" 20
run "ls $at/layout/manifests/sha256/*" 12
run "cat $at/layout/index.json" 30
if [ -n "$reference" ]; then
  image=$layout$reference
  run "layoutfs mount -o dev,suid ${image@Q} $at/image"
  run "ls -l $at/image" 30
  [ ! -e "$at/image/etc/os-release" ] || run "cat $at/image/etc/os-release" 4
  if [ -e "$at/image/bin/busybox" ]; then
    run "chroot $at/image /bin/busybox sh -c 'echo hello from inside; /bin/busybox uname -m'"
  elif [ -e "$at/image/bin/sh" ]; then
    run "chroot $at/image /bin/sh -c 'echo hello from inside; ls /'"
  fi
  run "layoutfs umount $at/image"
fi
run "layoutfs umount $at/layout"

cat <<END

The program is $SOURCE/build/release/tools/layoutfs. Three things to try:
  PATH=$SOURCE/build/release/tools:\$PATH
  layoutfs inspect ${name@Q}
  layoutfs chroot ${name@Q}        # a shell in the image; its changes are discarded
  layoutfs mount ${name@Q} /mnt && ls -l /mnt; layoutfs umount /mnt
END
