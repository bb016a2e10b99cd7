#!/usr/bin/env bash
# export and kernel views: the kernel shows random images, and a large one, as FUSE does. LAYOUTFS_TEST_SEED repeats a run.
# LAYOUTFS_TEST_FULL=1 tries 200 images.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 fsck.erofs losetup
need_erofs
need_loop_devices
dmesg >/dev/null 2>&1 || skip "the log of the kernel cannot be read here"
mkdir "$TMP/random"
python3 "$HERE/export_random.py" "$LAYOUTFS" "$TMP/random" || not_ok "the kernel shows all images as FUSE does"
