#!/usr/bin/env bash
# Names of images: the commands on the store of names, names as operands of other commands, and gc, which keeps named
# images.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need jq python3 findmnt
make_layouts sample single
L=$TMP/layouts/sample
S=$LAYOUTFS_STORE
digest() { jq -r ".manifests[$1].digest" "$L/index.json"; }

echo "-- image tag"
prints "image ls of a missing store prints nothing" "" image ls
check "image ls creates no store" test ! -e "$S"
unchanged_store() {
  local before after
  before=$(state_of "$S")
  refused "$@"
  after=$(state_of "$S")
  same "$1, and changes nothing" "$before" "$after"
}
prints "image tag names an image and prints nothing" "" image tag "$L:app:1.0" app --label tier=base --label "a b=c=d"
prints "image tag names an index" "" image tag "$L:multi" docker.io/library/multi:1
prints "image tag names an entry without a name, by digest" "" image tag "$L@$(digest 3)" nameless
prints "image ls lists names in order" $'app\ndocker.io/library/multi:1\nnameless' image ls
same "image ls -l prints digests and layouts" "$(printf '%s app %s' "$(digest 0)" "$(realpath "$L")")" \
  "$(layoutfs image ls -l --filter name==app | sed 's/ 20[0-9-]* [0-9:]* / /')"
layoutfs image ls --json >"$TMP/out"
check "image ls --json has a version and all facts of each image" jq -e --arg layout "$(realpath "$L")" --arg digest "$(digest 0)" '.version == 1 and
  (.images | length) == 3 and (.images[0] | .name == "app" and .target.digest == $digest and .createdAt == .updatedAt and
  .labels == {"a b": "c=d", "layoutfs.layout": $layout, "tier": "base"} and .target.size > 0)' "$TMP/out"
same "image ls --json prints the content of the store's file" "$(jq -S .images "$TMP/out")" "$(jq -S .images "$S/default.json")"
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
prints "image tag copies a name to another namespace" "" image tag app app:copy --namespace k8s.io
prints "image ls lists only names of the namespace" "app:copy" image ls --namespace k8s.io
same "LAYOUTFS_NAMESPACE selects the namespace" "app:copy" "$(LAYOUTFS_NAMESPACE=k8s.io layoutfs image ls)"
same "a name copied to another namespace has the same target" "$(digest 0)" "$(jq -r '.images[0].target.digest' "$S/k8s.io.json")"
prints "image ls of another store prints nothing" "" image ls --store "$TMP/elsewhere"
created=$(jq -r '.images[2].createdAt' "$S/default.json")
prints "image tag --force replaces a name" "" image tag "$L:multi" nameless --force --label new=1
same "a replaced name keeps its time of creation" "$created $(digest 1) 1" \
  "$(jq -r '.images[2] | .createdAt + " " + .target.digest + " " + .labels.new' "$S/default.json")"

echo "-- image ls PATTERN"
prints "image ls accepts a pattern" "app" image ls 'ap*'
prints "image ls accepts a pattern for a name with slashes" "docker.io/library/multi:1" image ls '*/multi:?'
prints "image ls accepts several names and patterns" $'app\nnameless' image ls nameless 'a[a-z]*'
refused "image ls refuses a pattern without a match" 3 image ls 'ba*'

echo "-- image ls --filter"
prints "image ls filters by a label" "app" image ls --filter labels.tier==base
prints "image ls filters by a quoted label" "app" image ls --filter 'labels."a b"==c=d'
prints "image ls lists images that match one of several filters" $'app\nnameless' image ls --filter labels.tier==base --filter labels.new
prints "image ls lists images that match all selectors of a filter" "" image ls --filter labels.tier==base,labels.new
prints "image ls filters by a pattern" "docker.io/library/multi:1" image ls --filter 'name~=/^docker[.]io\//'
prints "image ls filters by a label that differs" $'docker.io/library/multi:1\nnameless' image ls --filter 'labels.tier!=base'
prints "image ls filters by media type" $'docker.io/library/multi:1\nnameless' image ls --filter 'target.mediatype~=index'
refused "image ls refuses an invalid filter" 2 image ls --filter name=app
check "the error for an invalid filter shows the position" grep -q 'parse error: \[name >|=|< app\]: unsupported operator "="' "$TMP/stderr"
refused "image ls refuses an invalid pattern" 2 image ls --filter 'name~=['

echo "-- image label, size, rm"
prints "image label sets and removes labels" "" image label app tier=top "a b-" new=x old=
same "the store has the changed labels" '{"new":"x","tier":"top"}' "$(jq -c '.images[0].labels | del(."layoutfs.layout")' "$S/default.json")"
check "image label changes the time of the update" jq -e '.images[0] | .updatedAt > .createdAt' "$S/default.json"
unchanged_store "no such image" 3 image label none a=b
unchanged_store "what is no label" 2 image label app tier
unchanged_store "a label without a key" 2 image label app =x
unchanged_store "a label that is too long" 2 image label app "k=$(head -c 4096 /dev/zero | tr '\0' v)"
manifest=$L/blobs/$(digest 0 | tr : /)
size=$(($(stat -c %s "$manifest") + $(jq '[.config.size, .layers[].size] | add' "$manifest")))
same "image size --json prints the size of manifest, config and layers" "$size" "$(layoutfs image size app --json | jq 'select(.version == 1 and .name == "app").size')"
check "image size prints a size for people" sh -c "'$LAYOUTFS' image size app | grep -Eq '^[0-9.]+ [kMG]?B\$'"
check "image size prints the size of an index" sh -c "'$LAYOUTFS' image size nameless | grep -Eq '^[0-9.]+ [kMG]?B\$'"
refused "image size refuses an unknown name" 3 image size none

echo "-- names as operands"
prints "ls accepts a name" "$(layoutfs ls "$L:app:1.0")" ls app
prints "ls lists a directory of a named image" $'added\nname' ls app etc
prints "cat accepts a name" "$(layoutfs cat "$L:app:1.0" etc/name)" cat app etc/name
prints "inspect accepts a name" "$(layoutfs inspect "$L:app:1.0")" inspect app
prints "ls accepts a name with slashes and a colon" "$(layoutfs ls "$L:multi")" ls docker.io/library/multi:1
prints "ls --platform accepts a name" "other-platform" ls --platform linux/s390x docker.io/library/multi:1
check "index build accepts a name" "$LAYOUTFS" index build app
refused "ls refuses a name with --ref" 2 ls --ref multi app
refused "gc refuses a name, as it changes a layout" 3 gc app
refused "ls refuses an operand that is neither a path nor a name" 3 ls none:1
check "the error says that neither a layout nor a name exists" grep -qF "none: no such layout, and no image of that name in $S" "$TMP/stderr"
LAYOUTFS_STORE=$TMP/nowhere refused "ls refuses an unknown operand without a store" 3 ls none:1
check "the error without a store does not mention names" sh -c "! grep -q 'no image of that name' '$TMP/stderr'"
(cd "$TMP/layouts" && layoutfs image tag "$L:app:1.0" single)
same "an existing path takes precedence over a name" "$(layoutfs ls "$TMP/layouts/single" /)" "$(cd "$TMP/layouts" && layoutfs ls single /)"
same "the same name is found from another directory" "$(layoutfs ls "$L:app:1.0" etc)" "$(cd / && layoutfs ls single etc)"
mkdir "$TMP/layouts/app"
cd "$TMP/layouts" || exit 1
refused "an existing path that is not a layout takes precedence over a name" 4 ls app
cd / || exit 1
cp -a "$L" "$TMP/moved"
layoutfs image tag "$TMP/moved:app:1.0" moved
mv "$TMP/moved" "$TMP/moved again"
refused "ls refuses a name if its layout was moved" 3 ls moved
check "the error for a moved layout has its old path" grep -qF "$TMP/moved" "$TMP/stderr"
layoutfs image label moved layoutfs.layout="$TMP/moved again"
prints "ls finds a moved layout after image label" $'added\nname' ls moved etc
layoutfs image label moved layoutfs.layout-
refused "ls refuses a name without a layout" 3 ls moved
printf '{' >"$S/broken.json"
LAYOUTFS_NAMESPACE=broken refused "ls refuses a broken store" 4 ls none
LAYOUTFS_NAMESPACE=broken refused "image tag refuses a broken store" 4 image tag "$L:multi" new
same "a refused image tag leaves the broken store unchanged" "{" "$(cat "$S/broken.json")"

echo "-- completion"
told() { layoutfs __complete "$@" 2>&1 | cut -f1; }
same "image rm completes names" $'words\napp\ndocker.io/library/multi:1\nmoved\nnameless\nsingle' "$(told image rm "")"
same "image size completes names of another namespace" $'words\napp:copy' "$(told image size --namespace k8s.io "")"
same "image size completes names of another store" words "$(told image size --store "$TMP/elsewhere" "")"
same "ls completes names beside files" $'files\napp' "$(told ls ap)"
same "mount completes a name with a colon" $'files\ndocker.io/library/multi:1' "$(told mount docker.io/library/multi:)"

echo "-- gc"
cp -a "$L" "$TMP/kept"
G=$TMP/kept
layoutfs image tag "$G:app:1.0" kept
orphan=$(printf orphan | layoutfs blob put "$G")
for name in app:1.0 multi team/project/app; do layoutfs ref rm "$G" "$name"; done
refused "gc removes nothing if the names cannot be read" 4 gc "$G" --grace 0
rm "$S/broken.json"
layoutfs gc "$G" --grace 0 >"$TMP/removed" 2>"$TMP/stderr"
same "gc with a store succeeds" 0 $?
check "gc removes a blob that nothing refers to" grep -qx "$orphan" "$TMP/removed"
prints "gc keeps the image of a name" $'added\nname' ls kept etc
check "gc keeps all blobs of the image of a name" sh -c "'$LAYOUTFS' cat kept etc/name bin/tool >/dev/null && '$LAYOUTFS' image size kept"
layoutfs image tag kept other --namespace k8s.io
layoutfs image rm kept
layoutfs gc "$G" --grace 0 >"$TMP/removed" 2>/dev/null
same "gc keeps the image of a name in another namespace" "0 0" "$? $(wc -l <"$TMP/removed")"
layoutfs gc "$G" --store "$TMP/elsewhere" --grace 0 --dry-run >"$TMP/removed" 2>/dev/null
check "gc with another store does not keep the image" grep -qx "$(digest 0)" "$TMP/removed"
ln -s "$G" "$TMP/link"
layoutfs image label other --namespace k8s.io "layoutfs.layout=$TMP/link"
layoutfs gc "$G" --grace 0 >"$TMP/removed" 2>/dev/null
same "gc keeps the image of a name that has another path to the layout" "0 0" "$? $(wc -l <"$TMP/removed")"
layoutfs image label other --namespace k8s.io "layoutfs.layout=$L"
layoutfs gc "$G" --grace 0 >"$TMP/removed" 2>/dev/null
check "gc does not keep an image for a name in another layout" grep -qx "$(digest 0)" "$TMP/removed"

echo "-- image rm"
prints "image rm removes names" "" image rm app single
unchanged_store "a name that is not there" 3 image rm app
prints "image rm -f ignores a missing name" "" image rm -f app
refused "image rm removes the other names after a missing one" 3 image rm app nameless
prints "image rm removes only the given names" $'docker.io/library/multi:1\nmoved' image ls
check "image rm leaves the layout unchanged" "$LAYOUTFS" fsck "$L"

echo "-- mount"
mount_at "$TMP/mnt" docker.io/library/multi:1
same "mount accepts a name" "$(layoutfs ls "$L:multi")" "$(ls "$TMP/mnt")"
same "the name is the source of the mount" layoutfs:docker.io/library/multi:1 "$(findmnt -no SOURCE "$TMP/mnt")"
unmount "$TMP/mnt"
