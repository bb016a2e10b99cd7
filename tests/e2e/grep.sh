#!/usr/bin/env bash
# `layoutfs grep`: finds the same lines as grep(1) in the files that umoci unpacks; all images of a layout; exit status and errors.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample
seed=${LAYOUTFS_TEST_SEED:-$RANDOM}
L=$TMP/random
python3 "$HERE/make-explained.py" "$L" "$seed" || exit 1
echo "seed: LAYOUTFS_TEST_SEED=$seed"

# Each is a list of options and a pattern.
searches=("foo" "-n foo" "-c foo" "-l foo" "-i FOO" "-w foo" "-x error" "-x -v foo" "-v o" "-n -v e" "-c -v e" "-F a.b" "a.b" "a+b" "-E a+b" "a\\+b"
  "-E error|warning" "error\\|warning" "^$" "-c ^$" "-n ^foo" "-n end$" "-E ^(Error|foo)( |$)" "\\<foo\\>" "[[:digit:]]\\{2\\}" "-F [x]" "\\[x\\]" "[\\]$" "-F \\"
  "-a foo" "-a -c foo" "-I foo" "-l -v x" "--binary-files=without-match -i foo" "-e foobar -e ^a" "-F -e a+b -e [x]" "-F -x foo" "-i -w ERROR"
  "--include=*.conf foo" "--include=[a-d]* --include=*.log -n foo" "--exclude=*.txt --exclude=.* foo" "-E x{60}" "-r foo" "\\(foo\\)bar" "-E ." "caf\\W" "caf.\\{2\\} " "-w a" "nothing-has-this"
  "-o foo" "-n -o -w foo" "-o -i ERROR" "-o -E a+b?" "-o -e a -e ab" "-o [[:digit:]]*" "-o -x foo" "-o -v foo" "-c -o foo" "-m 1 foo" "-m 2 -c foo" "-m 0 foo" "-m 0 -c foo" "-o -w [0-9]*" "-o -w -e a -e [[:space:]]b*" "-o -w [.,]" "-L foo" "-L -v x" "-I -L foo"
  "-A 1 foo" "-B 2 -n foo" "-C 1 foo" "-n -C 3 -E error|warning" "-A 2 -B 1 -v e" "-m 1 -A 2 foo" "-m 2 -C 1 -v x" "-C 1 -c foo" "-a -C 1 foo")
if is_root && has umoci; then
  for name in first second; do
    umoci unpack --image "$L:$name" "$TMP/$name" >/dev/null 2>&1 || not_ok "umoci unpacks the image"
    differing=()
    for search in "${searches[@]}"; do
      set -f && words=($search) && set +f
      expected=$(cd "$TMP/$name/rootfs" && limited grep -r "${words[@]}" . 2>"$TMP/stderr" | sed 's/^\.\//\//' | sort | sha256sum; echo ${PIPESTATUS[0]}; grep -c 'binary file matches$' "$TMP/stderr")
      actual=$(layoutfs grep "${words[@]}" "$L:$name" 2>"$TMP/stderr" | sort | sha256sum; echo ${PIPESTATUS[0]}; grep -c 'binary file matches$' "$TMP/stderr")
      [ "$expected" = "$actual" ] || differing+=("$search;")
    done
    same "grep in $name finds the same lines as grep(1), with the same exit status (seed $seed)" "" "${differing[*]-}"
  done
  same "grep of a layout finds the lines of all images" "$(for name in first second; do (cd "$TMP/$name/rootfs" && grep -rn foo . 2>/dev/null | sed "s/^\\.\\//$name:\\//"); done | sort)" \
    "$(layoutfs grep -n foo "$L" 2>/dev/null | sort)"
  same "grep in directories finds the lines below them, each once" "$(cd "$TMP/first/rootfs" && grep -r error usr/lib etc 2>/dev/null | sed -E 's/^(usr|etc)\//\/\1\//' | sort)" \
    "$(layoutfs grep error "$L:first" /usr/lib etc etc/app 2>/dev/null | sort)"
fi
echo "needle" >"$TMP/sparse" && truncate -s 1T "$TMP/sparse" && echo "needle" >>"$TMP/sparse"
if tar -S --format=posix -C "$TMP" -cf "$TMP/sparse.tar" sparse 2>/dev/null; then
  python3 - "$CORPUS" "$TMP" <<'PYTHON' || exit 1
import gzip, pathlib, sys
sys.path.insert(0, sys.argv[1])
import ocilib
data = pathlib.Path(sys.argv[2], "sparse.tar").read_bytes()
layout = ocilib.Layout()
layout.tag("sparse", layout.image([ocilib.Layer(gzip.compress(data), data)]))
layout.write(sys.argv[2] + "/holes")
PYTHON
  prints "grep skips holes of a sparse file" "/sparse:2" grep -c needle "$TMP/holes:sparse"
fi
S=$TMP/layouts/sample
prints "grep prints path and line" "/etc/added:needle in the upper layer" grep needle "$S:app:1.0"
prints "grep searches a single file" "/etc/added:1:needle in the upper layer" grep -n needle "$S:app:1.0" etc/added
prints "grep follows a symlink that is an operand, and prints the path of the file" "/etc/name:sample" grep . "$S:app:1.0" bin/link
prints "grep searches only the given name of a file with several names" "/bin/other-name:$(layoutfs grep -a -c . "$S:app:1.0" bin/tool | cut -d: -f2)" grep -a -c . "$S:app:1.0" bin/other-name
prints "grep of a layout names the image of each line, each image once" "app:1.0:/etc/added:needle in the upper layer
multi[linux/s390x]:/other-platform:here
@3:/nameless:here" grep -E 'needle|here' "$S"
prints "grep accepts --layout and --ref" "/etc/name:sample" grep sample --layout "$S" --ref app:1.0 etc
first=$(layoutfs grep foo "$L" 2>&1 | sha256sum)
same "grep prints the same in each run" "$first" "$(layoutfs grep foo "$L" 2>&1 | sha256sum)"
same "grep prints the same without cached indexes" "$first" "$(layoutfs grep --cache-dir "$TMP/cache2" foo "$L" 2>&1 | sha256sum)"
if has strace; then
  # With indexes, so that each layer is only read for its lines.
  limited strace -f -qq -y -e trace=pread64,read -o "$TMP/trace" "$LAYOUTFS" grep foo "$L" >"$TMP/stdout" 2>&1
  wrong=()
  for manifest in $(jq -r '.manifests[].digest[7:]' "$L/index.json" | sort -u); do
    while read -r digest size; do
      bytes=$(grep -F "/$digest>" "$TMP/trace" | sed -n 's/.* = \([0-9]*\)$/\1/p' | awk '{sum += $1} END {print sum + 0}')
      [ "$bytes" -gt 0 ] && [ "$bytes" -le $((size * 5 / 4 + 4096)) ] || wrong+=("$digest: $bytes of $size bytes")
    done < <(jq -r '.layers[] | "\(.digest[7:]) \(.size)"' "$L/blobs/sha256/$manifest")
  done
  same "each layer is read once, also if several images have it" "" "${wrong[*]-}"
fi

echo "-- exit status"
status() { layoutfs grep "$@" >"$TMP/stdout" 2>"$TMP/stderr"; echo "$? $(wc -c <"$TMP/stdout") $(wc -l <"$TMP/stderr")"; }
same "grep -q exits with 0 and prints nothing if a line matches" "0 0 0" "$(status -q needle "$S:app:1.0")"
same "grep -q exits with 1 and prints nothing if no line matches" "1 0 0" "$(status -q nothing "$S:app:1.0")"
same "grep exits with 1 if no line matches" "1 0 0" "$(status nothing "$S")"
refused "grep exits with 3 if the image does not exist" 3 grep x "$S:unknown"
refused "grep exits with 3 if a path does not exist" 3 grep x "$S:app:1.0" etc/none
refused "grep exits with 3 if no image has the path" 3 grep x "$S" etc/none
same "a path may be missing in some of the images" "0 0" "$(status sample "$S" etc/name | cut -d' ' -f1,3)"
refused "grep refuses a malformed pattern" 2 grep '\(a' "$S:app:1.0"
refused "grep refuses a back reference" 2 grep '\(a\)\1' "$S:app:1.0"
refused "grep refuses to run without a pattern" 2 grep
refused "grep refuses to run without an image" 2 grep x
refused "grep refuses two syntaxes" 2 grep -E -F x "$S:app:1.0"
refused "grep refuses an unknown treatment of binary files" 2 grep --binary-files some x "$S:app:1.0"
cp -a "$S" "$TMP/damaged"
layoutfs index build -q "$TMP/damaged:app:1.0"
blob=$(jq -r '.layers[0].digest' "$S/blobs/$(jq -r '.manifests[0].digest' "$S/index.json" | tr : /)")
printf 'damage' | dd of="$TMP/damaged/blobs/${blob/://}" bs=1 seek=1500000 conv=notrunc status=none
same "grep of a damaged layer exits with 7" 7 "$(status nothing "$TMP/damaged:app:1.0" | cut -d' ' -f1)"
same "the line about a damaged layer names the file" 1 "$(grep -c "^layoutfs: $TMP/damaged:app:1.0: /var/noise: " "$TMP/stderr")"
if has_device /dev/full; then
  layoutfs grep -I . "$S:app:1.0" >/dev/full 2>"$TMP/stderr"
  same "grep to a full disk exits with 9" "9 1" "$? $(wc -l <"$TMP/stderr")"
  layoutfs grep -c nothing "$S:app:1.0" >/dev/full 2>"$TMP/stderr"
  same "grep to a full disk exits with 9 even if no line matches" "9 1" "$? $(wc -l <"$TMP/stderr")"
fi
same "grep ends when the reader of its output does" 141 "$(layoutfs grep -a -v nothing "$S:app:1.0" | head -c 1 >/dev/null; echo ${PIPESTATUS[0]})"
finish
