#!/usr/bin/env bash
# Images with entries that cannot be applied, such as a hard link without a target. Commands that show or write
# everything else say so and exit with 7. Commands that make something of the whole image refuse it.
. "$(dirname "$0")/lib.sh"
need jq python3
python3 - "$CORPUS" "$TMP/img" <<'PYTHON' || exit 1
import sys
sys.path.insert(0, sys.argv[1])
from ocilib import Layout, Tar
layout = Layout()
layout.tag("odd", layout.image([Tar().dir("a").file("a/b", "line\n").hardlink("c", "none").hardlink("d", "none")]))
layout.tag("good", layout.image([Tar().dir("a").file("a/b", "a line\n")]))
layout.write(sys.argv[2])
PYTHON
L=$TMP/img

# says_so PLACE TEXT COMMAND...: the command prints a line for each entry and a last one, exits with 7, and prints TEXT.
says_so() {
  local place=$1 text=$2 code
  shift 2
  layoutfs "$@" >"$TMP/stdout" 2>"$TMP/stderr"
  code=$?
  same "$* names the entries and exits with 7" \
    "7 $place: c $place: d layoutfs: $place: entries of the layers that cannot be applied are left out" \
    "$code $(sed -n 's/^layoutfs: \(.*: [cd]\): hard link.*/\1/p' "$TMP/stderr" | xargs) $(tail -n 1 "$TMP/stderr")"
  check "$* prints everything else" grep -q -- "$text" "$TMP/stdout"
}

echo "-- commands that leave the entries out"
says_so "$L" '^a$' ls "$L:odd"
says_so "$L" '/a/b$' blame "$L:odd"
says_so "$L" '^wasted' du "$L:odd"
says_so "$L:odd" '^/a/b$' find "$L:odd"
says_so "$L:odd" '^odd:/a/b$' find "$L"
says_so "$L:odd" '^/a/b:line$' grep line "$L:odd"
says_so "$L:odd" '^good:/a/b:a line$' grep line "$L"
says_so "$L:odd" '/a/b' diff "$L:odd" "$L:good"
says_so "$L:odd" '/a/b' diff "$L:good" "$L:odd"
layoutfs extract "$L:odd" "$TMP/out" 2>"$TMP/stderr"
same "extract writes everything else and exits with 7" "7 line" "$? $(cat "$TMP/out/a/b")"
layoutfs diff "$L:odd" "$L:odd" 2>"$TMP/stderr"
same "diff names both images" "7 2" "$? $(grep -c 'left out$' "$TMP/stderr")"
layoutfs find --json "$L" >"$TMP/json" 2>/dev/null
same "find --json has the entries of the image" "[2,0]" "$(jq -c '[.images[].problems | length]' "$TMP/json")"

echo "-- commands that refuse the image"
refused "export refuses the image" 7 export "$L:odd" "$TMP/file"
refused "index build refuses the image" 7 index build "$L:odd"
mkdir "$TMP/upper"
touch "$TMP/upper/file"
refused "commit --squash refuses the image" 7 commit --squash "$TMP/upper" "$L:odd" new
