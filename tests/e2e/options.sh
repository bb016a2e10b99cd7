#!/usr/bin/env bash
# An option has the same name, the same short form and the same kind of value in all commands.
. "$(dirname "$0")/lib.sh"

leaves() {
  local each below=$(commands_of "$@")
  [ -n "$below" ] || echo "$*"
  for each in $below; do leaves "$@" "$each"; done
}
# Writes a line for each option: COMMAND|NAMES|KIND, with names as in -l,--long. If an option has two long names, the
# first counts.
leaves | while read -r command; do
  # After the name follows one blank and the kind; or several blanks, or the end of the line.
  layoutfs $command --help | sed 's/, -/,-/g' | sed -n "s/^  \(-[^ ]*\) \([^ ][^ ]*\).*/$command|\1|\2/p; t; s/^  \(-[^ ]*\).*/$command|\1|/p"
done >"$TMP/options"
same "the help of all commands has more than 150 options" 1 "$(($(wc -l <"$TMP/options") > 150))"

# missing OPTION COMMAND...: prints the commands without the option.
missing() {
  local option=$1 command
  shift
  for command; do
    awk -F'|' -v c="$command" -v o="$option" '$1 == c {n = split($2, names, ","); for (i = 1; i <= n; ++i) if (names[i] == o) found = 1}
      END {exit !found}' "$TMP/options" || echo "$command"
  done
}
have() { same "the option $1 exists in ${*:2}" "" "$(missing "$@")"; }
mapfile -t all < <(leaves)
have -h "${all[@]}"
have --help "${all[@]}"
have -q "${all[@]}"
have --quiet "${all[@]}"
images=(mount chroot ls cat export extract inspect history commit config blame du find grep "index build" "index verify" "index ls" "index rm")
for option in --layout --ref --platform --cache-dir; do have $option "${images[@]}"; done
stores=(repos tags "tag rm" "manifest rm" referrers push pull)
for option in --authfile --tls-verify; do have $option diff "${images[@]}" "${stores[@]}" copy; done
for option in --platform --cache-dir; do have $option diff; done
have --cache-remote mount
have --platform copy "ref put"
have --cache-dir copy
have --json ls blame diff mounts inspect history du find "index build" "index verify" "index ls" "index rm" "blob ls" "ref ls" gc fsck "image ls" "image size" repos tags referrers copy
have --no-progress mount blame diff chroot ls cat du find grep export extract commit "index build" "index verify" gc fsck push pull copy
have -l ls find "blob ls" "ref ls" "image ls"
have --long ls find "blob ls" "ref ls" "image ls"
have --no-trunc history blame
have -f extract commit config "blob rm" "ref rm" "image rm"
have --force extract commit config "blob rm" "ref rm" "image rm"
have --replace "ref put" "image tag"
have --digest "blob put" push
have -o "blob get" pull
have --output "blob get" pull
have --range "blob get" pull
have --store gc "image ls" "image tag" "image label" "image rm" "image size"
have --default-repository "${stores[@]}"
have --artifact-type "ref put" referrers
have --media-type "ref put" push
have --after repos tags
have --limit repos tags

# A name must always have the same short form and the same kind of value. Exception: ls -h, as in ls(1).
sed -i '/^ls|-h,--human-readable|/d; s/^ls|--help|/ls|-h,--help|/' "$TMP/options"
same "each long option has only one short form" "" "$(awk -F'|' '{n = split($2, names, ","); short = ""
    for (i = 1; i <= n; ++i) if (names[i] !~ /^--/) short = names[i]
    for (i = 1; i <= n; ++i) if (names[i] ~ /^--/ && !(names[i] == "--force" && names[1] == "--replace")) print names[i], short}' "$TMP/options" |
  sort -u | awk '{print $1}' | uniq -d)"
# Exceptions: --after takes a word of the command's list; --format takes a template or a kind of file, as in podman; --user of
# engine podman takes no value.
same "each option has only one kind of values" "" "$(awk -F'|' '{split($2, names, ","); print names[length(names)], $3}' "$TMP/options" | sort -u |
  grep -vE '^--(after|format|user) ' | awk '{print $1}' | uniq -d)"
# Exceptions: -f and -o of mount, as in mount(8); those of grep, as in grep(1).
same "each short option has only one long form" "" "$(awk -F'|' '$1 != "mount" && $1 != "grep" && $2 ~ /^-[a-zA-Z],/ {print $2}' "$TMP/options" | sort -u | cut -d, -f1 | uniq -d)"

echo "-- the effect of some options"
make_layouts sample
L=$TMP/layouts/sample
layoutfs init -q "$TMP/store"
layoutfs copy -q "$L" "$TMP/copy" >/dev/null 2>"$TMP/stderr"
same "copy -q prints nothing on stderr" "0 0" "$? $(wc -c <"$TMP/stderr")"
layoutfs gc -q "$TMP/copy" 2>"$TMP/stderr"
same "gc -q prints nothing on stderr" "0 0" "$? $(wc -c <"$TMP/stderr")"
layoutfs fsck --quiet "$TMP/copy" 2>"$TMP/stderr"
same "fsck -q prints nothing on stderr" "0 0" "$? $(wc -c <"$TMP/stderr")"
layoutfs index build -q "$L" 2>"$TMP/stderr"
same "index build -q prints nothing on stderr" "0 0" "$? $(wc -c <"$TMP/stderr")"
same "ls -q prints the same on stdout" "$(layoutfs ls "$L" 2>&1)" "$(layoutfs ls -q "$L" 2>&1)"
refused "ls -q prints errors" 3 ls -q "$L:none"
refused "copy -q prints errors" 3 copy -q "$L:none" "$TMP/copy"
check "index build --json prints a version and counts" sh -c "'$LAYOUTFS' index build --json '$L' | grep -q '\"version\":1,\"indexed\":{\"layers\":0'"
check "index rm --json prints a version and counts" sh -c "'$LAYOUTFS' index rm --json '$L' | grep -q '\"version\":1,\"files\":[1-9]'"
printf 0123456789 >"$TMP/digits"
digits=$(layoutfs blob put --digest "$(digest_of "$TMP/digits")" "$TMP/store" "$TMP/digits")
prints "blob get --range prints the bytes of the range" 234 blob get "$TMP/store" "$digits" --range 2-4
prints "blob get --offset --length prints the same bytes" 234 blob get "$TMP/store" "$digits" --offset 2 --length 3
prints "blob get --range -2 prints the last two bytes" 89 blob get "$TMP/store" "$digits" --range -2
prints "blob get --range ends at the end of the blob" 9 blob get "$TMP/store" "$digits" --range 9-99
refused "blob get refuses a range after the end of the blob" 2 blob get "$TMP/store" "$digits" --range 10-
refused "blob get refuses a range that ends before it begins" 2 blob get "$TMP/store" "$digits" --range 4-2
refused "blob get refuses --range with --offset" 2 blob get "$TMP/store" "$digits" --range 2-4 --offset 1

echo "-- a blob of two media types"
python3 - "$CORPUS" "$TMP/twice" <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[1])
from ocilib import Layout, Tar, sha, LAYER
layout = Layout()
tar = Tar().file("name", b"x" * 100000)
blob = tar.tar if hasattr(tar, "tar") else tar.bytes()
one = layout.blob(blob, LAYER)
other = layout.blob(blob, "application/vnd.docker.image.rootfs.diff.tar")
image = layout.manifest(layout.config([sha(blob)] * 2), [one, other])
layout.tag("app", image)
layout.tag("docker", {**image, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"})
# The layer is also an entry with another media type.
layout.tag("file", {**one, "mediaType": "application/x-own"})
layout.write(sys.argv[2])
PYTHON
bytes=$(find "$TMP/twice/blobs" -type f -printf '%s\n' | awk '{sum += $1} END {print sum}')
layer=$(find "$TMP/twice/blobs" -type f -size +90k -printf '%s\n')
same "copy counts a blob with two media types once" "3 $bytes 0" "$(layoutfs copy --json --no-progress "$TMP/twice" "$TMP/once" 2>/dev/null | jq -r '"\(.copied.blobs) \(.copied.bytes) \(.reused.blobs)"')"
same "copy counts an existing blob with two media types once" "0 3 $bytes" "$(layoutfs copy --json --no-progress "$TMP/twice" "$TMP/once" 2>/dev/null | jq -r '"\(.copied.blobs) \(.reused.blobs) \(.reused.bytes)"')"
same "fsck counts a blob with two media types once" "3 $bytes 1" "$(layoutfs fsck --json --no-progress "$TMP/twice" | jq -r '"\(.blobs) \(.bytes) \(.documents)"')"
same "inspect counts a layer with two media types once" "$layer" "$(layoutfs inspect --json "$TMP/twice:app" | jq .size)"
check "image tag names the image with a repeated layer" "$LAYOUTFS" image tag "$TMP/twice:app" twice
same "image size counts a blob with two media types once" "$bytes" "$(layoutfs image size --json twice | jq .size)"
same "gc counts a blob with two media types once" 3 "$(layoutfs gc --dry-run --grace 0 --json "$TMP/twice" | jq .reachable)"
