#!/usr/bin/env bash
# Images that share a name, as in a `docker save` of several images. None is lost, and each can be found, listed and
# removed.
. "$(dirname "$0")/lib.sh"
need jq python3

make() { python3 "$HERE/make-shared-names.py" "$@"; }
entries() { jq -cS .manifests "$1/index.json"; }
copies() { check "$1" "$LAYOUTFS" copy --no-progress "$2" "$3"; }
nginx=docker.io/library/nginx:latest redis=docker.io/library/redis:latest app=registry.test:5000/team/app:latest
all=$(printf '%s\n' $nginx $redis $app)

for kind in saved platforms repeated; do
  make $kind "$TMP/$kind"
  make $kind "$TMP/$kind.tar"
  for source in "$TMP/$kind" "$TMP/$kind.tar"; do
    echo "-- ${source##*/}"
    D=$TMP/copy-of-${source##*/}
    D=${D/%.tar/-tar} # a name that ends in .tar would be an archive
    copies "copy of ${source##*/} succeeds" "$source" "$D"
    same "a copy of ${source##*/} has the same entries in the same order" "$(entries "$TMP/$kind")" "$(entries "$D")"
    copies "a second copy of ${source##*/} succeeds" "$source" "$D"
    same "a second copy of ${source##*/} changes no entry" "$(entries "$TMP/$kind")" "$(entries "$D")"
    check "gc of a copy of ${source##*/} succeeds" "$LAYOUTFS" gc --grace 0 "$D"
    check "fsck finds no problems in a copy of ${source##*/}" "$LAYOUTFS" fsck --no-progress "$D"
    same "a copy of ${source##*/} has the same blobs after gc" "$(cd "$TMP/$kind/blobs" && find . -type f | sort)" "$(cd "$D/blobs" && find . -type f | sort)"
    copies "copy of ${source##*/} to an archive succeeds" "$source" "oci-archive:$D.again.tar"
    tar -xf "$D.again.tar" -C "$TMP" index.json
    same "an archive of ${source##*/} has the same entries" "$(entries "$TMP/$kind")" "$(entries "$TMP")"
  done
done

echo "-- lists"
S=$TMP/saved
prints "ls lists entries with the same tag by their full names" "$all" ls "$S"
same "ls -l lists entries with the same tag by their full names" "$all" "$(layoutfs ls -l "$S" | awk '{print $3}')"
same "ls --json has the full names" "$all" "$(layoutfs ls --json "$S" | jq -r '.references[].fullName')"
same "ls --json has the references that find the entries" "$all" "$(layoutfs ls --json "$S" | jq -r '.references[].reference')"
same "inspect lists entries with the same tag by their full names" "$all" "$(layoutfs inspect "$S" | awk '/^  sha256:/ {print $2}')"
same "inspect --json has the references that find the entries" "$all" "$(layoutfs inspect --json "$S" | jq -r '.references[].reference')"
prints "ref ls lists entries with the same tag by their full names" "$(sort <<<"$all")" ref ls "$S"
same "copy prints entries with the same tag by their full names" "$all" "$(layoutfs copy --no-progress "$S" "$TMP/told" 2>/dev/null | cut -d' ' -f2)"
same "copy --json has the full names" "$all" "$(layoutfs copy --no-progress --json "$S" "$TMP/told" 2>/dev/null | jq -r '.images[].fullName')"
one=$(layoutfs ls -l "$TMP/platforms" | head -n 1 | cut -d' ' -f1)
same "ls lists entries without full names by their digests" "app@$(cut -c 8-19 <<<"$one")" "$(layoutfs ls "$TMP/platforms" | head -n 1)"
refused "ls refuses a tag of several entries" 5 ls "$S:latest"
for name in $all; do same "the error for a tag of several entries lists $name" 1 "$(grep -c "$name" "$TMP/stderr")"; done
refused "cat refuses an unknown full name" 3 cat "$S:mysql:latest" /name
for name in $all; do same "the error for an unknown full name lists $name" 1 "$(grep -c "$name" "$TMP/stderr")"; done
refused "cat refuses a tag of several entries" 5 cat "$S:latest" /name
for source in "$S" "$S.tar"; do
  for name in redis:latest library/redis:latest docker.io/redis:latest $redis redis latest@"$(layoutfs ls -l "$S" | sed -n '2s/ .*//p')" @1; do
    same "cat finds redis by $name" $redis "$(layoutfs cat "$source:$name" /name)"
  done
  same "cat finds the other image by $app" $app "$(layoutfs cat "$source:$app" /name)"
done
# Each name that ls prints must find its image.
for kind in saved platforms repeated; do
  layoutfs ls --json "$TMP/$kind" | jq -c '.references[] | select(.reference | contains("\n") | not)' | while read -r each; do
    got=$(layoutfs ref get "$TMP/$kind" "$(jq -r .reference <<<"$each")" | jq -r .digest)
    [ "$got" = "$(jq -r .digest <<<"$each")" ] || echo "$each: $got"
  done >"$TMP/wrong"
  same "$kind: each reference that ls prints finds its entry" "" "$(cat "$TMP/wrong")"
done

echo "-- one platform"
same "copy of a name for several platforms copies all of them" 2 "$(layoutfs copy --no-progress "$TMP/platforms:app" "$TMP/both" 2>/dev/null | wc -l)"
same "a copy of several platforms has the same entries" "$(entries "$TMP/platforms")" "$(entries "$TMP/both")"
copies "copy of several platforms to another name succeeds" "$TMP/platforms:app" "$TMP/both:web"
same "both platforms have the other name" $'app app web web' "$(jq -r '[.manifests[].annotations["org.opencontainers.image.ref.name"]] | sort | join(" ")' "$TMP/both/index.json")"
check "copy --platform of a name for several platforms succeeds" "$LAYOUTFS" copy --no-progress --platform linux/arm64 "$TMP/platforms:app" "$TMP/arm"
same "copy --platform copies only that platform" arm64 "$(jq -r '.manifests[].platform.architecture' "$TMP/arm/index.json")"

echo "-- ref get and rm"
S=$TMP/work
cp -r "$TMP/saved" "$S"
unchanged "ref get refuses a tag of several entries" 5 ref get "$S" latest
unchanged "ref rm refuses a tag of several entries" 5 ref rm "$S" latest
grep -q "$redis" "$TMP/stderr" && ok "the error of ref rm lists the candidates" || not_ok "the error of ref rm lists the candidates" "$(cat "$TMP/stderr")"
unchanged "ref put --replace refuses a tag of several entries" 5 ref put --replace "$S" latest "$(layoutfs ls -l "$S" | head -n 1 | cut -d' ' -f1)"
unchanged "ref rm refuses an unknown full name" 3 ref rm "$S" mysql:latest
same "ref get finds an entry by its full name" "$(layoutfs ls -l "$S" | sed -n '2s/ .*//p')" "$(layoutfs ref get "$S" redis:latest | jq -r .digest)"
check "ref rm removes an entry by its full name" "$LAYOUTFS" ref rm "$S" redis
prints "ref rm keeps the entries with the same tag" "$(printf '%s\n' $nginx $app)" ls "$S"
layoutfs ref rm "$S" @1 nobody @0 2>/dev/null
same "ref rm reports a missing name beside existing ones" 3 $?
prints "ref rm removes entries by their numbers before the first removal" "" ls "$S"
cp -r "$TMP/platforms" "$TMP/work2"
S=$TMP/work2
unchanged "ref rm refuses a name for two platforms" 5 ref rm "$S" app
check "ref rm removes one of two platforms" "$LAYOUTFS" ref rm "$S" "$(layoutfs ls "$S" | tail -n 1)"
prints "ref rm keeps the other platform" app ls "$S"
cp -r "$TMP/repeated" "$TMP/work3"
check "ref rm removes an entry with an invalid name" "$LAYOUTFS" ref rm "$TMP/work3" "not a name!"
check "ref rm removes an entry without a name" "$LAYOUTFS" ref rm "$TMP/work3" @3
same "ref rm removes no other entry" 9 "$(jq '.manifests | length' "$TMP/work3/index.json")"

echo "-- existing entries stay"
T=$TMP/there
copies "copy of one of several entries succeeds" "$TMP/saved:nginx:latest" "$T"
prints "the copied entry has its tag" latest ls "$T"
copies "copy of an entry with the same tag succeeds" "$TMP/saved:redis:latest" "$T"
same "copy keeps both entries with the same tag" "$(printf '%s\n' $nginx $redis)" "$(layoutfs ls "$T")"
copies "copy with a new name succeeds" "$TMP/saved:$app" "$T:mine"
same "the new name replaces the full name" "null mine" "$(jq -r '.manifests[2].annotations | "\(.["io.containerd.image.name"]) \(.["org.opencontainers.image.ref.name"])"' "$T/index.json")"
S=$T unchanged "copy refuses a tag of two entries in the destination" 5 copy --no-progress --platform linux/arm64 "$TMP/platforms:app" "$T:latest"
same "a refused copy adds no blob" 9 "$(find "$T/blobs" -type f | wc -l)"

echo "-- layouts with one target for each name"
S=$TMP/refs
check "init --refs-dir creates a layout" "$LAYOUTFS" init --refs-dir "$S"
unchanged "copy refuses several entries with one tag for refs/" 6 copy --no-progress "$TMP/saved" "$S"
unchanged "copy refuses several platforms for refs/" 6 copy --no-progress "$TMP/platforms" "$S"
unchanged "copy refuses an entry without a name for refs/" 6 copy --no-progress "$TMP/repeated:@3" "$S"
copies "copy of one entry to refs/ succeeds" "$TMP/saved:redis" "$S"
unchanged "copy refuses another entry with the same name for refs/" 9 copy --no-progress "$TMP/saved:nginx" "$S"
check "the error names both entries" grep -q "$redis.*$nginx\|$nginx.*$redis" "$TMP/stderr"
copies "copy of another entry to refs/ with a new name succeeds" "$TMP/saved:nginx" "$S:nginx"
prints "refs/ has both names" $'latest\nnginx' ls "$S"
check "ref rm accepts the full name of a file in refs/" "$LAYOUTFS" ref rm "$S" redis:latest
prints "ref rm removes the file in refs/" nginx ls "$S"
R=$TMP/store
copies "copy of several repositories to a store succeeds" "$TMP/saved" "oci-repositories:$R"
prints "copy creates one repository for each full name" "$(printf '%s\n' docker.io/library/nginx docker.io/library/redis team/app)" repos "$R"
prints "a copied repository has its tag" latest tags "$R" docker.io/library/redis
same "a copied entry keeps its full name" $redis "$(jq -r '.manifests[0].annotations["io.containerd.image.name"]' "$R/docker.io/library/redis/index.json")"
copies "copy of a store to one layout succeeds" "oci-repositories:$R" "$TMP/flat"
same "a layout copied from a store has all entries" 3 "$(jq '.manifests | length' "$TMP/flat/index.json")"
S=$R unchanged "copy refuses two platforms for one tag of a repository" 5 copy --no-progress "$TMP/platforms" "oci-repositories:$R:new"
S=$R unchanged "copy refuses several images for one tag of a repository" 5 copy --no-progress "$TMP/saved" "oci-repositories:$R:new"
make elsewhere "$TMP/elsewhere"
S=$R unchanged "copy refuses a tag that another image has" 9 copy --no-progress "$TMP/elsewhere" "oci-repositories:$R"
check "copy to another tag succeeds" "$LAYOUTFS" copy --no-progress "$TMP/elsewhere:latest" "oci-repositories:$R:team/app:other"
prints "the repository has both tags" $'latest\nother' tags "$R" team/app
check "copy --platform to a repository succeeds" "$LAYOUTFS" copy --no-progress --platform linux/arm64 "$TMP/platforms:app" "oci-repositories:$R:new"
prints "the repository has the tag of the platform" app tags "$R" new
prints "repos lists the repositories of full names in a layout" "$(printf '%s\n' docker.io/library/nginx docker.io/library/redis team/app)" repos "$TMP/saved"
same "pull finds a manifest by its repository in a full name" "$(layoutfs ls -l "$TMP/saved" | sed -n '2s/ .*//p')" "$(layoutfs pull "$TMP/saved" docker.io/library/redis latest | digest_of)"

echo "-- completion and names"
same "completion offers the full names" "$(sort <<<"$all")" "$(layoutfs __complete ref get "$TMP/saved" '' 2>&1 | grep latest | cut -f1 | sort)"
check "image tag accepts a full name" "$LAYOUTFS" image tag "$TMP/saved:redis" mine
same "the image name finds the entry with the full name" $redis "$(layoutfs cat mine /name)"
refused "image tag refuses a tag of several entries" 5 image tag "$TMP/saved:latest" other
