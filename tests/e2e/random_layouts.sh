#!/usr/bin/env bash
# Random layouts, with documents of all kinds, lose nothing by copy, gc and ref, and fsck finds lost blobs:
# LAYOUTFS_TEST_SEED repeats one, LAYOUTFS_TEST_FULL=1 tries 10,000.
keep=${TMPDIR:-/tmp}
. "$(dirname "$0")/lib.sh"
mkdir "$TMP/random"
PATIENCE=7200 check "all random layouts" python3 "$HERE/random_layouts.py" "$LAYOUTFS" "$TMP/random" "$keep"
