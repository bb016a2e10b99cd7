#!/usr/bin/env bash
# The commands that need no mount, what they print and how they end; and the manual pages, which know every option.
. "$(dirname "$0")/lib.sh"
need jq
make_layouts sample single broken-images
L=$TMP/layouts/sample

prints "-V says the version" "layoutfs $(sed -n 's/^project(layoutfs VERSION \([0-9.]*\).*/\1/p' "$SOURCE/CMakeLists.txt")" -V
check "--help lists the commands" sh -c "'$LAYOUTFS' --help | grep -q mount"
commands=(help mount umount chroot ls cat inspect history init clean gc fsck image repos tags tag manifest referrers push pull copy blob "blob put" "blob get" "blob ls" "blob rm" "blob path"
  ref "ref put" "ref get" "ref ls" "ref rm" "image ls" "image tag" "image label" "image rm" "image size" "tag rm" "manifest rm" index "index build" "index verify" "index ls" "index rm")
for command in "${commands[@]}"; do check "-h of $command works" "$LAYOUTFS" $command -h; done
same "--help lists each of them" "$(printf '%s\n' "${commands[@]}" | grep -v ' ' | sort)" "$(commands_of | sort)"
for group in blob ref image tag manifest index; do
  same "$group --help lists those of $group" "$(printf '%s\n' "${commands[@]}" | sed -n "s/^$group //p" | sort)" \
    "$(commands_of $group | sort)"
done

echo "-- ls"
prints "ls shows the refs, and entries without a name by their number" $'app:1.0\nmulti\nteam/project/app\n@3' ls "$L"
prints "ls of an image shows its root" $'bin\netc\nsrv\ntmp\nvar' ls "$L:app:1.0"
prints "ls of a directory in it" $'added\nname' ls "$L:app:1.0" etc
prints "ls takes absolute paths" $'added\nname' ls "$L:app:1.0" /etc/
prints "ls behind oci:" $'added\nname' ls "oci:$L:app:1.0" etc
prints "ls by number" "nameless" ls "$L:@3"
prints "ls by digest" "nameless" ls "$L@$(jq -r '.manifests[3].digest' "$L/index.json")"
prints "ls with --layout and --ref" $'added\nname' ls --layout "$L" --ref app:1.0 etc
prints "ls of another platform" "other-platform" ls --platform linux/s390x "$L:multi"
prints "ls of the only image" $'bin\netc\nsrv\ntmp\nvar' ls "$TMP/layouts/single" /
check "ls -l shows modes, sizes and targets" sh -c "'$LAYOUTFS' ls -l '$L:app:1.0' bin >'$TMP/out' &&
  grep -Eq '^-rwsr-xr-x +3 +0 +0 +70000 .* tool$' '$TMP/out' && grep -Eq '^lrwxrwxrwx .* link -> /etc/name$' '$TMP/out'"
same "ls -R --json lists every path" \
  "$(python3 - "$L" <<'PYTHON'
import json, pathlib, sys, tarfile
layout = pathlib.Path(sys.argv[1])
blob = lambda d: layout / "blobs" / d["digest"].replace(":", "/")
index = json.loads((layout / "index.json").read_text())
names = set()
for layer in json.loads(blob(index["manifests"][0]).read_text())["layers"]:
    with tarfile.open(blob(layer)) as tar:
        for name in (m.name for m in tar):
            for part in [name, *map(str, pathlib.PurePosixPath(name).parents)]:
                names.add(part)
print("\n".join(sorted(n for n in names - {".", "etc/removed"} if ".wh." not in n)))
PYTHON
)" "$(layoutfs ls -R --json "$L:app:1.0" | jq -r '.files[].path' | sort)"
check "ls --json of a layout has a version and every reference" sh -c "'$LAYOUTFS' ls --json '$L' |
  jq -e '.version == 1 and [.references[].name] == [\"app:1.0\", \"multi\", \"team/project/app\", null]'"
refused "ls of a path that is not there" 3 ls "$L:app:1.0" etc/removed
refused "ls of an unknown reference" 3 ls "$L:unknown"
refused "ls with a colon and no reference" 2 ls "$L:"
refused "ls without a layout" 2 ls

for command in inspect history "index build" "index verify" "index ls" "index rm"; do
  refused "$command with two references" 2 $command --ref multi "$L:app:1.0"
done
for command in ls cat mount; do
  refused "$command with two references" 2 $command --ref multi "$L:app:1.0" etc/name
done
refused "inspect with two layouts" 2 inspect --layout "$L" "$L"

echo "-- cat"
prints "cat prints a file" "sample" cat "$L:app:1.0" etc/name
prints "cat prints several" $'sample\nneedle in the upper layer' cat "$L:app:1.0" etc/name /etc/added
prints "cat follows links inside the image" "sample" cat "$L:app:1.0" bin/link
python3 -c 'import sys
sys.path.insert(0, sys.argv[1])
from ocilib import noise
sys.stdout.buffer.write(noise(2_500_000, 3))' "$CORPUS" >"$TMP/noise"
check "cat gives every byte" sh -c "'$LAYOUTFS' cat '$L:app:1.0' var/noise | cmp - '$TMP/noise'"
refused "cat of a directory" 1 cat "$L:app:1.0" etc
refused "cat of what is not there" 3 cat "$L:app:1.0" nothing
refused "cat of what a whiteout removed" 3 cat "$L:app:1.0" etc/removed
refused "cat of a device" 6 cat "$L:app:1.0" var/null
refused "cat without a path" 2 cat "$L:app:1.0"
layoutfs cat "$L:app:1.0" etc/name nothing etc/added >"$TMP/stdout" 2>"$TMP/stderr"
same "cat goes on after a file that is not there, and says so at the end" "3 sample needle in the upper layer 1" \
  "$? $(xargs <"$TMP/stdout") $(wc -l <"$TMP/stderr")"
if has_device /dev/full; then
  "$LAYOUTFS" cat "$L:app:1.0" etc/name >/dev/full 2>"$TMP/stderr"
  same "a full disk under stdout is exit code 9" "9 1" "$? $(wc -l <"$TMP/stderr")"
fi

echo "-- inspect"
check "inspect --json of a layout counts its blobs" sh -c "'$LAYOUTFS' inspect --json '$L' |
  jq -e '.version == 1 and .blobs == $(find "$L/blobs" -type f | wc -l) and .size == $(cat "$L"/blobs/*/* | wc -c)'"
manifest=$(jq -r '.manifests[0].digest' "$L/index.json")
check "inspect --json of an image names its parts" sh -c "'$LAYOUTFS' inspect --json '$L:app:1.0' |
  jq -e '.manifest == \"$manifest\" and (.layers | length) == 2 and .platform == \"linux/$(host_architecture)\"'"
same "and their digests" "$(jq -r '.layers[].digest' "$L/blobs/${manifest/://}")" \
  "$(layoutfs inspect --json "$L:app:1.0" | jq -r '.layers[].digest')"
check "inspect says the same in words" sh -c "'$LAYOUTFS' inspect '$L:app:1.0' | grep -q '$manifest'"
refused "inspect of an image that is not there" 3 inspect "$L:unknown"
refused "inspect of an image without its config" 3 inspect "$TMP/layouts/broken-images:missing-config"

echo "-- the index cache"
rm -rf "$LAYOUTFS_CACHE_DIR" "$TMP/elsewhere"
check "--cache-dir is used" "$LAYOUTFS" ls --cache-dir "$TMP/elsewhere" "$L:app:1.0"
check "and nothing else" test -n "$(find "$TMP/elsewhere" -type f)" -a ! -e "$LAYOUTFS_CACHE_DIR"
check "nothing is written into the layout" test "$(find "$L" -newer "$TMP/noise" -type f | wc -l)" = 0
find "$TMP/elsewhere" -type f -exec truncate -s 100 {} +
prints "damaged files in it are built again" $'added\nname' ls --cache-dir "$TMP/elsewhere" "$L:app:1.0" etc
find "$TMP/elsewhere" -type f -exec sh -c 'printf "\377\377\377\377" | dd of="$1" bs=1 seek=64 conv=notrunc status=none' sh {} \;
prints "changed ones too" $'added\nname' ls --cache-dir "$TMP/elsewhere" "$L:app:1.0" etc
layoutfs ls --cache-dir /proc/nothing "$L:app:1.0" etc >"$TMP/stdout" 2>"$TMP/stderr"
same "a cache that cannot be written is one warning" "0 added name 1" "$? $(xargs <"$TMP/stdout") $(wc -l <"$TMP/stderr")"

echo "-- the manual pages"
page=$SOURCE/docs/layoutfs.1 helper_page=$SOURCE/docs/mount.layoutfs.8
options() { grep -oE '(^|[ ,|[])-{1,2}[A-Za-z][A-Za-z-]*' | grep -oE -- '-{1,2}[A-Za-z][A-Za-z-]*' | sort -u; }
if has groff; then
  for each in "$page" "$helper_page"; do
    check "$(basename "$each") has no mistakes" sh -c "test -z \"\$(groff -man -Tutf8 -ww -z '$each' 2>&1)\""
  done
fi
all_shown=
# In bold, as the page sets what is to be typed.
documented=$(grep '^\.B' "$page" | sed 's/\\-/-/g; s/\\f[A-Z]//g' | options)
for command in "" "${commands[@]}"; do
  shown=$(layoutfs $command --help | options)
  for option in $shown; do
    grep -qx -- "$option" <<<"$documented" || not_ok "the manual page has $option of layoutfs $command --help"
  done
  all_shown+=$'\n'$shown
done
for option in $documented; do
  grep -qx -- "$option" <<<"$all_shown" || not_ok "some --help has $option of the manual page"
done
same "there are options to compare" 1 "$(($(wc -w <<<"$documented") > 15))"
for command in "${commands[@]}"; do
  check "the manual page has layoutfs $command in its synopsis" grep -q "^\.B layoutfs $command" "$page"
done
for code in 0 1 2 3 4 5 6 7 8 9; do
  check "the manual page explains exit code $code" grep -qx "\.B $code" "$page"
done
# The names that the one list of mount options sets in bold, each before what it takes.
same "mount.layoutfs(8) explains every mount option, and no other" \
  "$({ layoutfs __complete mount -o "" | sed '1d; s/[=\t].*//' && printf '%s\n' comment x-; } | sort)" \
  "$(sed -n '/^\.SH MOUNT OPTIONS/,/^\.SH EXIT/ {/^\.T[PQ]/ {n; s/^\.B[IR]* //; s/ ", " /\n/g; p}}' "$helper_page" | sed 's/[= ].*//' | sort)"
same "layoutfs(1) leaves that list to it" "" "$(grep -E '^\.B.* (idle_timeout|allow_other)' "$page")"
for code in 0 1 32; do
  check "mount.layoutfs(8) explains exit code $code" grep -qx "\.B $code" "$helper_page"
done
for options in $(sed -n 's/\\-/-/g; s/^[^ ]* .* fuse\.layoutfs  *\([^ ]*\) .*/\1/p' "$helper_page") \
  $(sed -n 's/^Options=//p' "$helper_page"); do
  refused "the options of its example $options are taken" 3 mount -o "$options" "$TMP/none" "$TMP/m"
done
