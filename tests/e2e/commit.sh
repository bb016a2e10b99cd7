#!/usr/bin/env bash
# layoutfs commit: the new image shows the same files as the overlay, here and to umoci; the base is not read; refused
# and interrupted commits leave the layout as it was. With LAYOUTFS_TEST_FULL=1: 200 random overlays, 500 kills.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_own_mounts
need python3 jq umoci zstd
rounds=4 kills=8
if [ -n "${LAYOUTFS_TEST_FULL-}" ]; then rounds=200 kills=500; fi
seed=${LAYOUTFS_TEST_SEED:-$RANDOM}
CHANGES=$HERE/commit_changes.py
S=$TMP/img
python3 "$CHANGES" base "$S" || exit 1
mount_at "$TMP/base" "$S:base"

# on_overlay NAME [OPTIONS]: mounts an overlay of the base with the upper directory $TMP/NAME/upper on $TMP/NAME/m.
on_overlay() {
  mkdir -p "$TMP/$1"/{upper,work,m}
  # The root of the overlay has the attributes of the upper directory.
  mount -t overlay overlay -o "nodev,lowerdir=$TMP/base,upperdir=$TMP/$1/upper,workdir=$TMP/$1/work,${2-redirect_dir=off,metacopy=off,index=off}" "$TMP/$1/m"
}
# compare SENTENCE NAME REF: the image REF must have the files of the overlay NAME, in a mount and, unless its layer is in
# zstd, unpacked by umoci.
compare() {
  on_overlay "$2"
  mount_at "$TMP/new" "$S:$3"
  same_tree "a mount of $1 shows the files of the overlay" "$TMP/$2/m" "$TMP/new"
  unmount "$TMP/new"
  if [[ $3 == *zstd ]]; then umount "$TMP/$2/m" && return; fi
  check "umoci unpacks $1" umoci unpack --image "$S:$3" "$TMP/unpacked"
  same_tree "umoci unpacks the files of the overlay from $1" "$TMP/$2/m" "$TMP/unpacked/rootfs"
  rm -rf "$TMP/unpacked"
  umount "$TMP/$2/m"
}
export SOURCE_DATE_EPOCH=1700000000

echo "-- all kinds of changes"
on_overlay odd || skip "cannot mount overlayfs here"
limited python3 "$CHANGES" odd "$TMP/odd/m" || exit 1
rm "$TMP/odd/m/types/socket"
unchanged "commit refuses the upper directory of a mounted overlay" 2 commit "$TMP/odd/upper" "$S:base" odd
umount "$TMP/odd/m"
for compression in zstd gzip none; do
  check "commit --compression $compression makes an image" "$LAYOUTFS" commit --compression $compression "$TMP/odd/upper" "$S:base" $compression
  compare "the image in $compression" odd $compression
done
check "fsck finds no fault in the new images" "$LAYOUTFS" fsck "$S"
check "the indexes that commit wrote are right" "$LAYOUTFS" index verify "$S"
layer_types() { layoutfs inspect --raw "$S:$1" | jq -r '.layers[-1].mediaType'; }
same "the layers have the media types of their compression" "tar+zstd tar+gzip tar" \
  "$(for each in zstd gzip none; do layer_types $each | sed 's/.*\.v1\.//'; done | xargs)"
same "the diffID does not depend on the compression" 1 \
  "$(for each in zstd gzip none; do layoutfs inspect --config "$S:$each" | jq -r '.rootfs.diff_ids[-1]'; done | sort -u | wc -l)"

layer=$(layoutfs inspect --raw "$S:zstd" | jq -r '.layers[-1].digest | sub(":"; "/")')
same "only the file with large holes is stored as a sparse file" "GNU.sparse.name=sparser" \
  "$(zstd -qdc "$S/blobs/$layer" | grep -ao 'GNU.sparse.name=[a-z]*')"

check "commit --squash makes an image" "$LAYOUTFS" commit --squash --compression gzip "$TMP/odd/upper" "$S:base" squashed
compare "the squashed image" odd squashed
same "the squashed image has one layer, and a history of one layer" "1 1 1" \
  "$(layoutfs inspect --raw "$S:squashed" | jq '.layers | length') $(layoutfs inspect --config "$S:squashed" | jq -r '"\(.rootfs.diff_ids | length) \([.history[] | select(.empty_layer | not)] | length)"')"
same "a squashed image in zstd has the same diffID" "$(layoutfs inspect --config "$S:squashed" | jq -r '.rootfs.diff_ids[0]')" \
  "$(layoutfs commit --squash "$TMP/odd/upper" "$S:base" squashed-zstd >"$TMP/out" && layoutfs inspect --config "$S:squashed-zstd" | jq -r '.rootfs.diff_ids[0]')"
check "the indexes of the squashed images are right" "$LAYOUTFS" index verify "$S"

echo "-- the documents"
config=$(layoutfs inspect --config "$S:zstd")
same "the config keeps unknown members" '{"Env":["PATH=/bin"],"X-Own":{"b":1}}' "$(jq -c .config <<<"$config")"
same "the config has a history entry and the time of SOURCE_DATE_EPOCH" '["2023-11-14T22:13:20Z",["one","two","layoutfs commit"],3]' \
  "$(jq -c '[.created, [.history[].created_by], (.rootfs.diff_ids | length)]' <<<"$config")"
base_config=$(layoutfs inspect --config "$S:base")
same "the members of the config keep their order" "$(jq -r 'keys_unsorted[]' <<<"$base_config" | xargs)" \
  "$(jq -r 'keys_unsorted[]' <<<"$config" | grep -v '^created$' | xargs)"
layoutfs commit --author me --message why --created 2026-11-30T00:00:00+01:00 --annotation a=b --env NEW=1 --label l=v --cmd '["x"]' \
  "$TMP/odd/upper" "$S:base" options >/dev/null
same "commit sets author, comment, time, annotation and configuration" '["me","2026-11-30T00:00:00+01:00","why",["PATH=/bin","NEW=1"],{"l":"v"},["x"]]' \
  "$(layoutfs inspect --config "$S:options" | jq -c '[.author, .created, .history[-1].comment, .config.Env, .config.Labels, .config.Cmd]')"
same "commit sets the annotation of the manifest" b "$(layoutfs inspect --raw "$S:options" | jq -r .annotations.a)"
if has skopeo; then
  check "skopeo copies the image" skopeo copy -q "oci:$S:zstd" "oci:$TMP/copied:zstd"
  same "the copy of skopeo has the same digest" "$(layoutfs ref get "$S" zstd | jq -r .digest)" "$(layoutfs ref get "$TMP/copied" zstd | jq -r .digest)"
fi

echo "-- equal changes give equal digests"
digest=$(layoutfs ref get "$S" zstd | jq -r .digest)
prints "commit prints the digest of the image" "$digest" commit "$TMP/odd/upper" "$S:base" again
prints "commit gives the same digest when it is repeated" "$digest" commit --force "$TMP/odd/upper" "$S:base" again
if has taskset; then
  same "a process with one core gives the same digest" "$digest" "$(limited taskset -c 0 "$LAYOUTFS" commit --force "$TMP/odd/upper" "$S:base" again)"
fi
mkdir "$TMP/copy" && mount -t tmpfs -o size=128m tmpfs "$TMP/copy" && cp -a "$TMP/odd/upper" "$TMP/copy"
prints "a copy of the directory on another file system gives the same digest" "$digest" commit --force "$TMP/copy/upper" "$S:base" again
umount "$TMP/copy"

echo "-- the base is not read"
cp -a "$S" "$TMP/without"
for layer in $(layoutfs inspect --raw "$S:base" | jq -r '.layers[].digest'); do rm "$TMP/without/blobs/${layer/://}"; done
layoutfs ref rm "$TMP/without" again
prints "commit needs no layer of the base" "$digest" commit "$TMP/odd/upper" "$TMP/without:base" again
if has strace; then
  limited strace -f -e trace=open,openat,openat2 -o "$TMP/trace" "$LAYOUTFS" commit --force "$TMP/odd/upper" "$S:base" again >/dev/null
  layers=$(layoutfs inspect --raw "$S:base" | jq -r '.layers[].digest[7:]' | paste -sd'|')
  same "commit opens no layer of the base" "" "$(grep -E "$layers" "$TMP/trace")"
fi

echo "-- an image in Docker's format"
manifest=$(layoutfs inspect --raw "$S:base" | jq -c '.mediaType = "application/vnd.docker.distribution.manifest.v2+json" |
  .config.mediaType = "application/vnd.docker.container.image.v1+json" | .layers[].mediaType = "application/vnd.docker.image.rootfs.diff.tar.gzip"' |
  tee "$TMP/docker.json" | layoutfs blob put "$S" -)
layoutfs ref put "$S" docker "$manifest" || exit 1
check "commit accepts an image in Docker's format" "$LAYOUTFS" commit "$TMP/odd/upper" "$S:docker" docker-new
same "the new layer is in gzip, with Docker's media type" "$(jq -r '.layers[0].mediaType' "$TMP/docker.json")" "$(layer_types docker-new)"
same "the config keeps Docker's media type" "$(jq -r .config.mediaType "$TMP/docker.json")" "$(layoutfs inspect --raw "$S:docker-new" | jq -r .config.mediaType)"
unchanged "commit refuses a layer in zstd for Docker's format" 6 commit --compression zstd "$TMP/odd/upper" "$S:docker" x

echo "-- refusals"
unchanged "commit refuses an existing reference" 9 commit "$TMP/odd/upper" "$S:base" zstd
unchanged "commit refuses an unknown base" 3 commit "$TMP/odd/upper" "$S:unknown" x
unchanged "commit refuses a directory that does not exist" 3 commit "$TMP/none" "$S:base" x
unchanged "commit refuses an unknown compression" 2 commit --compression lz4 "$TMP/odd/upper" "$S:base" x
unchanged "commit refuses a time that it cannot read" 2 commit --created yesterday "$TMP/odd/upper" "$S:base" x
unchanged "commit refuses a name that is not one of a reference" 2 commit "$TMP/odd/upper" "$S:base" "a b"
unchanged "commit refuses to run without a reference" 2 commit "$TMP/odd/upper" "$S:base"
mkdir "$TMP/empty"
unchanged "commit refuses a directory without changes" 2 commit "$TMP/empty" "$S:base" x
SOURCE_DATE_EPOCH=soon unchanged "commit refuses an invalid SOURCE_DATE_EPOCH" 2 commit "$TMP/odd/upper" "$S:base" x
mkdir "$TMP/named" && touch "$TMP/named/.wh.x"
unchanged "commit refuses a file with the name of a whiteout" 6 commit "$TMP/named" "$S:base" x
if on_overlay redirect redirect_dir=on; then
  mv "$TMP/redirect/m/untouched" "$TMP/redirect/m/renamed"
  umount "$TMP/redirect/m"
  unchanged "commit refuses a redirect" 6 commit "$TMP/redirect/upper" "$S:base" x
  check "the hint names the option that avoids redirects" grep -q "redirect_dir=off" "$TMP/stderr"
fi
if on_overlay metacopy metacopy=on; then
  chmod 600 "$TMP/metacopy/m/large"
  umount "$TMP/metacopy/m"
  unchanged "commit refuses metadata without content" 6 commit "$TMP/metacopy/upper" "$S:base" x
  check "the hint names the option that avoids it" grep -q "metacopy=off" "$TMP/stderr"
fi
mkdir -p "$TMP/links"/{lower,upper,work,m} && echo x >"$TMP/links/lower/a" && ln "$TMP/links/lower/a" "$TMP/links/lower/b"
if mount -t overlay overlay -o "lowerdir=$TMP/links/lower,upperdir=$TMP/links/upper,workdir=$TMP/links/work,index=on" "$TMP/links/m" 2>"$TMP/stderr"; then
  echo changed >"$TMP/links/m/a"
  umount "$TMP/links/m"
  if [ -n "$(getfattr -d -m trusted.overlay.nlink "$TMP/links/upper/a" 2>/dev/null)" ]; then
    unchanged "commit refuses a file with a second name that only the overlay shows" 6 commit "$TMP/links/upper" "$S:base" x
  fi
fi
(cd "$TMP/odd" && mount -t overlay overlay -o "lowerdir=$TMP/base,upperdir=upper,workdir=work" m)
unchanged "commit refuses the upper directory of an overlay with relative paths" 2 commit "$TMP/odd/upper" "$S:base" x
umount "$TMP/odd/m"
mkdir "$TMP/small" && mount -t tmpfs -o size=6m,mode=755 tmpfs "$TMP/small"
python3 "$CHANGES" base "$TMP/small/img"
mkdir "$TMP/much" && python3 "$CHANGES" noise "$TMP/much/files" 10 1000000
S=$TMP/small/img unchanged "commit on a full disk changes nothing" 9 commit "$TMP/much/files" "$TMP/small/img:base" x
umount "$TMP/small"

echo "-- changes of chroot"
need_layout
C=$TMP/commands
layoutfs copy -q --platform "linux/$(host_architecture)" "$LAYOUT:busybox:1.35.0" "$C:one" >/dev/null || exit 1
kept="$TMP/kept"
check "chroot --upper keeps a change" "$LAYOUTFS" chroot --upper "$kept" "$C:one" sh -c 'echo one >/etc/new && rm /etc/passwd'
check "commit accepts the directory of chroot" "$LAYOUTFS" commit "$kept" "$C:one" two
prints "the new image has the change" one cat "$C:two" etc/new
refused "the new image lacks the removed file" 3 cat "$C:two" etc/passwd
same "the new image has no other changes" "etc etc/new" "$(find "$kept/upper" -mindepth 1 ! -type c -printf '%P\n' | sort | xargs)"
check "commit accepts the upper directory below the directory of chroot" "$LAYOUTFS" commit --force "$kept/upper" "$C:one" two
S=$C
unchanged "commit refuses changes of another image" 2 commit "$kept" "$C:two" x
unchanged "commit refuses the upper directory of changes of another image" 2 commit "$kept/upper" "$C:two" x
mkfifo "$TMP/go"
"$LAYOUTFS" chroot --upper "$kept" "$C:one" sh -c 'echo >/started; read -r line' <"$TMP/go" 2>/dev/null &
pid=$! && pids+=("$pid")
exec 9>"$TMP/go"
wait_for test -e "$kept/upper/started"
unchanged "commit refuses a directory that chroot uses" 2 commit "$kept" "$C:one" x
exec 9>&-
wait "$pid"
check "commit accepts the directory when the command has ended" "$LAYOUTFS" commit "$kept" "$C:one" x
export TMPDIR=$TMP/temporary && mkdir "$TMPDIR"
check "chroot --commit makes an image" "$LAYOUTFS" chroot --commit three "$C:two" sh -c 'echo three >/etc/new'
prints "the image of chroot --commit has the change" three cat "$C:three" etc/new
same "the history of the image of chroot --commit has the command" "sh -c echo three >/etc/new" "$(layoutfs inspect --config "$C:three" | jq -r '.history[-1].created_by')"
unchanged "chroot --commit refuses an existing reference" 125 chroot --commit three "$C:two" true
layoutfs chroot --commit four "$C:two" sh -c 'echo >/x; exit 7' 2>"$TMP/stderr"
same "a command that fails is not committed" "7 3" "$? $(layoutfs ref get "$C" four >"$TMP/out" 2>&1; echo $?)"
check "chroot --commit accepts a command without changes" "$LAYOUTFS" chroot --commit same "$C:two" true
same "the image of a command without changes has the same layers" "$(layoutfs inspect --raw "$C:two" | jq -c .layers)" "$(layoutfs inspect --raw "$C:same" | jq -c .layers)"
check "chroot --upper --commit commits the changes of several runs" "$LAYOUTFS" chroot --upper "$kept" --commit more -f "$C:one" sh -c 'echo more >/etc/more'
same "the image has the changes of both runs" "more one" "$(layoutfs cat "$C:more" etc/more etc/new | xargs)"
same "chroot --commit leaves no directory" "" "$(ls "$TMPDIR")"
unset TMPDIR
check "the layout is intact" "$LAYOUTFS" fsck "$C"
prepare_nobody
cp -a "$C" "$TMP/home/img" && chown -R nobody "$TMP/home/img"
if as_nobody "$TMP/bin/layoutfs" chroot --upper kept img:one sh -c 'rm -r /var && mkdir /var && echo x >/var/set && chmod 4755 /var/set && rm /etc/passwd' 2>"$TMP/stderr"; then
  same "an ordinary user commits changes" 0 "$(as_nobody "$TMP/bin/layoutfs" commit kept img:one own >"$TMP/out" 2>&1; echo $?)"
  same "files of an ordinary user belong to root in the image" "-rwsr-xr-x 1 0 0 2" "$(layoutfs ls -l "$TMP/home/img:own" var | awk '{print $1, $2, $3, $4, $5}')"
  refused "a file that an ordinary user removed is gone" 3 cat "$TMP/home/img:own" etc/passwd
  mkdir "$TMP/home/other" && touch "$TMP/home/other/file"
  same "an ordinary user cannot commit a directory of root" 2 "$(as_nobody "$TMP/bin/layoutfs" commit other img:one refused >"$TMP/out" 2>&1; echo $?)"
fi
S=$TMP/img

echo "-- random overlays, seed $seed"
for ((round = 0; round < rounds; ++round)); do
  name=random$round
  on_overlay $name
  limited python3 "$CHANGES" random "$TMP/$name/m" $((seed + round)) 2>"$TMP/stderr" || not_ok "the changes of seed $((seed + round)) are made" "$(tail -n 5 "$TMP/stderr")"
  umount "$TMP/$name/m"
  check "the overlay of seed $((seed + round)) makes an image" "$LAYOUTFS" commit --force "$TMP/$name/upper" "$S:base" random-zstd
  check "the overlay of seed $((seed + round)) makes an image without compression" "$LAYOUTFS" commit --force --compression none "$TMP/$name/upper" "$S:base" random
  compare "the image of seed $((seed + round)) in zstd" $name random-zstd
  compare "the image of seed $((seed + round))" $name random
  rm -rf "${TMP:?}/$name"
done

echo "-- kills"
before=$(layoutfs ref ls "$S")
old=$(layoutfs ref get "$S" zstd | jq -r .digest)
done_rounds=0
for ((round = 0; round < kills; ++round)); do
  "$LAYOUTFS" commit --force --created $round "$TMP/much/files" "$S:base" killed >/dev/null 2>&1 &
  sleep "0.$(printf %03d $((RANDOM % 80)))"
  kill -9 $! 2>/dev/null
  wait $! 2>/dev/null && done_rounds=$((done_rounds + 1))
  if layoutfs ref get "$S" killed >"$TMP/out" 2>/dev/null; then
    layoutfs cat "$S:killed" 00/00000 | cmp -s - "$TMP/much/files/00/00000" || not_ok "after kill -9 in round $round, the new image is complete"
    layoutfs ref rm "$S" killed
  fi
  layoutfs fsck -q "$S" >"$TMP/out" 2>&1 || not_ok "after kill -9 in round $round, the layout is intact" "$(cat "$TMP/out")"
done
ok "$kills commits were killed, $done_rounds ended before"
same "the other references are as before" "$before" "$(layoutfs ref ls "$S")"
same "the other images are as before" "$old" "$(layoutfs ref get "$S" zstd | jq -r .digest)"
unmount "$TMP/base"
