#!/usr/bin/env bash
# Counts system calls over layouts of many small images, where each further image costs a constant number of calls, and
# the pieces in which a long list is written.
. "$(dirname "$0")/lib.sh"
need python3
has strace || finish
FEW=100 MANY=200
# A small image of a config and a layer for each tag.
make_layout() {
  PYTHONPATH=$CORPUS python3 - "$1" "$2" <<'PYTHON' || skip "no layout of $2 images"
import sys
from ocilib import Layout, Tar
layout = Layout()
for number in range(int(sys.argv[2])):
    tar = Tar().file("file", b"of image %d\n" % number)
    layout.tag("application-%d:1.0" % number, layout.image([tar]))
layout.write(sys.argv[1])
PYTHON
}
make_layout "$TMP/few" $FEW
make_layout "$TMP/many" $MANY
# calls ARGUMENT...: counts the program's system calls. Waits of threads for each other depend on the machine.
calls() {
  limited strace -f -qq -e 'trace=!futex,sched_yield,madvise,mprotect,brk,mmap,munmap' -o "$TMP/trace" \
    "$LAYOUTFS" "$@" >"$TMP/stdout" 2>"$TMP/stderr" || not_ok "layoutfs $*" "$(cat "$TMP/stderr")"
  # A call that another thread interrupts has two lines.
  grep -vc 'resumed>' "$TMP/trace"
}
# at_most CALLS SENTENCE ARGUMENT...: the limit for each further image. LAYOUT and COPY are replaced.
at_most() {
  local limit=$1 sentence=$2 few many each
  shift 2
  rm -rf "$TMP/copy"
  few=$(calls "${@//LAYOUT/$TMP/few}")
  rm -rf "$TMP/copy"
  many=$(calls "${@//LAYOUT/$TMP/many}")
  each=$(((many - few) / (MANY - FEW)))
  if [ "$each" -le "$limit" ]; then
    ok "$sentence: $each system calls for each image"
  else
    not_ok "$sentence: at most $limit system calls for each image" "$few for $FEW images, $many for $MANY"
  fi
}
at_most 0 "ref ls" ref ls LAYOUT
at_most 0 "repos" repos LAYOUT
at_most 22 "fsck" fsck --no-progress --threads 1 LAYOUT
at_most 13 "gc" gc --no-progress --dry-run LAYOUT
at_most 33 "copy" copy --no-progress LAYOUT "$TMP/copy"

# Most of a megabyte of JSON, of which only a piece is in memory.
PYTHONPATH=$CORPUS python3 - "$TMP/files" <<'PYTHON' || skip "no layout of many files"
import sys
from ocilib import Layout, Tar
layout, tar = Layout(), Tar()
for number in range(6000):
    tar.file("file-%d" % number, b"")
layout.tag("files", layout.image([tar]))
layout.write(sys.argv[1])
PYTHON
layoutfs index build -q "$TMP/files"
limited strace -f -qq -e trace=write -o "$TMP/trace" "$LAYOUTFS" ls --json "$TMP/files:files" / >"$TMP/list.json"
check "the list is valid JSON" python3 -m json.tool "$TMP/list.json" "$TMP/pretty.json"
same "the list has all files" 6000 "$(grep -o '"path":"/*file-' "$TMP/list.json" | wc -l)"
largest=$(grep -o '= [0-9]*$' "$TMP/trace" | tr -d '= ' | sort -n | tail -n 1)
if [ "$(stat -c %s "$TMP/list.json")" -gt 500000 ] && [ "$largest" -lt 200000 ]; then
  ok "the list is written in pieces"
else
  not_ok "the list is written in pieces" "the largest write has $largest bytes"
fi
finish
