#!/usr/bin/env bash
# `layoutfs du`: its numbers are those of a slow model and of the files that umoci unpacks; tables, JSON, the picture, and errors.
. "$(dirname "$0")/lib.sh"
need jq python3
seed=${LAYOUTFS_TEST_SEED:-$RANDOM}
rounds=${LAYOUTFS_TEST_FULL:+20}

for ((round = 0; round < ${rounds:-2}; ++round)); do
  L=$TMP/random$round
  python3 "$HERE/make-explained.py" "$L" $((seed + round)) || exit 1
  for name in first second; do
    layoutfs du --json --all "$L:$name" >"$TMP/json"
    check "du of $name agrees with a model (LAYOUTFS_TEST_SEED=$((seed + round)))" sh -c 'python3 "$0" "$1" "$2" <"$3"' \
      "$HERE/usage_model.py" "$L" $name "$TMP/json"
  done
done
L=$TMP/random0
if is_root && has umoci; then
  umoci unpack --image "$L:first" "$TMP/unpacked" >/dev/null 2>&1 || not_ok "umoci unpacks the image"
  size_of() { find "$TMP/unpacked/rootfs${1-}" -type f -printf '%i %s\n' | sort -u | awk '{sum += $2} END {print sum + 0}'; }
  same "the size of the root directory is that of the files that umoci unpacks" "$(size_of)" "$(layoutfs du --json "$L:first" | jq .files[0].bytes)"
  for path in /usr /etc/app /opt/a/b; do
    [ -d "$TMP/unpacked/rootfs$path" ] || continue
    same "the size of $path is that of the files that umoci unpacks" "$(size_of $path)" "$(layoutfs du --json "$L:first" $path | jq .files[0].bytes)"
  done
fi

if [ -n "${LAYOUTFS_TEST_FULL-}" ]; then
  echo "-- odd layouts"
  TMPDIR=$TMP python3 "$CORPUS/make-torture.py" "$TMP/cases" || exit 1
  differing=()
  for case in "$TMP"/cases/*; do
    image=$case/oci:$(jq -r '.ref // "latest"' "$case/expected.json")
    layoutfs du --json --all "$image" >"$TMP/json" 2>/dev/null
    code=$?
    [ ! -s "$TMP/json" ] || jq -e '(.bytes == .visibleBytes + .wastedBytes) and (.bytes == ([.layers[].bytes] | add // 0)) and
      (.files[0].bytes == .visibleBytes) and (.wastedBytes == ([.wasted[].bytes] | add // 0))' "$TMP/json" >/dev/null || differing+=("$case: sums")
    layoutfs du --treemap "$TMP/case.svg" "$image" 2>/dev/null
    [ $? = $code ] || differing+=("$case: exit status")
    [ "$(layoutfs find -0 "$image" -mindepth 1 2>/dev/null | sort -z | sha256sum)" = "$(layoutfs ls -R --paths -0 "$image" 2>/dev/null | sort -z | sha256sum)" ] ||
      differing+=("$case: find and ls")
  done
  same "the sums of du are right for odd layouts, and find lists the same as ls" "" "${differing[*]-}"
fi

echo "-- tables"
# Three layers: the second replaces 1,000 bytes and removes 2,000, the third hides 500.
python3 - "$CORPUS" "$TMP/made" <<'PYTHON' || exit 1
import sys
sys.path.insert(0, sys.argv[1])
import ocilib
layout = ocilib.Layout()
layers = [ocilib.Tar() for _ in range(3)]
layers[0].dir("etc").file("etc/a", b"x" * 1000).file("etc/b", b"x" * 2000).file("usr/lib/c", b"x" * 500).hardlink("usr/d", "etc/b").file(b"etc/odd\n\xff", b"x")
layers[1].file("etc/a", b"y" * 10).whiteout("etc/b").whiteout("usr/d")
layers[2].opaque("usr/lib").file("usr/lib/e", b"z" * 30_000)
layout.tag("app", layout.image(layers))
layout.write(sys.argv[2])
PYTHON
L=$TMP/made
layoutfs du "$L:app" >"$TMP/tables"
# The packed size depends on the compressor.
same "du prints directories, layers and wasted files" "   SIZE  FILES  LAYERS  PATH
30.0 kB      3  0-2     /
30.0 kB      1  2       /usr
   11 B      2  0-1     /etc

LAYER  PACKED  CONTENT  VISIBLE   WASTED  CREATED BY
    2  30.0 kB  30.0 kB      0 B
    1  10 B     10 B      0 B
    0  3.50 kB      1 B  3.50 kB

wasted: 3.50 kB of 33.5 kB (10.4 %)

 WASTED  COPIES  PATH
2.00 kB       1  /etc/b
1.00 kB       1  /etc/a
  500 B       1  /usr/lib/c" "$(sed -E 's/^(    [0-9]  ) *[0-9.]+ k?B  +/\1/; s/ +PACKED/  PACKED/' "$TMP/tables")"
rows() { layoutfs du "$@" | sed '/^$/,$ d' | awk 'NR > 1 {print $1, $2, $NF}'; }
same "du -d 0 lists only the directory" "30.0 kB /" "$(rows -d 0 "$L:app")"
same "du -d 2 lists two levels" "30.0 kB /
30.0 kB /usr
30.0 kB /usr/lib
11 B /etc" "$(rows -d 2 "$L:app")"
same "du lists a directory with its whole path" "30.0 kB /usr
30.0 kB /usr/lib" "$(rows "$L:app" usr/)"
same "du lists a file" "10 B /etc/a" "$(rows "$L:app" /etc/a)"
same "du --all lists files, with control characters escaped" '11 B /etc
10 B /etc/a
1 B /etc/odd\x0a\xff' "$(rows -a "$L:app" etc)"
same "du --layer counts the files of one layer" "10 B /
10 B /etc" "$(rows --layer 1 "$L:app")"
same "du accepts --layout and --ref" "$(rows "$L:app" etc)" "$(rows --layout "$L" --ref app etc)"
same "du --json has names that are not UTF-8 in base64" "$(printf '/etc/odd\n\xff' | base64)" "$(layoutfs du -a --json "$L:app" | jq -r '.files[].pathBase64 // empty')"
same "du --json has the bytes of each layer" '[{"layer":0,"bytes":1},{"layer":1,"bytes":10},{"layer":2,"bytes":30000}]' \
  "$(layoutfs du --json "$L:app" | jq -c '.files[0].layers')"

echo "-- the picture"
layoutfs du -q --treemap "$TMP/app.svg" "$L:app" >"$TMP/stdout" 2>&1
same "du --treemap prints nothing" "0 0" "$? $(wc -c <"$TMP/stdout")"
check "the picture is XML with an area for each file, and loads nothing" python3 - "$TMP/app.svg" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
titles = [t.text for t in root.iter("{http://www.w3.org/2000/svg}title")]
for wanted in "/usr/lib/e\n30.0 kB, layer 2", "/etc/b\n2.00 kB wasted, layer 0":
    assert wanted in titles, (wanted, titles)
text = open(sys.argv[1]).read()
assert text.count("http") == 1 and "<script" not in text and "href" not in text
PYTHON
layoutfs du --treemap - "$L:app" >"$TMP/stdout"
check "du --treemap - writes the picture to standard output" cmp "$TMP/stdout" "$TMP/app.svg"
layoutfs du --treemap - "$L:app" etc >"$TMP/stdout"
same "the picture of a directory has only its files" "1 0" "$(grep -c 'title>/etc/b$' "$TMP/stdout") $(grep -c 'title>/usr' "$TMP/stdout")"
before=$(stat -c %i "$TMP/app.svg")
layoutfs du --treemap "$TMP/app.svg" "$L:app" && same "an existing picture is replaced by a new file" 1 "$([ "$before" != "$(stat -c %i "$TMP/app.svg")" ] && echo 1)"
if has_device /dev/full; then
  refused "du reports that the picture cannot be written" 9 du --treemap /dev/full "$L:app"
  layoutfs du "$L:app" >/dev/full 2>"$TMP/stderr"
  same "du to a full disk exits with 9" "9 1" "$? $(wc -l <"$TMP/stderr")"
fi

echo "-- errors"
refused "du refuses an unknown reference" 3 du "$L:unknown"
refused "du refuses a path that does not exist" 3 du "$L:app" etc/b
refused "du refuses a layer that the image does not have" 2 du --layer 3 "$L:app"
refused "du refuses a depth that is not a number" 2 du -d many "$L:app"
refused "du refuses two paths" 2 du "$L:app" etc usr
refused "du refuses to run without an image" 2 du
refused "du refuses a picture as JSON" 2 du --json --treemap "$TMP/x.svg" "$L:app"
refused "du refuses a picture in a directory that does not exist" 3 du --treemap "$TMP/no/x.svg" "$L:app"
finish
