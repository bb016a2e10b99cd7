#!/usr/bin/env bash
# A table of common mistakes. Each gives its exit code, one line that names the mistake, and a hint if the user can act
# on it.
. "$(dirname "$0")/lib.sh"
need jq python3 tar gzip
make_layouts sample single ambiguous broken-images
mkdir "$TMP/w" && cd "$TMP/w" || exit 1
mv "$TMP/layouts/sample" img
mv "$TMP/layouts/single" one
mv "$TMP/layouts/ambiguous" twins
mv "$TMP/layouts/broken-images" broken
digest=$(jq -r '.manifests[0].digest' img/index.json)
other=sha256:$(printf '%064d' 7)
# Inputs that are not layouts.
mkdir dir empty above layouts
printf 'Directory Transport Version: 1.1\n' >dir/version
echo '{}' >dir/manifest.json
mkdir old && echo '[]' >old/manifest.json && echo '{}' >old/repositories && tar -C old -cf old.tar manifest.json repositories
tar -C one -cf one.tar . && gzip -k one.tar
cp -r one above/image
cp -r one layouts/a && cp -r one layouts/b
echo text >file
ln -s nowhere dangling

rows=0
# row CODE MESSAGE HINT ARGUMENT...: MESSAGE and HINT are patterns of bash without "layoutfs: " and "hint: ". HINT is -
# if there is none.
row() {
  local code=$1 message=$2 hint=$3 got first second lines
  shift 3
  rows=$((rows + 1))
  layoutfs "$@" >"$TMP/stdout" 2>"$TMP/stderr" </dev/null
  got=$?
  first=$(sed -n 1p "$TMP/stderr") second=$(sed -n 2p "$TMP/stderr") lines=$(wc -l <"$TMP/stderr")
  [ "$hint" = - ] && hint="" || hint="hint: $hint"
  if [ $got != "$code" ] || [[ $first != "layoutfs: "$message ]] || [[ $second != $hint ]] || [ "$lines" -gt 2 ] || [ -s "$TMP/stdout" ]; then
    not_ok "layoutfs $*" "expected: $code layoutfs: $message" "          $hint" "got:      $got $(cat "$TMP/stderr" "$TMP/stdout")"
  else
    ok "layoutfs $* ($first${second:+; $second})"
  fi
}

echo "-- commands"
row 2 "unknown command 'mnt'; did you mean 'mount'?" - mnt img m
row 2 "unknown command 'moutn'; did you mean 'mount'?" - moutn img m
row 2 "unknown command 'unmount'; did you mean 'umount'?" - unmount m
row 2 "unknown command 'images'; did you mean 'image ls'?" - images
row 2 "unknown command 'cp'; did you mean 'copy'?" - cp img other
row 2 "unknown command 'list'; did you mean 'ls'?" - list img
row 2 "unknown command 'insp'; did you mean 'inspect'?" - insp img
row 2 "unknown command 'show'; did you mean 'inspect'?" - show img
row 2 "unknown command 'prune'; did you mean 'gc'?" - prune img
row 2 "unknown command 'run'; did you mean 'chroot'?" - run img:app:1.0 sh
row 2 "unknown command 'create'; did you mean 'init'?" - create new
row 2 "unknown command 'version'; did you mean '--version'?" - version
row 2 "unknown command 'rm'" "remove names with 'image rm', references with 'ref rm', blobs with 'blob rm', *" rm img:app:1.0
row 2 "unknown command 'fnd'; did you mean 'find'?" - fnd img:app:1.0
row 2 "unknown command 'login'" "layoutfs uses the credentials of podman and docker: podman login REGISTRY" login registry.test
row 2 "unknown command 'frobnicate'" "list the commands with: layoutfs help" frobnicate
row 2 "unknown command 'frobnicate'" "list the commands with: layoutfs help" help frobnicate
row 2 "blob: unknown command 'lst'; did you mean 'ls'?" - blob lst img
row 2 "blob: unknown command 'cat'; did you mean 'get'?" - blob cat img "$digest"
row 2 "blob: unknown command 'frobnicate'" "list the commands with: layoutfs help blob" blob frobnicate
row 2 "ref: unknown command 'add'; did you mean 'put'?" - ref add img new "$digest"
row 2 "image: unknown command 'remove'; did you mean 'rm'?" - image remove app
row 2 "index: unknown command 'create'; did you mean 'build'?" - index create img
row 2 "tag: unknown command 'img:app:1.0'" "name an image with: layoutfs image tag *" tag img:app:1.0 img:new
row 2 "tag: unknown command 'ls'" "list the tags of a repository with: layoutfs tags *" tag ls layouts a

echo "-- options"
row 2 "unknown option '--versoin'; did you mean '--version'?" - --versoin
row 2 "mount: unknown option '--foregroud'; did you mean '--foreground'?" - mount --foregroud
row 2 "mount: unknown option '--allow_other'" "mount options follow -o, as in: -o allow_other" mount --allow_other img m
row 2 "mount: unknown option '-t'" "list the options with: layoutfs help mount" mount -t layoutfs img m
row 2 "mount: unknown option '--read-only'; did you mean '-o ro'?" - mount --read-only img m
row 2 "unknown mount option 'allow_othr'; did you mean 'allow_other'?" - mount -o allow_othr img m
row 2 "unknown mount option 'repos'; did you mean 'repositories'?" - mount -o repos img m
row 2 "mount option cache_size: size 'lots': expected a number of bytes, or one with K, M, G or T" - mount -o cache_size=lots img m
row 2 "ls: unknown option '--jsn'; did you mean '--json'?" - ls --jsn
row 2 "ls: unknown option '-json'; did you mean '--json'?" - ls -json img
row 2 "ls: unknown option '-1'" "list the options with: layoutfs help ls" ls -1 img
row 2 "ls: option '--json' takes no value" - ls --json=yes img
row 2 "ls: option '--ref' needs a value: REF" - ls img --ref
row 2 "ls: option '--ref' needs a value that is not empty" - ls --layout img --ref ""
row 2 "ls: option '--ref' is given more than once" - ls --layout img --ref a --ref b
row 2 "push: '--tag' needs '--manifest'" - push layouts a --tag 1.0 file
row 2 "blob get: '--range' and '--offset' cannot be combined" - blob get img "$digest" --range 0-1 --offset 1
row 2 "umount: '--all' and MOUNTPOINT cannot be combined" - umount -a m
row 2 "gc: unknown option '--dryrun'; did you mean '--dry-run'?" - gc --dryrun img
row 2 "fsck: unknown option '--fix'" "list the options with: layoutfs help fsck" fsck --fix img

echo "-- values of options"
row 2 "gc: --grace: duration 'yesterday': expected seconds, or a number with s, m, h or d" - gc --grace yesterday img
row 2 "fsck: --threads 0: *" - fsck --threads 0 img
row 2 "fsck: --threads many: *" - fsck --threads many img
row 2 "*verify=maybe: expected on or off" - mount --verify maybe img m
row 2 "*log_format=xml: expected text or json" - mount --log-format xml img m
row 2 "blob put: --algorithm md5: expected sha256 or sha512" - blob put --algorithm md5 img file
row 2 "blob get: --range 4-2: expected FIRST-LAST, FIRST- or -LENGTH, in bytes" - blob get --range 4-2 img "$digest"
row 2 "repos: --limit few: expected a plain number" - repos --limit few layouts
row 2 "ref put: --media-type 'manifest': expected TYPE/SUBTYPE, as in *" - ref put --media-type manifest img new "$digest"
row 2 "ref put: --artifact-type 'a b/c': expected TYPE/SUBTYPE, as in *" - ref put --artifact-type "a b/c" img new "$digest"
row 2 "ref put: --annotation owner: expected KEY=VALUE" - ref put --annotation owner img new "$digest"
row 2 "*platform 'linux//'*" - ls --platform linux// img:multi

echo "-- operands"
row 2 "mount: missing operand LAYOUT\[:REF|@DIGEST\] MOUNTPOINT" "print the usage with: layoutfs help mount" mount
row 2 "mount: missing operand MOUNTPOINT" "print the usage with: layoutfs help mount" mount img
row 2 "mount: unexpected operand: n" - mount img m n
row 2 "umount: missing operand MOUNTPOINT" "print the usage with: layoutfs help umount" umount
row 2 "ls: missing operand LAYOUT*" "print the usage with: layoutfs help ls" ls
row 2 "cat: missing operand PATH" "print the usage with: layoutfs help cat" cat img:app:1.0
row 125 "chroot: missing operand LAYOUT*" "print the usage with: layoutfs help chroot" chroot
row 2 "inspect: unexpected operand: one" "usage: layoutfs inspect *" inspect img one
row 2 "copy: missing operand DST" "usage: layoutfs copy \[OPTIONS\] SRC DST" copy img
row 2 "blob put: missing operand LAYOUT" "usage: layoutfs blob put \[OPTIONS\] LAYOUT \[FILE...\]" blob put
row 2 "ref put: missing operand DIGEST" "print the usage with: layoutfs help ref put" ref put img new
row 2 "tags: missing operand REPOSITORY" "usage: layoutfs tags *" tags layouts
row 2 "img:app:1.0: expected a layout, not a reference" "use img" fsck img:app:1.0
row 2 "ls: option '--layout' needs a value that is not empty" - ls --layout ""

echo "-- inputs that are not layouts"
row 4 "dir: not an image layout * but a directory of skopeo's dir: transport" "convert it with: skopeo copy dir:dir oci:DIR:TAG" ls dir
row 4 "old.tar: not an image layout * but a docker archive (docker save before 25, podman save)" "convert it with: skopeo copy docker-archive:old.tar oci:DIR:TAG" ls old.tar
row 6 "one.tar.gz: compressed with gzip, which cannot be read in place" "decompress it with: gzip -dc one.tar.gz >FILE" ls one.tar.gz
row 4 "above: not an image layout * but a directory with a layout in image/" "use above/image" inspect above
row 4 "layouts: not an image layout * but a directory of layouts (a/, b/)" "use one of them, or all with: layoutfs mount --repositories layouts *" ls layouts
row 4 "file: neither a directory nor a tar archive" - ls file
row 4 "img/index.json: *but a file of a layout" "use its directory: img" ls img/index.json
row 2 "docker://alpine: the name has no registry" "write docker://docker.io/library/alpine:latest" ls docker://alpine
row 2 "docker://team/app:1: the name has no registry" "write docker://docker.io/team/app:1" copy docker://team/app:1 new
row 2 "docker://registry.test/app:1@$digest: it has a tag and a digest" "leave out the tag: *" mount "docker://registry.test/app:1@$digest" m
row 2 "docker://registry.test/App: *" - inspect docker://registry.test/App
row 2 "docker://registry.test/app:1: has a reference already, as --ref 2 is given" - ls --ref 2 docker://registry.test/app:1 /
row 1 "registry.test: unknown host" - ls docker://registry.test/app
row 2 "docker://team: expected docker://HOST, with a port or a dot in HOST" - tags docker://team app
row 2 "ls: --tls-verify no: expected true or false" - ls --tls-verify no docker://registry.test/app
row 6 "docker://registry.test/app: not an image layout but an image in a registry" "copy it to a layout with: layoutfs copy docker://registry.test/app DIR" fsck docker://registry.test/app
row 6 "containers-storage:app: *" "convert it with: skopeo copy containers-storage:app oci:DIR:TAG" mount containers-storage:app m
row 4 "old.tar: not an image layout *" "convert it with: skopeo copy docker-archive:old.tar oci:DIR:TAG" inspect docker-archive:old.tar
row 3 "alpine: no such layout*" "write docker://docker.io/library/alpine:latest for an image in a registry" ls alpine:latest
row 3 "quay.io/team/app: no such layout*" "write docker://quay.io/team/app:1 for an image in a registry" ls quay.io/team/app:1
row 3 "imh: no such layout*" "did you mean img?" ls imh:app:1.0
row 3 "tw: no such layout*" "did you mean twins?" ls tw
row 3 "*/nothing/x: no such layout*" - ls "$PWD/nothing/x"
row 4 "empty: not an image layout (no oci-layout file)" - ls empty

echo "-- references, digests and platforms"
row 3 "img: no image named 'ap'; available: *app:1.0, *" - ls img:ap /
row 3 "img: no image named 'app:1.1'; available: app:1.0, *" - inspect img:app:1.1
row 5 "twins: *twin*" - inspect twins:twin
row 5 "img: the layout has 2 images; choose one of: multi, @3" - cat --layout img etc/name
row 2 "no reference after 'img:'" - ls img:
row 3 "img: no entry @9; the layout has 4 entries, starting at @0" - ls img:@9 /
row 2 "'sha256:0123' after '@' is not a digest" - inspect img@sha256:0123
row 3 "img: $other: *" - inspect "img@$other"
row 3 "img: 'app:1.0' is $digest, not $other" - cat "img:app:1.0@$other" etc/name
row 3 "img: no image named '7777777'; *" - ls img@7777777
row 3 "img: 7777777: no such digest in the layout" - blob get img 7777777
row 2 "img: invalid digest '777777'" - blob get img 777777
row 2 "img: '$digest': expected a name, not a digest" - copy one "img@$digest"
row 9 "img: '1.0' is app:1.0, another image" "replace it by its whole name, or choose another name" copy img:multi img:1.0
row 3 "img: no repository 'ap'" "references without a repository, such as 'multi', need --default-repository" tags img ap
row 3 "img: $other: no such blob" - blob get img "$other"
row 3 "img: *linux/riscv64*" - ls --platform linux/riscv64 img:multi /
row 2 "img:app:1.0: has a reference already, as --ref multi is given" - ls --ref multi img:app:1.0 /
row 3 "*etc/nothing*" - cat img:app:1.0 etc/nothing
row 7 "*" - ls broken:truncated-gzip /
row 9 "img: reference 'multi' already exists with another target" "replace it with --replace" ref put img multi "$digest"
row 2 "*invalid reference name 'no blanks'*" - ref put img "no blanks" "$digest"
row 3 "no image name matches 'ba\*'" "list all names with: layoutfs image ls" image ls 'ba*'
row 2 "img:new: img is a layout already" "add an image to it with: layoutfs copy SRC img:new" init img:new
row 9 "one: already exists" - init one

echo "-- mount points and places"
row 8 "mount point file: Not a directory" - mount one file
row 8 "mount point dangling: No such file or directory" - mount one dangling
row 8 "mount point no/such/parent: No such file or directory" "create the directory no/such first" mount one no/such/parent
row 8 "mount point one/blobs: inside the layout one" - mount one one/blobs
row 3 "empty: not a mount point of layoutfs" "list the mount points with: layoutfs mounts" umount empty
row 3 "missing: not a mount point of layoutfs" "list the mount points with: *" umount missing
row 6 "docker-daemon:app:1: copy writes image layouts, OCI archives and registries only" "copy to a layout first, then use: skopeo copy oci:LAYOUT:REF docker-daemon:app:1" copy one docker-daemon:app:1
row 6 "registry.test/team/app:1.0: the name of an image in a registry" "write docker://registry.test/team/app:1.0" copy one registry.test/team/app:1.0
row 2 "docker://registry.test/app@$digest: *" - copy one "docker://registry.test/app@$digest"
row 2 "mount option net_timeout: duration 'soon': expected seconds*" - mount -o net_timeout=soon one m
row 2 "mount option net=maybe: expected fail or wait" - mount -o net=maybe one m
row 6 "new.tar.gz: archives are written uncompressed*" "use a name that ends in .tar" copy one new.tar.gz
row 2 "one.tar: existing archives cannot be changed" "copy to a new archive, as in: oci-archive:FILE" copy img one.tar
row 9 "/sys/new*" - copy one /sys/new
row 9 "one.tar: existing archives cannot be changed*" - blob put one.tar file
row 9 "/proc/out*" - blob get -o /proc/out img "$digest"
row 3 "nothing: *" - blob put one nothing
same "commands with mistakes create nothing" "" "$(ls -d m n new new.tar.gz registry.test 2>/dev/null)"
same "at least 100 mistakes are tested" 1 "$((rows >= 100))"

echo "-- the same commands without mistakes"
check "copy to DST.tar creates an archive" sh -c "'$LAYOUTFS' copy one new.tar 2>&1 | grep -q '^created archive new.tar: copied [0-9]* blobs ('"
check "ls reads the archive that copy created" "$LAYOUTFS" ls new.tar
check "copy prints the layout that it created" sh -c "'$LAYOUTFS' copy one ./x 2>&1 | grep -q '^created layout ./x: copied [0-9]* blobs ('"
check "copy prints the number of existing blobs" sh -c "'$LAYOUTFS' copy one ./x 2>&1 | grep -Eq '^copied 0 blobs \(0 B\) to ./x; [0-9]+ blobs \(.*\) were already there'"
layoutfs image tag img:app:1.0 prod/app && layoutfs image tag img:app:1.0 base
prints "image ls accepts a pattern" base image ls 'ba*'
prints "image ls accepts several names and patterns" $'base\nprod/app' image ls 'prod*' base
same "ls -lh prints sizes with units" "70.0 kB" "$(layoutfs ls -lh img:app:1.0 bin | sed -n 's/.* \([0-9.]* kB\) .*tool$/\1/p')"
prints "ls -a prints the same as ls" "$(layoutfs ls img:app:1.0 etc)" ls -a img:app:1.0 etc
same "ls -h without operands prints the help" "$(layoutfs help ls)" "$(layoutfs ls -h)"
