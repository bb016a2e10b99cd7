#!/usr/bin/env bash
# lseek(2) finds the original holes and data of files in a mounted image, for each sparse format of GNU tar.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need tar
export TMPDIR=$TMP
check "GNU tar archives sparse files" python3 "$HERE/holes.py" make "$TMP/layout"
for format in old-gnu pax-0.0 pax-0.1 pax-1.0 plain; do
  # The kernel view only has holes of whole blocks.
  mount_at "$TMP/$format" --no-kernel "$TMP/layout:$format"
  check "$format: SEEK_DATA, SEEK_HOLE, sizes, blocks and data are right" python3 "$HERE/holes.py" check "$TMP/$format"
  # cp uses the holes and does not read them.
  check "$format: cp copies a sparse file" cp --sparse=auto "$TMP/$format/holes-all-over" "$TMP/copy"
  check "$format: the copy of a sparse file is the same" cmp "$TMP/$format/holes-all-over" "$TMP/copy"
  unmount "$TMP/$format"
done
