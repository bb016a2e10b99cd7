#!/usr/bin/env bash
# Images by name: the commands on the store of names, that other commands take a name for an image, and gc keeps it.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need jq python3 findmnt
make_layouts sample single
L=$TMP/layouts/sample
S=$LAYOUTFS_STORE
digest() { jq -r ".manifests[$1].digest" "$L/index.json"; }

echo "-- image tag"
prints "image ls of no store is empty" "" image ls
check "and makes none" test ! -e "$S"
unchanged_store() {
  local before after
  before=$(state_of "$S")
  refused "$@"
  after=$(state_of "$S")
  same "$1: nothing changes" "$before" "$after"
}
prints "tag says nothing" "" image tag "$L:app:1.0" app --label tier=base --label "a b=c=d"
prints "tag of an index" "" image tag "$L:multi" docker.io/library/multi:1
prints "tag by digest, and of an entry without a name" "" image tag "$L@$(digest 3)" nameless
prints "image ls lists names in their order" $'app\ndocker.io/library/multi:1\nnameless' image ls
same "-l shows digests and layouts" "$(printf '%s app %s' "$(digest 0)" "$(realpath "$L")")" \
  "$(layoutfs image ls -l --filter name==app | sed 's/ 20[0-9-]* [0-9:]* / /')"
layoutfs image ls --json >"$TMP/out"
check "--json has a version and all of each image" jq -e --arg layout "$(realpath "$L")" --arg digest "$(digest 0)" '.version == 1 and
  (.images | length) == 3 and (.images[0] | .name == "app" and .target.digest == $digest and .createdAt == .updatedAt and
  .labels == {"a b": "c=d", "layoutfs.layout": $layout, "tier": "base"} and .target.size > 0)' "$TMP/out"
same "which is what the file has" "$(jq -S .images "$TMP/out")" "$(jq -S .images "$S/default.json")"
unchanged_store "a name that is taken" 9 image tag "$L:multi" app
unchanged_store "an image that is not there" 3 image tag "$L:none" none
unchanged_store "a layout that is not there" 3 image tag "$TMP/none:app" none
unchanged_store "a label without a value" 2 image tag "$L:multi" none --label tier
unchanged_store "the label of the layout" 2 image tag "$L:multi" none --label layoutfs.layout=/
unchanged_store "an empty name" 2 image tag "$L:multi" ""
unchanged_store "a name with a control character" 2 image tag "$L:multi" $'a\nb'
unchanged_store "a namespace that is none" 2 image tag "$L:multi" none --namespace ../x
mkdir "$TMP/layouts/gone"
cp -a "$L/." "$TMP/layouts/gone"
rm "$TMP/layouts/gone/blobs/$(digest 0 | tr : /)"
unchanged_store "an image whose manifest is not there" 3 image tag "$TMP/layouts/gone:app:1.0" none
prints "tag of another name, in another namespace" "" image tag app app:copy --namespace k8s.io
prints "which is apart" "app:copy" image ls --namespace k8s.io
same "by the variable, too" "app:copy" "$(LAYOUTFS_NAMESPACE=k8s.io layoutfs image ls)"
same "and has the same target" "$(digest 0)" "$(jq -r '.images[0].target.digest' "$S/k8s.io.json")"
prints "another store" "" image ls --store "$TMP/elsewhere"
created=$(jq -r '.images[2].createdAt' "$S/default.json")
prints "--force moves a name" "" image tag "$L:multi" nameless --force --label new=1
same "which was created when it was" "$created $(digest 1) 1" \
  "$(jq -r '.images[2] | .createdAt + " " + .target.digest + " " + .labels.new' "$S/default.json")"

echo "-- image ls PATTERN"
prints "a pattern" "app" image ls 'ap*'
prints "one of a name with slashes" "docker.io/library/multi:1" image ls '*/multi:?'
prints "several" $'app\nnameless' image ls nameless 'a[a-z]*'
refused "a pattern that nothing matches" 3 image ls 'ba*'

echo "-- image ls --filter"
prints "by a label" "app" image ls --filter labels.tier==base
prints "by a quoted label" "app" image ls --filter 'labels."a b"==c=d'
prints "several are alternatives" $'app\nnameless' image ls --filter labels.tier==base --filter labels.new
prints "selectors with commas are not" "" image ls --filter labels.tier==base,labels.new
prints "by a pattern" "docker.io/library/multi:1" image ls --filter 'name~=/^docker[.]io\//'
prints "by what is not" $'docker.io/library/multi:1\nnameless' image ls --filter 'labels.tier!=base'
prints "by type" $'docker.io/library/multi:1\nnameless' image ls --filter 'target.mediatype~=index'
refused "a filter that is none" 2 image ls --filter name=app
check "says where" grep -q 'parse error: \[name >|=|< app\]: unsupported operator "="' "$TMP/stderr"
refused "a pattern that is none" 2 image ls --filter 'name~=['

echo "-- image label, size, rm"
prints "labels are set and removed" "" image label app tier=top "a b-" new=x old=
same "as said" '{"new":"x","tier":"top"}' "$(jq -c '.images[0].labels | del(."layoutfs.layout")' "$S/default.json")"
check "and that is later" jq -e '.images[0] | .updatedAt > .createdAt' "$S/default.json"
unchanged_store "no such image" 3 image label none a=b
unchanged_store "what is no label" 2 image label app tier
unchanged_store "a label without a key" 2 image label app =x
unchanged_store "a label that is too long" 2 image label app "k=$(head -c 4096 /dev/zero | tr '\0' v)"
manifest=$L/blobs/$(digest 0 | tr : /)
size=$(($(stat -c %s "$manifest") + $(jq '[.config.size, .layers[].size] | add' "$manifest")))
same "size is that of manifest, config and layers" "$size" "$(layoutfs image size app --json | jq 'select(.version == 1 and .name == "app").size')"
check "for people, too" sh -c "'$LAYOUTFS' image size app | grep -Eq '^[0-9.]+ [kMG]?B\$'"
check "of an index, too" sh -c "'$LAYOUTFS' image size nameless | grep -Eq '^[0-9.]+ [kMG]?B\$'"
refused "size of no image" 3 image size none

echo "-- names where images are read"
prints "ls of a name" "$(layoutfs ls "$L:app:1.0")" ls app
prints "ls of a path in it" $'added\nname' ls app etc
prints "cat" "$(layoutfs cat "$L:app:1.0" etc/name)" cat app etc/name
prints "inspect" "$(layoutfs inspect "$L:app:1.0")" inspect app
prints "a name with slashes and a colon" "$(layoutfs ls "$L:multi")" ls docker.io/library/multi:1
prints "of another platform" "other-platform" ls --platform linux/s390x docker.io/library/multi:1
check "index build" "$LAYOUTFS" index build app
refused "a name and --ref" 2 ls --ref multi app
refused "what changes a layout takes no name" 3 gc app
refused "what is neither" 3 ls none:1
check "says that both were looked for" grep -qF "none: no such layout, and no image of that name in $S" "$TMP/stderr"
LAYOUTFS_STORE=$TMP/nowhere refused "what is neither, without a store" 3 ls none:1
check "says nothing of a store" sh -c "! grep -q 'no image of that name' '$TMP/stderr'"
(cd "$TMP/layouts" && layoutfs image tag "$L:app:1.0" single)
same "a path goes before a name" "$(layoutfs ls "$TMP/layouts/single" /)" "$(cd "$TMP/layouts" && layoutfs ls single /)"
same "which is a name elsewhere" "$(layoutfs ls "$L:app:1.0" etc)" "$(cd / && layoutfs ls single etc)"
mkdir "$TMP/layouts/app"
cd "$TMP/layouts" || exit 1
refused "whatever is there by the path" 4 ls app
cd / || exit 1
cp -a "$L" "$TMP/moved"
layoutfs image tag "$TMP/moved:app:1.0" moved
mv "$TMP/moved" "$TMP/moved again"
refused "a layout that has moved" 3 ls moved
check "is named" grep -qF "$TMP/moved" "$TMP/stderr"
layoutfs image label moved layoutfs.layout="$TMP/moved again"
prints "and found again by its label" $'added\nname' ls moved etc
layoutfs image label moved layoutfs.layout-
refused "an image that is of no layout" 3 ls moved
printf '{' >"$S/broken.json"
LAYOUTFS_NAMESPACE=broken refused "a store that is broken" 4 ls none
LAYOUTFS_NAMESPACE=broken refused "a store that is broken stays so" 4 image tag "$L:multi" new
same "to the byte" "{" "$(cat "$S/broken.json")"

echo "-- completion"
told() { layoutfs __complete "$@" 2>&1 | cut -f1; }
same "names for rm" $'words\napp\ndocker.io/library/multi:1\nmoved\nnameless\nsingle' "$(told image rm "")"
same "of another namespace" $'words\napp:copy' "$(told image size --namespace k8s.io "")"
same "of another store" words "$(told image size --store "$TMP/elsewhere" "")"
same "names beside files" $'files\napp' "$(told ls ap)"
same "names with a colon" $'files\ndocker.io/library/multi:1' "$(told mount docker.io/library/multi:)"

echo "-- gc"
cp -a "$L" "$TMP/kept"
G=$TMP/kept
layoutfs image tag "$G:app:1.0" kept
orphan=$(printf orphan | layoutfs blob put "$G")
for name in app:1.0 multi team/project/app; do layoutfs ref rm "$G" "$name"; done
refused "gc where the names cannot be read removes nothing" 4 gc "$G" --grace 0
rm "$S/broken.json"
layoutfs gc "$G" --grace 0 >"$TMP/removed" 2>"$TMP/stderr"
same "gc ends well" 0 $?
check "it removes what nothing leads to" grep -qx "$orphan" "$TMP/removed"
prints "and keeps what a name stands for" $'added\nname' ls kept etc
check "with all its blobs" sh -c "'$LAYOUTFS' cat kept etc/name bin/tool >/dev/null && '$LAYOUTFS' image size kept"
layoutfs image tag kept other --namespace k8s.io
layoutfs image rm kept
layoutfs gc "$G" --grace 0 >"$TMP/removed" 2>/dev/null
same "a name in another namespace will do" "0 0" "$? $(wc -l <"$TMP/removed")"
layoutfs gc "$G" --store "$TMP/elsewhere" --grace 0 --dry-run >"$TMP/removed" 2>/dev/null
check "a store that does not know it would not" grep -qx "$(digest 0)" "$TMP/removed"
ln -s "$G" "$TMP/link"
layoutfs image label other --namespace k8s.io "layoutfs.layout=$TMP/link"
layoutfs gc "$G" --grace 0 >"$TMP/removed" 2>/dev/null
same "nor does another way to the layout matter" "0 0" "$? $(wc -l <"$TMP/removed")"
layoutfs image label other --namespace k8s.io "layoutfs.layout=$L"
layoutfs gc "$G" --grace 0 >"$TMP/removed" 2>/dev/null
check "an image of another layout keeps nothing" grep -qx "$(digest 0)" "$TMP/removed"

echo "-- image rm"
prints "names are removed" "" image rm app single
unchanged_store "a name that is not there" 3 image rm app
prints "with -f it is no error" "" image rm -f app
refused "the others are removed all the same" 3 image rm app nameless
prints "only names" $'docker.io/library/multi:1\nmoved' image ls
check "the layout is as it was" "$LAYOUTFS" fsck "$L"

echo "-- mount"
mount_at "$TMP/mnt" docker.io/library/multi:1
same "a name is mounted as its image" "$(layoutfs ls "$L:multi")" "$(ls "$TMP/mnt")"
same "and is the source" docker.io/library/multi:1 "$(findmnt -no SOURCE "$TMP/mnt")"
unmount "$TMP/mnt"
