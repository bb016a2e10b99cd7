#!/usr/bin/env bash
# The commands without a mount: their output and exit status. The manual pages document every option.
. "$(dirname "$0")/lib.sh"
need jq
make_layouts sample single broken-images
L=$TMP/layouts/sample

prints "-V prints the version" "layoutfs $(sed -n 's/^project(layoutfs VERSION \([0-9.]*\).*/\1/p' "$SOURCE/CMakeLists.txt")" -V
check "--help lists the commands" sh -c "'$LAYOUTFS' --help | grep -q mount"
commands=(help mount mounts umount chroot engine ls cat extract export inspect history commit config diff blame du find grep init clean gc fsck image repos tags tag manifest referrers push pull copy blob "blob put" "blob get" "blob ls" "blob rm" "blob path"
  ref "ref put" "ref get" "ref ls" "ref rm" "image ls" "image tag" "image label" "image rm" "image size" "tag rm" "manifest rm" index "index build" "index verify" "index ls" "index rm" "engine podman")
for command in "${commands[@]}"; do check "$command -h prints the help" "$LAYOUTFS" $command -h; done
for command in "${commands[@]}"; do
  layoutfs $command --help >"$TMP/help"
  same "the help of $command begins with its usage" "usage: layoutfs $command" "$(sed -n '1s/ \(\[OPTIONS\]\|COMMAND\).*//p' "$TMP/help")"
  same "the help of $command fits into 80 columns" "" "$(awk 'length > 80' "$TMP/help")"
  same "layoutfs help $command prints the same as $command --help" "$(cat "$TMP/help")" "$(layoutfs help $command)"
  [ -n "$(commands_of $command)" ] || [ "$command" = help ] ||
    same "the help of $command has at least two examples" 1 "$(($(sed -n '/^Examples:/,$ p' "$TMP/help" | grep -c layoutfs) >= 2))"
done
same "--help lists each command" "$(printf '%s\n' "${commands[@]}" | grep -v ' ' | sort)" "$(commands_of | sort)"
for group in blob ref image tag manifest index engine; do
  same "$group --help lists each of its commands" "$(printf '%s\n' "${commands[@]}" | sed -n "s/^$group //p" | sort)" \
    "$(commands_of $group | sort)"
done

echo "-- ls"
prints "ls lists references, and entries without a name by number" $'app:1.0\nmulti\nteam/project/app\n@3' ls "$L"
prints "ls of an image lists its root" $'bin\netc\nsrv\ntmp\nvar' ls "$L:app:1.0"
prints "ls lists a directory of an image" $'added\nname' ls "$L:app:1.0" etc
prints "ls accepts absolute paths" $'added\nname' ls "$L:app:1.0" /etc/
prints "ls accepts the prefix oci:" $'added\nname' ls "oci:$L:app:1.0" etc
prints "ls finds an image by number" "nameless" ls "$L:@3"
prints "ls finds an image by digest" "nameless" ls "$L@$(jq -r '.manifests[3].digest' "$L/index.json")"
prints "ls accepts --layout and --ref" $'added\nname' ls --layout "$L" --ref app:1.0 etc
prints "ls --platform selects another platform" "other-platform" ls --platform linux/s390x "$L:multi"
prints "ls needs no reference if the layout has only one image" $'bin\netc\nsrv\ntmp\nvar' ls "$TMP/layouts/single" /
check "ls -l prints modes, sizes and link targets" sh -c "'$LAYOUTFS' ls -l '$L:app:1.0' bin >'$TMP/out' &&
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
refused "ls refuses a path that does not exist" 3 ls "$L:app:1.0" etc/removed
refused "ls refuses an unknown reference" 3 ls "$L:unknown"
refused "ls refuses a colon without a reference" 2 ls "$L:"
refused "ls refuses to run without a layout" 2 ls

for command in inspect history du "index build" "index verify" "index ls" "index rm"; do
  refused "$command refuses two references" 2 $command --ref multi "$L:app:1.0"
done
for command in ls cat extract mount; do
  refused "$command refuses two references" 2 $command --ref multi "$L:app:1.0" etc/name
done
refused "inspect refuses two layouts" 2 inspect --layout "$L" "$L"

prints "ls --paths prints whole paths" $'/etc/added\n/etc/name' ls --paths "$L:app:1.0" etc
same "ls -R --paths lists every file once" "$(layoutfs ls -R --json "$L:app:1.0" | jq -r '.files[] | "/" + .path' | sort)" \
  "$(layoutfs ls -R --paths "$L:app:1.0" | sort)"
same "ls -0 ends each path with NUL" "$(layoutfs ls -R --paths "$L:app:1.0")" "$(layoutfs ls -R --paths -0 "$L:app:1.0" | tr '\0' '\n')"
same "cat reads the paths that ls -0 prints" "sample" "$(layoutfs ls --paths -0 "$L:app:1.0" etc | grep -z name | xargs -0 "$LAYOUTFS" cat "$L:app:1.0")"
refused "ls refuses -0 without --paths" 2 ls -0 "$L:app:1.0"
echo "-- cat"
prints "cat prints a file" "sample" cat "$L:app:1.0" etc/name
prints "cat prints several files" $'sample\nneedle in the upper layer' cat "$L:app:1.0" etc/name /etc/added
prints "cat follows symlinks inside the image" "sample" cat "$L:app:1.0" bin/link
python3 -c 'import sys
sys.path.insert(0, sys.argv[1])
from ocilib import noise
sys.stdout.buffer.write(noise(2_500_000, 3))' "$CORPUS" >"$TMP/noise"
check "cat prints every byte of a large file" sh -c "'$LAYOUTFS' cat '$L:app:1.0' var/noise | cmp - '$TMP/noise'"
refused "cat refuses a directory" 1 cat "$L:app:1.0" etc
refused "cat refuses a path that does not exist" 3 cat "$L:app:1.0" nothing
refused "cat refuses a file that a whiteout removed" 3 cat "$L:app:1.0" etc/removed
refused "cat refuses a device" 6 cat "$L:app:1.0" var/null
refused "cat refuses to run without a path" 2 cat "$L:app:1.0"
layoutfs cat "$L:app:1.0" etc/name nothing etc/added >"$TMP/stdout" 2>"$TMP/stderr"
same "cat continues after a missing file, and exits with 3" "3 sample needle in the upper layer 1" \
  "$? $(xargs <"$TMP/stdout") $(wc -l <"$TMP/stderr")"
if has_device /dev/full; then
  "$LAYOUTFS" cat "$L:app:1.0" etc/name >/dev/full 2>"$TMP/stderr"
  same "cat to a full disk exits with 9" "9 1" "$? $(wc -l <"$TMP/stderr")"
fi

echo "-- inspect"
check "inspect --json of a layout counts its blobs" sh -c "'$LAYOUTFS' inspect --json '$L' |
  jq -e '.version == 1 and .blobs == $(find "$L/blobs" -type f | wc -l) and .size == $(cat "$L"/blobs/*/* | wc -c)'"
manifest=$(jq -r '.manifests[0].digest' "$L/index.json")
check "inspect --json of an image shows its manifest, layers and platform" sh -c "'$LAYOUTFS' inspect --json '$L:app:1.0' |
  jq -e '.manifest == \"$manifest\" and (.layers | length) == 2 and .platform == \"linux/$(host_architecture)\"'"
same "inspect --json of an image shows the digests of its layers" "$(jq -r '.layers[].digest' "$L/blobs/${manifest/://}")" \
  "$(layoutfs inspect --json "$L:app:1.0" | jq -r '.layers[].digest')"
check "inspect of an image prints the digest of its manifest" sh -c "'$LAYOUTFS' inspect '$L:app:1.0' | grep -q '$manifest'"
refused "inspect refuses an unknown image" 3 inspect "$L:unknown"
refused "inspect refuses an image without its config" 3 inspect "$TMP/layouts/broken-images:missing-config"

echo "-- the index cache"
rm -rf "$LAYOUTFS_CACHE_DIR" "$TMP/elsewhere"
check "ls accepts --cache-dir" "$LAYOUTFS" ls --cache-dir "$TMP/elsewhere" "$L:app:1.0"
check "ls with --cache-dir writes only to that cache" test -n "$(find "$TMP/elsewhere" -type f)" -a ! -e "$LAYOUTFS_CACHE_DIR"
check "ls writes nothing into the layout" test "$(find "$L" -newer "$TMP/noise" -type f | wc -l)" = 0
find "$TMP/elsewhere" -type f -exec truncate -s 100 {} +
prints "ls rebuilds truncated index files" $'added\nname' ls --cache-dir "$TMP/elsewhere" "$L:app:1.0" etc
find "$TMP/elsewhere" -type f -exec sh -c 'printf "\377\377\377\377" | dd of="$1" bs=1 seek=64 conv=notrunc status=none' sh {} \;
prints "ls rebuilds corrupt index files" $'added\nname' ls --cache-dir "$TMP/elsewhere" "$L:app:1.0" etc
layoutfs ls --cache-dir /proc/nothing "$L:app:1.0" etc >"$TMP/stdout" 2>"$TMP/stderr"
same "ls with a cache that cannot be written prints one warning" "0 added name 1" "$? $(xargs <"$TMP/stdout") $(wc -l <"$TMP/stderr")"

echo "-- the manual pages"
manuals=$SOURCE/docs/man
plain() { sed 's/\\f[A-Z]//g; s/\\-/-/g; s/\\&//g' "$manuals/$1"; }
# terms PAGE SECTION [SUBSECTION]: prints the terms that a section of a page explains, and with SUBSECTION also those of
# that subsection.
terms() {
  plain "$1" | awk -v section="$2" -v part="${3-}" '/^\.SH / {shown = substr($0, 5) == section} /^\.SS / && part {shown = substr($0, 5) == part}
    is_term && shown {print} {is_term = /^\.T[PQ]/}'
}
options() { grep -oE '(^|[ ,|[])-{1,2}[A-Za-z0-9][A-Za-z-]*' | grep -oE -- '-{1,2}[A-Za-z0-9][A-Za-z-]*' | sort -u; }
options_of() { layoutfs $1 --help | grep '^  -' | options; }
if has groff; then
  for page in $(grep -L '^\.so' "$manuals"/*); do
    check "$(basename "$page") has no mistakes" sh -c "test -z \"\$(groff -man -Tutf8 -ww -z '$page' 2>&1)\""
  done
fi
same "each command has a manual page, and each page a command" "$(printf '%s\n' "${commands[@]}" | grep -v ' ' | sort)" \
  "$(find "$manuals" -name 'layoutfs-*.1' -printf '%f\n' | sed 's/^layoutfs-\(.*\)\.1$/\1/' | sort)"
same "layoutfs(1) lists each manual page" "$(printf 'layoutfs-%s(1)\n' "${commands[@]}" | grep -v ' ' | sort)" \
  "$(terms layoutfs.1 COMMANDS '' | sort)"
for page in "$manuals"/layoutfs-*.1; do
  page=$(basename "$page")
  same "$page has all sections" "NAME SYNOPSIS DESCRIPTION OPTIONS EXAMPLES SEE ALSO" \
    "$(sed -n 's/^\.SH //p' "$manuals/$page" | grep -xE 'NAME|SYNOPSIS|DESCRIPTION|OPTIONS|EXAMPLES|SEE ALSO' | xargs)"
done
for page in $(cat "$manuals"/* | sed 's/\\f[A-Z]//g; s/\\-/-/g' | grep -oE '(mount\.)?layoutfs(-[a-z]+)?\([0-9]\)' | sort -u); do
  check "$page exists, because another page refers to it" test -f "$manuals/$(sed 's/(\(.\))/.\1/' <<<"$page")"
done
compared=0
for command in "${commands[@]}"; do
  page=layoutfs-${command%% *}.1
  check "$page has layoutfs $command in its synopsis" sh -c "sed -n '/^\.SH SYNOPSIS/,/^\.SH DESC/ s/\\\\f[A-Z]//gp' '$manuals/$page' | grep -q '^layoutfs $command '"
  # The help of a group has no options.
  case " blob ref image tag manifest index engine " in *" $command "*) continue ;; esac
  documented=$(terms "$page" OPTIONS "layoutfs $command" | options)
  same "$page explains every option of layoutfs $command, and no other" "$(options_of "$command")" "$documented"
  compared=$((compared + $(wc -w <<<"$documented")))
done
same "more than 200 options are compared" 1 "$((compared > 200))"
every=$(for command in "" "${commands[@]}"; do options_of "$command"; done | sort -u)
same "layoutfs(1) explains no option that no command has" "" "$(comm -23 <(terms layoutfs.1 OPTIONS | options) <(echo "$every"))"
same "layoutfs(1) explains all options of the program itself" "" "$(comm -23 <(options_of "") <(terms layoutfs.1 OPTIONS | options))"
for code in 0 1 2 3 4 5 6 7 8 9; do
  check "layoutfs(1) explains exit code $code" grep -qx "$code" <(terms layoutfs.1 "EXIT STATUS")
done
# Compares the bold names in the list of mount options.
same "mount.layoutfs(8) explains every mount option, and no other" \
  "$({ layoutfs __complete mount -o "" | sed '1d; s/[=\t].*//' && printf '%s\n' comment x-; } | sort)" \
  "$(terms mount.layoutfs.8 "MOUNT OPTIONS" | sed 's/, /\n/g' | sed 's/[=A-Z].*//' | sort)"
for page in "$manuals"/layoutfs*.1; do
  same "$(basename "$page") refers to mount.layoutfs(8) for mount options" "" "$(terms "$(basename "$page")" OPTIONS | grep -E 'idle_timeout|allow_other')"
done
for code in 0 1 32; do
  check "mount.layoutfs(8) explains exit code $code" grep -qx "$code" <(terms mount.layoutfs.8 "EXIT STATUS")
done
for options in $(plain mount.layoutfs.8 | sed -n 's/^\/[^ ]* .* fuse\.layoutfs  *\([^ ]*\) .*/\1/p; s/^Options=//p'); do
  refused "mount accepts the options $options in the example of mount.layoutfs(8)" 3 mount -o "$options" "$TMP/none" "$TMP/m"
done
