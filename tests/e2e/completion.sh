#!/usr/bin/env bash
# The words that the program offers to the completion of shells.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample single
L=$TMP/layouts/sample

# told WORD...: its answer, without the descriptions.
told() { layoutfs __complete "$@" 2>&1 | cut -f1; }
# tells SENTENCE ANSWER WORD...
tells() {
  local sentence=$1 expected=$2
  shift 2
  same "$sentence" "$expected" "$(told "$@")"
}
words() { printf '%s\n' words "$@"; }
subcommands() { commands_of "$@" | sort; }

same "every command that --help lists" "$(subcommands)" "$(told "" | sed 1d)"
same "with what it does" "$(layoutfs umount --help | sed -n '/^$/{n;s/[.]$//p;q}')" "$(layoutfs __complete umo | sed -n '2s/^umount\t//p')"
commands=()
for command in $(subcommands); do
  below=$(subcommands "$command")
  # Those of help are all commands.
  [ "$command" = help ] || same "every command of $command" "$below" "$(told "$command" "" | sed '1d; /^@\|\//d')"
  if [ -z "$below" ]; then commands+=("$command"); else for each in $below; do commands+=("$command $each"); done; fi
done
same "there are commands to compare" 1 "$((${#commands[@]} > 15))"
for command in "${commands[@]}"; do
  same "every option of $command" "$(layoutfs $command --help | grep -oE '^  -[^ ]*(, -[^ ]*)*' | tr -s ' ,' '\n' | sed '/^$/d' | sort)" \
    "$(told $command - | sed 1d)"
  same "what the options of $command take has a name" "" "$(layoutfs $command --help | grep -E '^  -.* TEXT')"
done
tells "commands for help" "$(words umount)" help umo
tells "those of a group" "$(words get)" help blob g
tells "none below a command" words help mount ""
check "--help does not mention it" sh -c "! '$LAYOUTFS' --help | grep -q __complete"

tells "fixed values" "$(words sha256 sha512)" blob put --algorithm ""
tells "those behind =" "$(words --log-format=json --log-format=text)" mount --log-format=
tells "mount options" "$(words uid= user users)" mount -o u
tells "in a list" "$(words ro,cache_dir= ro,cache_disk= ro,cache_size=)" mount -o ro,ca
tells "behind -o without a blank" "$(words -oro,nofail)" mount -oro,nof
tells "their values" "$(words verify=off verify=on)" mount -o verify=
tells "files for a layout" files gc "${L:0:-2}"
tells "files for an image" files inspect "${L:0:-2}"
same "files behind an option" "$(printf 'files\t--layout=')" "$(layoutfs __complete ls --layout=/tm)"
same "directories behind a mount option" "$(printf 'directories\tro,cache_dir=')" "$(layoutfs __complete mount -o ro,cache_dir=/v)"
tells "directories to mount on" directories mount "$L:multi" ""
tells "directories to mount on with --layout" directories mount --layout "$L" ""
tells "an image to extract" "$(words "$L:multi")" extract "$L:mu"
tells "nothing more to mount" words mount "$L:multi" "$TMP" ""
tells "references" "$(words "$L:@3" "$L:app:1.0" "$L:multi" "$L:team/project/app")" ls "$L:"
tells "references that begin so" "$(words "$L:team/project/app")" cat "$L:te"
tells "references to run a command in" "$(words "$L:multi")" chroot "$L:mu"
tells "references behind the slash of a directory" "$(words "$L/:@3" "$L/:app:1.0" "$L/:multi" "$L/:team/project/app")" \
  mount "$L/"
digest=$(jq -r '.manifests[0].digest' "$L/index.json")
tells "entries by digest" "$(words "$L@$digest")" inspect "$L@${digest:0:20}"
tells "after options and their values" "$(words "$L:multi")" mount -o ro --verify off -q "$L:mu"
tells "after --, where an option is none" "$(words "$L:multi")" ls -- "$L:mu"
tells "the names of --layout" "$(words @3 app:1.0 multi team/project/app)" ls --layout "$L" --ref ""
tells "the names for ref" "$(words app:1.0 multi team/project/app)" ref get "$L" ""
tells "more of them for ref rm" "$(words multi)" ref rm "$L" app:1.0 m
same "every blob" "$(layoutfs blob ls "$L" | sort)" "$(told blob rm "$L" "" | sed 1d)"
tells "directories for a store" directories tags ""
tells "repositories" "$(words app team/project/app)" tags "$L" ""
tells "those of references without one too, where they are said" "$(words app lib team/project/app)" \
  pull --default-repository lib "$L" ""
tells "repositories that begin so" "$(words team/project/app)" repos "$L" --after te
tells "tags" "$(words 1.0)" pull "$L" app ""
tells "tags to be removed" "$(words 1.0)" tag rm "$L" app ""
tells "manifests to be removed" "$(words "$digest")" manifest rm "$L" app "$digest"
tells "tags to be moved" "$(words 1.0)" push "$L" app --manifest --tag ""
tells "blobs of a repository" "$(words "$digest")" referrers "$L" app "$digest"
mkdir -p "$TMP/registry/lib/app"
cp -r "$TMP/layouts/single" "$TMP/registry/lib/single"
tells "the repositories of a directory of layouts" "$(words lib/single)" tags "$TMP/registry" ""
tells "their tags" "$(words latest)" pull "$TMP/registry" lib/single ""
tells "nothing of what is no store" words tags "$TMP/nothing" ""
tells "nothing for what only people know" words gc --grace ""
tells "nothing behind an unknown command" words no-such ""
for wrong in "$TMP/nothing:" "$TMP:" "/dev/null:" "$L:none:" "oci:" ":" "@" "$(head -c 100000 /dev/zero | tr '\0' :)"; do
  same "no reference of ${wrong:0:60}" "" "$(told ls "$wrong" | sed 1d)"
done
mkfifo "$TMP/fifo"
tells "nothing of a pipe, without waiting" files ls "$TMP/fifo:"
echo '{"broken' >"$TMP/layouts/single/index.json"
tells "nothing of a broken layout, without a word" files ls "$TMP/layouts/single:"

jq '.manifests[0].annotations["org.opencontainers.image.ref.name"] = "line\nwords\ttab\u001b[31m"' "$L/index.json" >"$TMP/index"
cp "$TMP/index" "$L/index.json"
tells "no name that would be two lines" "$(words "$L:@3" "$L:multi" "$L:team/project/app")" ls "$L:"
same "nothing is indexed for it" "" "$(find "$LAYOUTFS_CACHE_DIR" -type f 2>/dev/null)"

echo "-- what an image contains"
make_layouts sample
I=$L:app:1.0
tells "files" "$(words etc/added etc/name)" cat "$I" etc/
tells "those that begin so, from the root" "$(words /etc/name)" cat "$I" /etc/n
tells "directories, to be continued" "$(words srv/)" ls "$I" s
tells "a link to a file" "$(words bin/link)" cat "$I" bin/l
tells "a second file" "$(words etc/name)" cat "$I" etc/added etc/n
tells "no second path for ls" words ls "$I" etc ""
tells "with --layout and --ref" "$(words etc/name)" cat --layout "$L" --ref app:1.0 etc/n
tells "those of a platform" "$(words other-platform)" cat --platform linux/s390x "$L:multi" ""
tells "none of a platform that is not there" words cat --platform linux/riscv64 "$L:multi" ""
tells "directories to extract to" directories extract "$L:multi" x
tells "behind paths too" directories extract "$L:multi" etc bin x
tells "files to extract, or the directory to extract to" "$(printf 'directories\netc/\n')" extract "$I" e
tells "and a second one" "$(printf 'directories\netc/name\n')" extract "$I" srv etc/n
tells "programs" "$(words other-name tool)" chroot "$I" ""
tells "a program by its path" "$(words /bin/tool)" chroot "$I" /bin/t
tells "files for its arguments" "$(words /etc/name)" chroot "$I" tool -x /etc/n
tells "and not options of layoutfs" words chroot "$I" tool --read
tells "platforms of the image" "$(words linux/s390x)" ls "$L:multi" --platform linux/s
same "and no others" 2 "$(told ls "$L:multi" --platform "" | sed 1d | wc -l)"
tells "behind =" "$(words --platform=linux/s390x)" ls "$L:multi" --platform=linux/s
tells "for copy too" "$(words linux/s390x)" copy "$L:multi" "$TMP/other" --platform linux/s3
same "the usual ones before it is known" "linux/amd64 linux/arm64" "$(told ls --platform "" | grep -E '^linux/a[mr][a-z]*64$' | xargs)"
tells "usual ones for mount" "$(words platform=linux/riscv64)" mount -o platform=linux/ri
tells "nothing of an image that is not there" words cat "$L:none" ""
# Only small images are indexed for the tab key.
jq '.layers += [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:'"$(printf '%064d' 1)"'", "size": 68157440}]' \
  "$L/blobs/${digest/://}" >"$TMP/large"
large=$(layoutfs blob put "$L" "$TMP/large")
layoutfs ref put "$L" large "$large" --media-type application/vnd.oci.image.manifest.v1+json || not_ok "an image with a large layer"
export LAYOUTFS_CACHE_DIR=$TMP/other-cache
tells "nothing of a large image that is not indexed" words cat "$L:large" ""
same "which is not indexed for that" "" "$(find "$LAYOUTFS_CACHE_DIR" -type f 2>/dev/null)"

echo "-- kinds of layouts"
tells "prefixes" "$(printf 'files\noci-archive:\noci-repositories:\noci:\n')" copy oci
tells "those of a source in other commands" "$(printf 'files\noci-archive:\noci:\n')" inspect oci
same "files behind them" "$(printf 'files\toci-archive:')" "$(layoutfs __complete copy "$I" oci-archive:x)"
same "directories for repositories" "$(printf 'directories\toci-repositories:')" "$(layoutfs __complete copy "$I" oci-repositories:x)"
tells "a repository" "$(words "oci-repositories:$TMP/registry:lib/single")" copy "oci-repositories:$TMP/registry:l"
tells "its tags" "$(words "oci-repositories:$L:app:1.0")" copy "oci-repositories:$L:app:1"
tells "names in the destination" "$(words "$L:multi")" copy "$I" "$L:mu"

python3 - "$TMP/many" <<'PYTHON'
import json, pathlib, sys
layout = pathlib.Path(sys.argv[1])
(layout / "blobs/sha256").mkdir(parents=True)
(layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
entry = lambda i: {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:" + f"{i:064x}", "size": 2,
                   "annotations": {"org.opencontainers.image.ref.name": f"image-{i}"}}
(layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry(i) for i in range(10_000)]}))
PYTHON
same "all of ten thousand references" 10000 "$(told ls "$TMP/many:" | sed 1d | wc -l)"

if is_root && has_device /dev/fuse; then
  mount_foreground "$TMP/m" "$TMP/log" "$TMP/many"
  tells "where something is mounted" "$(words "$TMP/m")" umount "$TMP/m"
  # One that does not answer.
  kill -STOP "$pid"
  tells "which is not asked for that" "$(words "$TMP/m")" umount "$TMP/m"
  # The shell reports the signal in this way.
  { timeout --kill-after=5 "$PATIENCE" "$LAYOUTFS" __complete ls "$TMP/m/refs/image-1:" >"$TMP/stdout" 2>"$TMP/stderr"; } 2>/dev/null
  same "a file system that hangs does not hold it" "142 0" "$? $(cat "$TMP/stdout" "$TMP/stderr" | wc -c)"
  kill -CONT "$pid"
  unmount "$TMP/m"
fi
