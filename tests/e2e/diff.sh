#!/usr/bin/env bash
# `layoutfs diff`: its forms of output, its exit status, and random pairs of images against find(1), diff(1) and git-apply(1).
. "$(dirname "$0")/lib.sh"
need jq python3
python3 - "$CORPUS" "$TMP/img" <<'PYTHON' || exit 1
import sys
sys.path.insert(0, sys.argv[1])
from ocilib import Layout, Tar, noise
lines = [f"line {i}\n" for i in range(1, 31)]
changed = [line for line in lines if line != "line 5\n"] + ["no line break"]
base = Tar().dir("etc").file("etc/list", "".join(lines)).file("etc/same", "same\n").file("etc/mode", "x\n").dir("bin").file("bin/tool", noise(300_000, 1))
base.symlink("link", "etc/list").file("old name", "gone\n").hardlink("hard", "bin/tool").dir("var").file("var/time", "t")
top = Tar().dir("etc").file("etc/list", "".join(changed)).file("etc/mode", "x\n", mode=0o755, uid=7).file("bin/tool", noise(300_000, 2))
top.symlink("link", "etc/mode").whiteout("old name").file("new\nname", "new\n").file("empty").file("var/time", "t", mtime_ns=10**18)
again = Tar().dir("etc").whiteout("etc/list").opaque("var").file("etc/mode", "x\n").dir("var")
layout = Layout()
layout.tag("one", layout.image([base]))
layout.tag("two", layout.image([base, top]))
layout.tag("three", layout.image([base, again]))
layout.tag("four", layout.image([base, Tar().whiteout("etc/list").file("plus", "1")]))
layout.tag("time", layout.image([base, Tar().file("var/time", "t", mtime_ns=0)]))
layout.write(sys.argv[2])
PYTHON
L=$TMP/img
# differs SENTENCE EXPECTED ARGUMENT...: layoutfs diff must print EXPECTED and exit with 1.
differs() {
  local sentence=$1 expected=$2 code
  shift 2
  layoutfs diff "$@" >"$TMP/stdout" 2>"$TMP/stderr"
  code=$?
  same "$sentence" "1 $expected" "$code $(cat "$TMP/stdout" "$TMP/stderr")"
}

echo "-- forms of output"
differs "diff prints a line for each difference" "M  /bin/tool  (content)
A  /empty
M  /etc/list  (content 231 B -> 237 B)
M  /etc/mode  (mode 0644 -> 0755, owner 0:0 -> 7:0)
M  /link  (target etc/list -> etc/mode)
A  /new
name
D  /old name
M  /var/time  (time)" "$L:one" "$L:two"
differs "diff --name-status prints letters and paths" $'M\t/bin/tool\nA\t/empty\nM\t/etc/list\nM\t/etc/mode\nM\t/link\nA\t/new\nname\nD\t/old name\nM\t/var/time' \
  --name-status "$L:one" "$L:two"
same "diff --name-status -0 ends each line with NUL" 8 "$(layoutfs diff --name-status -0 "$L:one" "$L:two" | tr -cd '\0' | wc -c)"
differs "diff --stat sums by directory" "ADDED  REMOVED  CHANGED  SIZE  PATH
    0        0        1   0 B  /bin
    1        0        0   0 B  /empty
    0        0        2  +6 B  /etc
    0        0        1   0 B  /link
    1        0        0  +4 B  /new\\x0aname
    0        1        0  -5 B  /old name
    0        0        1   0 B  /var
    2        1        5  +5 B  total" --stat "$L:one" "$L:two"
differs "diff --stat PATH sums by the names in PATH" "ADDED  REMOVED  CHANGED  SIZE  PATH
    0        0        1  +6 B  /etc/list
    0        0        1   0 B  /etc/mode
    0        0        2  +6 B  total" --stat "$L:one" "$L:two" etc
differs "diff PATH compares only that file" "M  /etc/list  (content 231 B -> 237 B)" "$L:one" "$L:two" /etc/list
differs "diff PATH accepts a file of only one image" "D  /old name" "$L:one" "$L:two" "old name"
layoutfs diff --json "$L:one" "$L:two" >"$TMP/json"
same "diff --json exits with 1" 1 $?
same "diff --json has the version, both images and all differences" "[1,\"$L:one\",\"$(layoutfs inspect --format '{{.manifest}}' "$L:two")\",8,[]]" \
  "$(jq -c '[.version, .before.name, .after.manifest, (.differences | length), .problems]' "$TMP/json")"
same "diff --json has the attributes on both sides" '["changed",["mode","owner"],420,0,493,7]' \
  "$(jq -c '.differences[] | select(.path == "etc/mode") | [.kind, .changes, .before.mode, .before.uid, .after.mode, .after.uid]' "$TMP/json")"
same "diff --json has null for a missing side" '[["added",null,4],["removed",5,null]]' \
  "$(jq -c '[.differences[] | select(.path | contains("name")) | [.kind, .before.size, .after.size]]' "$TMP/json")"
prints "diff of an image with itself prints nothing, and exits with 0" "" diff "$L:one" "$L:one"
same "diff --json of equal images has no differences" "0 []" "$(layoutfs diff --json "$L:one" "$L:one" >"$TMP/json"; echo "$? $(jq -c .differences "$TMP/json")")"
differs "diff compares times" "M  /var/time  (time)" "$L:one" "$L:time"
prints "diff --ignore-mtime ignores times" "" diff --ignore-mtime "$L:one" "$L:time"

echo "-- patches"
if has patch; then
  layoutfs diff -p "$L:one" "$L:two" >"$TMP/patch"
  same "diff -p exits with 1" 1 $?
  mkdir "$TMP/a" "$TMP/b" && layoutfs extract -q "$L:one" "$TMP/a" && layoutfs extract -q "$L:two" "$TMP/b" || not_ok "extract writes both images"
  check "diff -p compares lines" grep -qx -- '-line 5' "$TMP/patch"
  check "diff -p says that binary files differ" grep -qx 'Binary files a/bin/tool and b/bin/tool differ' "$TMP/patch"
  # GNU patch neither changes symlinks nor creates such a name.
  cp "$TMP/a/etc/list" "$TMP/list"
  check "patch applies the changes of a text" sh -c "layoutfs=\$1; \"\$layoutfs\" diff -p '$L:one' '$L:two' /etc/list | patch -s '$TMP/list' && cmp '$TMP/list' '$TMP/b/etc/list'" sh "$LAYOUTFS"
fi
if has git; then
  cp -a "$TMP/a" "$TMP/patched" 2>/dev/null || { mkdir "$TMP/patched" && layoutfs extract -q "$L:one" "$TMP/patched"; }
  [ -d "$TMP/b" ] || { mkdir "$TMP/b" && layoutfs extract -q "$L:two" "$TMP/b"; }
  # The content of binary files is not in the patch.
  layoutfs diff -p "$L:one" "$L:two" >"$TMP/patch"
  cp --remove-destination "$TMP/b/bin/tool" "$TMP/patched/bin/tool"
  (cd "$TMP/patched" && GIT_DIR=$TMP/none limited git apply --whitespace=nowarn "$TMP/patch") >"$TMP/out" 2>&1 || not_ok "git applies the patch" "$(cat "$TMP/out")"
  same "a patch of git makes the second image of the first one" "" \
    "$(diff -r --no-dereference "$TMP/patched" "$TMP/b" 2>&1)"
  same "a patch of git sets the mode of a file" 755 "$(stat -c %a "$TMP/patched/etc/mode")"
fi

echo "-- layers"
mapfile -t layers < <(layoutfs inspect --json "$L:three" | jq -r '.layers[].digest')
differs "diff of two layers shows whiteouts as removals" "D  /bin/
D  /bin/tool
D  /etc/list  (whiteout)
D  /etc/same
D  /hard
D  /link
D  /old name
M  /var/  (opaque)
D  /var/time" "$L@${layers[0]}" "$L@${layers[1]}"
differs "diff accepts short digests of layers, and a path" "D  /etc/list  (whiteout)
D  /etc/same" "$L@${layers[0]}" "$L@${layers[1]:7:12}" etc
prints "a layer equals the image that has only that layer" "" diff "$L@${layers[0]}" "$L:one"
same "diff --json names a layer" "\"${layers[0]}\"" "$(layoutfs diff --json "$L@${layers[0]}" "$L:one" | jq .before.layer)"

echo "-- equal layers are not read"
cp -a "$L" "$TMP/spoilt"
layoutfs index build -q "$TMP/spoilt"
blob=$TMP/spoilt/blobs/${layers[0]/://}
chmod u+w "$blob"
head -c "$(stat -c %s "$blob")" /dev/zero >"$TMP/zeros" && cat "$TMP/zeros" >"$blob"
differs "diff with indexes does not read a layer that both images have" $'D  /etc/list\nA  /plus' "$TMP/spoilt:one" "$TMP/spoilt:four"
layoutfs diff "$TMP/spoilt:one" "$TMP/spoilt:two" >"$TMP/stdout" 2>"$TMP/stderr"
same "diff fails with 7 if it needs the content of a damaged layer" "7 layoutfs: first image: " "$? $(tail -n 1 "$TMP/stderr" | grep -o '^layoutfs: first image: ')"
same "diff --name-status does not read content if the rest decides" 1 "$(layoutfs diff --name-status "$TMP/spoilt:one" "$TMP/spoilt:two" etc >/dev/null; echo $?)"

echo "-- faults"
refused "diff refuses to run without a second image" 2 diff "$L:one"
refused "diff refuses two forms of output" 2 diff --stat --json "$L:one" "$L:two"
refused "diff refuses -0 without --name-status" 2 diff -0 "$L:one" "$L:two"
refused "diff refuses an unknown reference" 3 diff "$L:one" "$L:none"
refused "diff refuses an unknown layout" 3 diff "$TMP/none:one" "$L:one"
refused "diff refuses a path in neither image" 3 diff "$L:one" "$L:two" none
refused "diff refuses a digest that is not in the layout" 3 diff "$L:one" "$L@sha256:$(printf '0%.0s' {1..64})"
config=$(layoutfs inspect --raw "$L:one" | jq -r .config.digest)
layoutfs diff "$L:one" "$L@$config" >"$TMP/stdout" 2>"$TMP/stderr"
code=$?
same "diff refuses the digest of another blob" 1 $((code > 1 && $(wc -l <"$TMP/stderr") == 1))
mkdir "$TMP/odd" && echo '{"imageLayoutVersion":"1.0.0"}' >"$TMP/odd/oci-layout" && mkdir "$TMP/odd/index.json"
layoutfs diff "$L:one" "$TMP/odd:two" >"$TMP/stdout" 2>"$TMP/stderr"
code=$?
same "no trouble has the exit status of differences" 1 $((code > 1 && $(wc -l <"$TMP/stderr") == 1))
if has_device /dev/full; then
  layoutfs diff "$L:one" "$L:two" >/dev/full 2>"$TMP/stderr"
  same "diff fails with 9 if it cannot write" 9 $?
fi

echo "-- random images"
if has git; then
  mkdir "$TMP/patches"
  python3 "$HERE/diff_patches.py" "$LAYOUTFS" "$TMP/patches" || not_ok "git apply makes the second image of the first one"
fi
if is_root && has umoci; then
  need_layout
  mkdir "$TMP/random" "$TMP/real"
  python3 "$HERE/diff_pairs.py" "$LAYOUTFS" "$TMP/real" "$LAYOUT" || not_ok "diff finds what find and diff find in real images"
  python3 "$HERE/diff_pairs.py" "$LAYOUTFS" "$TMP/random" || not_ok "diff finds what find and diff find in unpacked images"
fi
