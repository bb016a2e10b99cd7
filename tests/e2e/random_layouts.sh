#!/usr/bin/env bash
# copy, gc and ref lose nothing of random layouts with documents of all kinds, and fsck finds lost blobs.
# LAYOUTFS_TEST_SEED repeats a run. LAYOUTFS_TEST_FULL=1 tries 10,000 layouts.
keep=${TMPDIR:-/tmp}
. "$(dirname "$0")/lib.sh"
mkdir "$TMP/random"
PATIENCE=7200 check "all commands work on random layouts" python3 "$HERE/random_layouts.py" "$LAYOUTFS" "$TMP/random" "$keep"
