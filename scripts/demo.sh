#!/usr/bin/env bash
# Shows layoutfs at work on a fresh Debian 12: installs what is missing, builds, mounts, looks around, unmounts.
#
# usage: scripts/demo.sh [LAYOUT[:REF]]
#
# Without an argument it first makes an image of Debian itself, and keeps it in build/demo for the next time.
. "$(dirname "$0")/lib.sh"

case ${1-} in
  -h | --help)
    sed -n '2,/^\. /{/^\. /d; s/^# \{0,1\}//; p}' "$0"
    exit
    ;;
esac
[ $# -le 1 ] || die "usage: scripts/demo.sh [LAYOUT[:REF]]"
[ "$(id -u)" = 0 ] || die "needs root, to install packages and to chroot; as another user: build with
  cmake --preset release && cmake --build build/release && build/release/tools/layoutfs mount LAYOUT DIR"
[ -c /dev/fuse ] || die "there is no /dev/fuse here; load the module with: modprobe fuse
  (in a container: start it with --device /dev/fuse --cap-add SYS_ADMIN)"

# Relative names are those of the caller's directory, not of this checkout.
name=${1-}
case $name in
  "" | /* | oci:*) ;;
  *) name=$OLDPWD/$name ;;
esac

if [ -z "$name" ]; then scripts/install-dependencies.sh --demo; else scripts/install-dependencies.sh; fi
echo "Building ..."
build release layoutfs

if [ -z "$name" ]; then
  name=$SOURCE/build/demo/debian:bookworm
  if [ ! -f build/demo/debian/oci-layout ]; then
    echo "Making an image of Debian 12 (once, a minute or two) ..."
    rm -rf build/demo
    mkdir -p build/demo/new
    making=build/demo/new
    mmdebstrap --quiet --variant=minbase bookworm "$making/root.tar" || die "mmdebstrap failed; it needs the network, or a mirror in /etc/apt/sources.list"
    umoci init --layout "$making/debian"
    umoci new --image "$making/debian:bookworm"
    umoci raw add-layer --image "$making/debian:bookworm" "$making/root.tar"
    umoci gc --layout "$making/debian" >/dev/null
    # Complete, or not there.
    mv "$making/debian" build/demo/debian
    rm -rf "$making"
  fi
fi

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

# Shows a command and runs it; a mount that hangs must not hang the demo.
run() {
  printf '\n\033[1m# %s\033[0m\n' "$*"
  timeout --kill-after=5 120 "$@" || die "failed with exit code $?: $*"
}
# The same for a command line of the shell; only the first lines are shown.
first_lines() {
  printf '\n\033[1m# %s\033[0m\n' "$2"
  timeout --kill-after=5 120 bash -c "$2" | awk -v most="$1" 'NR <= most; END {if (NR > most) print "... (" NR " lines)"}'
}

# What is behind the layout's path, if anything, is a reference: the longest prefix that is a layout wins.
layout=${name#oci:} reference=
while [ ! -f "$layout/oci-layout" ]; do
  case $layout in
    *[:@]*) layout=${layout%[:@]*} ;;
    *) die "${name#oci:} is no OCI image layout" ;;
  esac
done
reference=${name#oci:}
reference=${reference#"$layout"}

run layoutfs mount "$layout" "$at/layout"
run ls "$at/layout"
first_lines 20 "find $at/layout/refs -type l -printf '%P -> %l\n'"
first_lines 12 "ls $at/layout/manifests/sha256/*"
first_lines 30 "cat $at/layout/index.json"
if [ -n "$reference" ]; then
  run layoutfs mount -o dev,suid "$layout$reference" "$at/image"
  run ls -l "$at/image"
  [ ! -e "$at/image/etc/os-release" ] || run cat "$at/image/etc/os-release"
  if [ -e "$at/image/bin/busybox" ]; then
    run chroot "$at/image" /bin/busybox sh -c 'echo "hello from inside"; /bin/busybox uname -m'
  elif [ -e "$at/image/bin/sh" ]; then
    run chroot "$at/image" /bin/sh -c 'echo "hello from inside"; ls /'
  fi
  run layoutfs umount "$at/image"
fi
run layoutfs umount "$at/layout"
