#!/usr/bin/env bash
# `layoutfs find`: finds the same files as find(1) in the files that umoci unpacks; all images of a layout; formats and errors.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample
export TZ=UTC
L=$TMP/random
seed=${LAYOUTFS_TEST_SEED:-$RANDOM}
python3 "$HERE/make-explained.py" "$L" "$seed" || exit 1
RANDOM=$seed
echo "seed: LAYOUTFS_TEST_SEED=$seed"

# Each is a condition, with ROOT for the path of the root directory.
atoms=("-name *.conf" "-iname *.conf" "-name [ac]*" "-name [!a-z/]*" "-name \\[f\\]*" "-name *[0-9]" "-name .h*" "-name [!/]" "-name d?e*"
  "-path ROOT/etc/*" "-path ROOT/*/[a-d].*" "-ipath ROOT/ETC/*" "-wholename ROOT/opt/a*" "-lname *a.conf" "-ilname /ETC/*" "-type f" "-type d"
  "-type l,p" "-type f,d,l" "( ! -type d -size 0 )" "( ! -type d -size +1k )" "( ! -type d -size -2 )" "( ! -type d -size 1 )" "( ! -type d -size +100c )"
  "( -type f -size -3k )" "( -type f -size 30w )" "( ! -type d -size -1M )" "( ! -type d -size +8G )" "( -type f -perm 644 )" "( -type f -perm -111 )" "( -type f -perm /4002 )"
  "-uid 7" "-uid +6" "-uid -1000" "-gid 50" "-user 1000" "-group 0" "( -type f -links +1 )" "( -type f -links 1 )" "-empty"
  "( -type f -newermt 2020-11-15 )" "( -type f -newermt @1600000000 )" "-true" "-false")
# expected ROOT_OF_FILES WORD...: the paths that find(1) finds. -depth conditions come first there, or it warns.
expected() {
  local root=$1
  shift
  limited find "$root" "${@//ROOT/$root}" -printf '/%P\0' | sort -z | tr '\n\0' '?\n'
}
actual() {
  layoutfs find -0 "$L:first" "${@//ROOT/}" 2>&1 | sort -z | tr '\n\0' '?\n'
}
random_atom() { set -f && words+=(${atoms[RANDOM % ${#atoms[@]}]}) && set +f; }
if is_root && has umoci; then
  umoci unpack --image "$L:first" "$TMP/unpacked" >/dev/null 2>&1 || not_ok "umoci unpacks the image"
  R=$TMP/unpacked/rootfs
  differing=()
  for atom in "${atoms[@]}"; do
    set -f && words=($atom) && set +f
    [ "$(expected "$R" "${words[@]}")" = "$(actual "${words[@]}")" ] || differing+=("$atom")
  done
  same "find finds the same files as find(1), for each condition (seed $seed)" "" "${differing[*]-}"
  differing=()
  for ((i = 0; i < ${LAYOUTFS_TEST_FULL:+20}40; ++i)); do
    words=()
    [ $((RANDOM % 3)) != 0 ] || words+=(-maxdepth $((RANDOM % 4)))
    [ $((RANDOM % 4)) != 0 ] || words+=(-mindepth $((RANDOM % 3)))
    for ((n = RANDOM % 4; n >= 0; --n)); do
      [ $((RANDOM % 3)) != 0 ] || words+=(!)
      if [ $((RANDOM % 4)) = 0 ]; then
        words+=("(") && random_atom && words+=(-o) && random_atom && words+=(")")
      else
        random_atom
      fi
      case $n$((RANDOM % 3)) in 0*) ;; *0) words+=(-o) ;; *1) words+=(-a) ;; esac
    done
    # Parentheses: -printf would apply to the last alternative.
    conditions=() rest=()
    for ((n = 0; n < ${#words[@]}; ++n)); do
      case ${words[n]} in -maxdepth | -mindepth) conditions+=("${words[n]}" "${words[n + 1]}") && n=$((n + 1)) ;; *) rest+=("${words[n]}") ;; esac
    done
    [ "$(expected "$R" "${conditions[@]}" "(" "${rest[@]}" ")")" = "$(actual "${words[@]}")" ] || differing+=("${words[*]};")
  done
  same "find finds the same files as find(1), for $i random expressions (seed $seed)" "" "${differing[*]-}"
  same "find in two directories finds the same as find(1)" "$(cd "$R" && find etc usr/lib -print0 | sed -z 's/^/\//' | sort -z | tr '\n\0' '?\n')" \
    "$(layoutfs find -0 "$L:first" etc /usr/lib/ | sort -z | tr '\n\0' '?\n')"
fi

echo "-- formats"
S=$TMP/layouts/sample
prints "find lists a directory before its files, in byte order" "/etc
/etc/added
/etc/name" find "$S:app:1.0" etc
prints "find accepts -print as the last word" /etc/name find "$S:app:1.0" -name name -print
same "find -print0 ends each line with NUL" "/etc/name|" "$(layoutfs find "$S:app:1.0" -name name -print0 | tr '\0' '|')"
same "cat reads the paths that find -0 prints" "sample" "$(layoutfs find -0 "$S:app:1.0" -name name | xargs -0 "$LAYOUTFS" cat "$S:app:1.0")"
same "find -l prints the columns of ls -l, and the path" "$(layoutfs ls -l --paths "$S:app:1.0" bin)" "$(layoutfs find -l "$S:app:1.0" bin -mindepth 1)"
same "find -ls prints the same as find -l" "$(layoutfs find -l "$S:app:1.0")" "$(layoutfs find "$S:app:1.0" -ls)"
same "find --json has the members of ls --json" "$(layoutfs ls -R --json "$S:app:1.0" | jq -S '[.files[] | .path |= "/" + .] | sort_by(.path)')" \
  "$(layoutfs find --json "$S:app:1.0" -mindepth 1 | jq -S '.images[0].files | sort_by(.path)')"
prints "find accepts --layout and --ref, and the expression after --" /etc/name find --layout "$S" --ref app:1.0 -- -name name
prints "find finds nothing without an error" "" find "$S:app:1.0" -name nothing
same "find -layer finds the files of one layer" /etc/added "$(layoutfs find "$S:app:1.0" etc -layer 1)"

echo "-- all images"
prints "find in a layout names the image of each file, each image once" "app:1.0:/etc/name
multi[linux/s390x]:/other-platform
@3:/nameless" find "$S" ! -type d ! -path "/*/[!n]*" ! -path '/[tv]*/*'
same "find --json of a layout has each image" "$(jq -c '[.manifests[].digest] | unique' "$L/index.json")" \
  "$(layoutfs find --json "$L" -false | jq -c '[.images[].manifest] | unique')"
same "a third name of an image is not searched again" "first second" "$(layoutfs find --json "$L" -false | jq -r '.images[].reference' | xargs)"
same "find --platform searches the image of the platform" "/other-platform" "$(layoutfs find --platform linux/s390x "$S:multi" -type f)"
prints "a path may be missing in some of the images" "app:1.0:/etc/name" find "$S" /etc/name
rm -rf "$LAYOUTFS_CACHE_DIR"
if has strace; then
  limited strace -f -qq -y -e trace=openat,openat2 -o "$TMP/trace" "$LAYOUTFS" find -q "$L" -false
  opened() { grep -v O_PATH "$TMP/trace" | grep -c "blobs/sha256/$1>"; }
  layers=$(for manifest in $(jq -r '.manifests[].digest[7:]' "$L/index.json"); do jq -r '.layers[].digest[7:]' "$L/blobs/sha256/$manifest"; done | sort -u)
  same "each layer is read once" "$(sed 's/.*/1/' <<<"$layers" | xargs)" "$(for layer in $layers; do opened "$layer"; done | xargs)"
fi
cp -a "$L" "$TMP/broken"
manifest=$(jq -r '.manifests[1].digest[7:]' "$L/index.json")
rm "$TMP/broken/blobs/sha256/$(jq -r '.layers[-1].digest[7:]' "$L/blobs/sha256/$manifest")"
layoutfs index rm -q "$TMP/broken"
layoutfs find "$TMP/broken" -maxdepth 0 >"$TMP/stdout" 2>"$TMP/stderr"
same "find continues after an image that cannot be read, and exits with 3" "3 first:/ 1" "$? $(cat "$TMP/stdout") $(wc -l <"$TMP/stderr")"

echo "-- errors"
refused "find refuses an unknown reference" 3 find "$S:unknown"
refused "find refuses a path that does not exist" 3 find "$S:app:1.0" etc/none
refused "find refuses a path that is in no image" 3 find "$S" etc/none
refused "find refuses an unknown condition" 2 find "$S:app:1.0" -nmae x
refused "find refuses a condition without a value" 2 find "$S:app:1.0" -name
refused "find refuses an action" 2 find "$S:app:1.0" -exec rm "{}" ";"
refused "find refuses a malformed size" 2 find "$S:app:1.0" -size 1x
refused "find refuses options after the image" 2 find "$S:app:1.0" --json
refused "find refuses a word after the conditions" 2 find "$S:app:1.0" -name a b
refused "find refuses open parentheses" 2 find "$S:app:1.0" "(" -name a
refused "find refuses to run without an image" 2 find
layoutfs find "$S:app:1.0" etc none >"$TMP/stdout" 2>"$TMP/stderr"
same "find searches the other paths if one does not exist" "3 3 1" "$? $(wc -l <"$TMP/stdout") $(wc -l <"$TMP/stderr")"
if has_device /dev/full; then
  layoutfs find "$S:app:1.0" >/dev/full 2>"$TMP/stderr"
  same "find to a full disk exits with 9" "9 1" "$? $(wc -l <"$TMP/stderr")"
fi
finish
