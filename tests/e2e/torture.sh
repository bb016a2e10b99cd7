#!/usr/bin/env bash
# torture.sh PATTERN: the layouts of make-torture.py with names that start with PATTERN, each with one oddity, result in
# the expected tree.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
export LAYOUTFS TMPDIR=$TMP
python3 "$CORPUS/make-torture.py" "$TMP/cases" "$1" || exit 1
for case in "$TMP"/cases/*; do
  case ${case##*/} in "$1"*) ;; *) rm -r "$case" ;; esac
done
# A reference that looks like a digest is a digest, so that case is mounted as the only image.
python3 "$CORPUS/run-cases.py" --slack "${LAYOUTFS_TEST_SLACK:-5}" --umount '"$LAYOUTFS" umount "$AT"' --mount '
  case ${REF-} in
    "") set -- --image "$LAYOUT" ;;
    sha*:*) set -- "$LAYOUT@$REF" ;;
    *) set -- "$LAYOUT:$REF" ;;
  esac
  exec "$LAYOUTFS" mount -f --no-kernel -o dev,suid ${PLATFORM:+--platform "$PLATFORM"} "$@" "$AT"' "$TMP/cases" || not_ok "all cases $1* are mounted as expected"
