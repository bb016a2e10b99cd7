#!/usr/bin/env bash
# The words that the program offers for completion in shells.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample single
L=$TMP/layouts/sample

# told WORD...: prints the answer without the descriptions.
told() { layoutfs __complete "$@" 2>&1 | cut -f1; }
# tells SENTENCE ANSWER WORD...: the program must offer ANSWER.
tells() {
  local sentence=$1 expected=$2
  shift 2
  same "$sentence" "$expected" "$(told "$@")"
}
words() { printf '%s\n' words "$@"; }
subcommands() { commands_of "$@" | sort; }

same "an empty word completes to every command that --help lists" "$(subcommands)" "$(told "" | sed 1d)"
same "the completion of a command has its description" "$(layoutfs umount --help | sed -n '/^$/{n;s/[.]$//p;q}')" "$(layoutfs __complete umo | sed -n '2s/^umount\t//p')"
commands=()
for command in $(subcommands); do
  below=$(subcommands "$command")
  # `help` completes to every command.
  [ "$command" = help ] || same "$command completes to every command of the group" "$below" "$(told "$command" "" | sed '1d; /^@\|\//d')"
  if [ -z "$below" ]; then commands+=("$command"); else for each in $below; do commands+=("$command $each"); done; fi
done
same "more than 15 commands are compared" 1 "$((${#commands[@]} > 15))"
for command in "${commands[@]}"; do
  same "$command - completes to every option of the command" "$(layoutfs $command --help | grep -oE '^  -[^ ]*(, -[^ ]*)*' | tr -s ' ,' '\n' | sed '/^$/d' | sort)" \
    "$(told $command - | sed 1d)"
  same "each option value of $command has a kind" "" "$(layoutfs $command --help | grep -E '^  -.* TEXT')"
done
tells "help completes commands" "$(words umount)" help umo
tells "help completes commands of a group" "$(words get)" help blob g
tells "help completes nothing after a command" words help mount ""
check "--help does not list __complete" sh -c "! '$LAYOUTFS' --help | grep -q __complete"

tells "an option completes its fixed values" "$(words sha256 sha512)" blob put --algorithm ""
tells "an option completes its fixed values after =" "$(words --log-format=json --log-format=text)" mount --log-format=
tells "-o completes mount options" "$(words uid= user users)" mount -o u
tells "-o completes mount options after a comma" "$(words ro,cache_dir= ro,cache_disk= ro,cache_remote= ro,cache_size=)" mount -o ro,ca
tells "-o completes mount options without a blank" "$(words -oro,nofail)" mount -oro,nof
tells "-o completes the values of mount options" "$(words verify=off verify=on)" mount -o verify=
tells "-o completes the views" "$(words view=containerd view=containers-storage)" mount -o view=
tells "gc completes files as layouts" files gc "${L:0:-2}"
tells "inspect completes files as layouts" files inspect "${L:0:-2}"
same "--layout= completes files" "$(printf 'files\t--layout=')" "$(layoutfs __complete ls --layout=/tm)"
same "-o cache_dir= completes directories" "$(printf 'directories\tro,cache_dir=')" "$(layoutfs __complete mount -o ro,cache_dir=/v)"
tells "mount completes directories as mount points" directories mount "$L:multi" ""
tells "mount --layout completes directories as mount points" directories mount --layout "$L" ""
tells "extract completes images" "$(words "$L:multi")" extract "$L:mu"
tells "mount completes nothing after the mount point" words mount "$L:multi" "$TMP" ""
tells "ls completes references" "$(words "$L:@3" "$L:app:1.0" "$L:multi" "$L:team/project/app")" ls "$L:"
tells "cat completes references with a prefix" "$(words "$L:team/project/app")" cat "$L:te"
tells "chroot completes references" "$(words "$L:multi")" chroot "$L:mu"
tells "mount completes references after the slash of a directory" "$(words "$L/:@3" "$L/:app:1.0" "$L/:multi" "$L/:team/project/app")" \
  mount "$L/"
digest=$(jq -r '.manifests[0].digest' "$L/index.json")
tells "inspect completes digests of entries" "$(words "$L@$digest")" inspect "$L@${digest:0:20}"
tells "mount completes references after options and their values" "$(words "$L:multi")" mount -o ro --verify off -q "$L:mu"
tells "ls completes references after --" "$(words "$L:multi")" ls -- "$L:mu"
tells "--ref completes references of --layout" "$(words @3 app:1.0 multi team/project/app)" ls --layout "$L" --ref ""
tells "ref get completes references" "$(words app:1.0 multi team/project/app)" ref get "$L" ""
tells "ref rm completes further references" "$(words multi)" ref rm "$L" app:1.0 m
same "blob rm completes every blob" "$(layoutfs blob ls "$L" | sort)" "$(told blob rm "$L" "" | sed 1d)"
tells "tags completes directories as stores" directories tags ""
tells "tags completes repositories" "$(words app team/project/app)" tags "$L" ""
tells "pull completes the repository of --default-repository too" "$(words app lib team/project/app)" \
  pull --default-repository lib "$L" ""
tells "--after completes repositories with a prefix" "$(words team/project/app)" repos "$L" --after te
tells "pull completes tags" "$(words 1.0)" pull "$L" app ""
tells "tag rm completes tags" "$(words 1.0)" tag rm "$L" app ""
tells "manifest rm completes digests" "$(words "$digest")" manifest rm "$L" app "$digest"
tells "push --tag completes tags" "$(words 1.0)" push "$L" app --manifest --tag ""
tells "referrers completes digests of a repository" "$(words "$digest")" referrers "$L" app "$digest"
mkdir -p "$TMP/registry/lib/app"
cp -r "$TMP/layouts/single" "$TMP/registry/lib/single"
tells "tags completes repositories of a directory of layouts" "$(words lib/single)" tags "$TMP/registry" ""
tells "pull completes tags of a directory of layouts" "$(words latest)" pull "$TMP/registry" lib/single ""
tells "tags completes nothing for a store that does not exist" words tags "$TMP/nothing" ""
tells "--grace completes nothing" words gc --grace ""
tells "an unknown command completes nothing" words no-such ""
for wrong in "$TMP/nothing:" "$TMP:" "/dev/null:" "$L:none:" "oci:" ":" "@" "$(head -c 100000 /dev/zero | tr '\0' :)"; do
  same "ls completes no reference of ${wrong:0:60}" "" "$(told ls "$wrong" | sed 1d)"
done
mkfifo "$TMP/fifo"
tells "ls completes nothing for a pipe, without waiting for it" files ls "$TMP/fifo:"
echo '{"broken' >"$TMP/layouts/single/index.json"
tells "ls completes nothing for a broken layout, without an error" files ls "$TMP/layouts/single:"

jq '.manifests[0].annotations["org.opencontainers.image.ref.name"] = "line\nwords\ttab\u001b[31m"' "$L/index.json" >"$TMP/index"
cp "$TMP/index" "$L/index.json"
tells "ls completes no reference that contains a line break" "$(words "$L:@3" "$L:multi" "$L:team/project/app")" ls "$L:"
same "completion builds no index" "" "$(find "$LAYOUTFS_CACHE_DIR" -type f 2>/dev/null)"

echo "-- the content of an image"
make_layouts sample
I=$L:app:1.0
tells "cat completes files of the image" "$(words etc/added etc/name)" cat "$I" etc/
tells "cat completes absolute paths of the image" "$(words /etc/name)" cat "$I" /etc/n
tells "ls completes directories of the image with a slash" "$(words srv/)" ls "$I" s
tells "cat completes a symlink to a file" "$(words bin/link)" cat "$I" bin/l
tells "cat completes a second file" "$(words etc/name)" cat "$I" etc/added etc/n
tells "ls completes nothing after its path" words ls "$I" etc ""
tells "cat completes files of the image of --layout and --ref" "$(words etc/name)" cat --layout "$L" --ref app:1.0 etc/n
tells "cat completes files of the image of --platform" "$(words other-platform)" cat --platform linux/s390x "$L:multi" ""
tells "cat completes nothing for a platform that the image does not have" words cat --platform linux/riscv64 "$L:multi" ""
tells "extract completes directories after the image" directories extract "$L:multi" x
tells "extract completes directories after paths" directories extract "$L:multi" etc bin x
tells "extract completes paths of the image and directories" "$(printf 'directories\netc/\n')" extract "$I" e
tells "extract completes a second path of the image" "$(printf 'directories\netc/name\n')" extract "$I" srv etc/n
tells "du completes paths of the image" "$(words etc/)" du "$I" e
tells "find completes paths of the image" "$(words etc/)" find "$I" bin e
tells "grep completes references after the pattern" "$(words "$L:multi")" grep pattern "$L:mu"
tells "grep completes paths of the image after the pattern" "$(words etc/name)" grep pattern "$I" bin etc/n
tells "grep -e completes references without an operand for the pattern" "$(words "$L:multi")" grep -e pattern "$L:mu"
tells "grep -e completes paths of the image" "$(words etc/name)" grep -e pattern "$I" etc/n
tells "chroot completes programs of the image" "$(words other-name tool)" chroot "$I" ""
tells "chroot completes a program by its path" "$(words /bin/tool)" chroot "$I" /bin/t
tells "chroot completes files of the image as arguments of the program" "$(words /etc/name)" chroot "$I" tool -x /etc/n
tells "chroot completes no options after the program" words chroot "$I" tool --read
tells "--platform completes platforms of the image" "$(words linux/s390x)" ls "$L:multi" --platform linux/s
same "--platform completes only platforms of the image" 2 "$(told ls "$L:multi" --platform "" | sed 1d | wc -l)"
tells "--platform= completes platforms of the image" "$(words --platform=linux/s390x)" ls "$L:multi" --platform=linux/s
tells "copy --platform completes platforms of the image" "$(words linux/s390x)" copy "$L:multi" "$TMP/other" --platform linux/s3
same "--platform completes common platforms if the image is unknown" "linux/amd64 linux/arm64" "$(told ls --platform "" | grep -E '^linux/a[mr][a-z]*64$' | xargs)"
tells "-o platform= completes common platforms" "$(words platform=linux/riscv64)" mount -o platform=linux/ri
tells "cat completes nothing for an unknown image" words cat "$L:none" ""
# Only small images are indexed for the tab key.
jq '.layers += [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:'"$(printf '%064d' 1)"'", "size": 68157440}]' \
  "$L/blobs/${digest/://}" >"$TMP/large"
large=$(layoutfs blob put "$L" "$TMP/large")
layoutfs ref put "$L" large "$large" --media-type application/vnd.oci.image.manifest.v1+json || not_ok "the test adds an image with a large layer"
export LAYOUTFS_CACHE_DIR=$TMP/other-cache
tells "cat completes nothing for a large image without an index" words cat "$L:large" ""
same "completion does not index a large image" "" "$(find "$LAYOUTFS_CACHE_DIR" -type f 2>/dev/null)"

echo "-- registries"
# Prints its port, then a line for each connection.
python3 -c 'import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connections = []
while True:
    connections.append(server.accept())
    print("connected", flush=True)' >"$TMP/listener" &
pids+=($!)
wait_for test -s "$TMP/listener"
R=docker://127.0.0.1:$(head -n 1 "$TMP/listener")
tells "tags completes no repository of a registry" words tags "$R" ""
tells "tag rm completes no tag of a registry" words tag rm "$R" app ""
tells "pull completes no digest of a registry" words pull "$R" app sha256:
tells "ls completes no reference of a registry" words ls "$R/app:"
tells "cat completes no path of an image in a registry" words cat "$R/app:1" e
tells "chroot completes no program of an image in a registry" words chroot "$R/app:1" ""
tells "ls completes no reference of a registry as --ref" words ls --layout "$R/app" --ref ""
tells "--platform completes common platforms for an image in a registry" "$(words linux/s390x)" ls "$R/app:1" --platform linux/s
tells "copy completes no tag of a registry as its destination" words copy "$I" "$R/app:"
same "completion makes no connection to a registry" 1 "$(wc -l <"$TMP/listener")"
# Nobody answers.
"$LAYOUTFS" tags "$R" app 2>"$TMP/stderr" &
pids+=($!)
wait_for grep -q connected "$TMP/listener" && ok "tags itself makes a connection" || not_ok "tags itself makes a connection"
kill $!

echo "-- kinds of layouts"
tells "ls completes the prefix of images in registries" "$(printf 'files\ndocker://\n')" ls dock
tells "tags completes the prefix of registries" "$(printf 'directories\ndocker://\n')" tags dock
tells "fsck does not complete the prefix of registries, which it cannot check" files fsck dock
tells "--tls-verify completes its values" "$(words false true)" ls --tls-verify ""
tells "--authfile completes files" files ls --authfile a
tells "-o net= completes its values" "$(words net=fail net=wait)" mount -o net=
tells "copy completes prefixes of layouts" "$(printf 'files\noci-archive:\noci-repositories:\noci:\n')" copy oci
tells "inspect completes prefixes of layouts" "$(printf 'files\noci-archive:\noci:\n')" inspect oci
same "copy completes files after oci-archive:" "$(printf 'files\toci-archive:')" "$(layoutfs __complete copy "$I" oci-archive:x)"
same "copy completes directories after oci-repositories:" "$(printf 'directories\toci-repositories:')" "$(layoutfs __complete copy "$I" oci-repositories:x)"
tells "copy completes repositories after oci-repositories:" "$(words "oci-repositories:$TMP/registry:lib/single")" copy "oci-repositories:$TMP/registry:l"
tells "copy completes tags after oci-repositories:" "$(words "oci-repositories:$L:app:1.0")" copy "oci-repositories:$L:app:1"
tells "copy completes references of the destination" "$(words "$L:multi")" copy "$I" "$L:mu"

python3 - "$TMP/many" <<'PYTHON'
import json, pathlib, sys
layout = pathlib.Path(sys.argv[1])
(layout / "blobs/sha256").mkdir(parents=True)
(layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
entry = lambda i: {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:" + f"{i:064x}", "size": 2,
                   "annotations": {"org.opencontainers.image.ref.name": f"image-{i}"}}
(layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry(i) for i in range(10_000)]}))
PYTHON
same "ls completes all of ten thousand references" 10000 "$(told ls "$TMP/many:" | sed 1d | wc -l)"

if is_root && has_device /dev/fuse; then
  mount_foreground "$TMP/m" "$TMP/log" "$TMP/many"
  tells "umount completes mount points" "$(words "$TMP/m")" umount "$TMP/m"
  # The server stops answering.
  kill -STOP "$pid"
  tells "umount completes the mount point of a file system that does not answer" "$(words "$TMP/m")" umount "$TMP/m"
  # The shell prints the signal in this form.
  { timeout --kill-after=5 "$PATIENCE" "$LAYOUTFS" __complete ls "$TMP/m/refs/image-1:" >"$TMP/stdout" 2>"$TMP/stderr"; } 2>/dev/null
  same "completion ends if a file system does not answer" "142 0" "$? $(cat "$TMP/stdout" "$TMP/stderr" | wc -c)"
  kill -CONT "$pid"
  unmount "$TMP/m"
fi
