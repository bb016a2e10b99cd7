#!/usr/bin/env bash
# Random layers, with random deletions, links and types, result in the tree of an independent model. LAYOUTFS_TEST_SEED
# repeats a run. LAYOUTFS_TEST_FULL=1 tries ten times as many layers, and also compares with umoci.
keep=${TMPDIR:-/tmp}
. "$(dirname "$0")/lib.sh"
mkdir "$TMP/random"
python3 "$HERE/random_layers.py" "$LAYOUTFS" "$TMP/random" "$keep"
case $? in
  0) ;;
  77) left_out "some of the ways in which images are looked at (above)" ;;
  *) not_ok "layoutfs shows all random images as expected" ;;
esac
