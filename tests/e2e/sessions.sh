#!/usr/bin/env bash
# Every terminal session of README.md and docs/ prints the documented output. The input is the layout of scripts/demo.sh
# if LAYOUTFS_TEST_DEBIAN names it, else a small layout with the same names and files.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_own_mounts
need busybox python3 umoci
# Sessions mount below /mnt. An empty directory covers it, so that the machine's files stay unchanged.
mount -t tmpfs -o size=4m,mode=755 tmpfs /mnt || skip "cannot mount a tmpfs here"
W=$TMP/sessions
mkdir "$W" "$TMP/bin"
ln -s "$LAYOUTFS" "$TMP/bin/layoutfs"
if [ -n "${LAYOUTFS_TEST_DEBIAN-}" ]; then
  cp -a "$LAYOUTFS_TEST_DEBIAN" "$W/debian"
else
  root=$TMP/root
  mkdir -p "$root"/{bin,dev,etc/apt,root,tmp,usr}
  cp "$(command -v busybox)" "$root/bin/busybox"
  for each in cat sh touch; do ln "$root/bin/busybox" "$root/bin/$each"; done
  mkdir "$root"/etc/apt/{apt.conf.d,auth.conf.d,keyrings,preferences.d,sources.list.d,trusted.gpg.d}
  touch "$root/etc/apt/sources.list"
  printf 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n' >"$root/etc/os-release"
  echo 12.0 >"$root/etc/debian_version"
  echo "root:x:0:0:root:/root:/bin/bash" >"$root/etc/passwd"
  umoci init --layout "$W/debian" && umoci new --image "$W/debian:bookworm" &&
    umoci insert --image "$W/debian:bookworm" "$root" / >/dev/null || exit 1
  umoci gc --layout "$W/debian" >/dev/null
fi
PATH=$TMP/bin:$PATH
check "all documented sessions print the documented output" python3 "$HERE/sessions.py" "$W" "$SOURCE"/README.md "$SOURCE/docs/commands.md"
same "the documented sessions leave no mount" "" "$(mounts_below /mnt | grep -e ^/mnt/image -e ^/mnt/layout)"
umount /mnt
