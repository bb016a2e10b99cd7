#!/usr/bin/env bash
# Images that share a name, as `docker save` of several writes them: none is lost, and each can be found, listed and removed.
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
    D=${D/%.tar/-tar} # one that ends in .tar would be an archive
    copies "a copy" "$source" "$D"
    same "has the same entries in the same order" "$(entries "$TMP/$kind")" "$(entries "$D")"
    copies "a second one" "$source" "$D"
    same "changes nothing" "$(entries "$TMP/$kind")" "$(entries "$D")"
    check "gc keeps all of them" "$LAYOUTFS" gc --grace 0 "$D"
    check "and fsck is content" "$LAYOUTFS" fsck --no-progress "$D"
    same "blob for blob" "$(cd "$TMP/$kind/blobs" && find . -type f | sort)" "$(cd "$D/blobs" && find . -type f | sort)"
    copies "an archive" "$source" "oci-archive:$D.again.tar"
    tar -xf "$D.again.tar" -C "$TMP" index.json
    same "has them too" "$(entries "$TMP/$kind")" "$(entries "$TMP")"
  done
done

echo "-- lists"
S=$TMP/saved
prints "ls" "$all" ls "$S"
same "ls -l" "$all" "$(layoutfs ls -l "$S" | awk '{print $3}')"
same "ls --json" "$all" "$(layoutfs ls --json "$S" | jq -r '.references[].fullName')"
same "which says what finds them" "$all" "$(layoutfs ls --json "$S" | jq -r '.references[].reference')"
same "inspect" "$all" "$(layoutfs inspect "$S" | awk '/^  sha256:/ {print $2}')"
same "inspect --json" "$all" "$(layoutfs inspect --json "$S" | jq -r '.references[].reference')"
prints "ref ls" "$(sort <<<"$all")" ref ls "$S"
same "copy tells of them" "$all" "$(layoutfs copy --no-progress "$S" "$TMP/told" 2>/dev/null | cut -d' ' -f2)"
same "and in JSON" "$all" "$(layoutfs copy --no-progress --json "$S" "$TMP/told" 2>/dev/null | jq -r '.images[].fullName')"
one=$(layoutfs ls -l "$TMP/platforms" | head -n 1 | cut -d' ' -f1)
same "without full names, digests tell entries apart" "app@$(cut -c 8-19 <<<"$one")" "$(layoutfs ls "$TMP/platforms" | head -n 1)"
refused "no name given" 5 ls "$S:latest"
for name in $all; do same "the error lists $name" 1 "$(grep -c "$name" "$TMP/stderr")"; done
refused "a name that is not there" 3 cat "$S:mysql:latest" /name
for name in $all; do same "the error lists $name" 1 "$(grep -c "$name" "$TMP/stderr")"; done
refused "inspect of all of them" 5 cat "$S:latest" /name
for source in "$S" "$S.tar"; do
  for name in redis:latest library/redis:latest docker.io/redis:latest $redis redis latest@"$(layoutfs ls -l "$S" | sed -n '2s/ .*//p')" @1; do
    same "$name finds redis" $redis "$(layoutfs cat "$source:$name" /name)"
  done
  same "$app too" $app "$(layoutfs cat "$source:$app" /name)"
done
# Each name that ls prints finds its image.
for kind in saved platforms repeated; do
  layoutfs ls --json "$TMP/$kind" | jq -c '.references[] | select(.reference | contains("\n") | not)' | while read -r each; do
    got=$(layoutfs ref get "$TMP/$kind" "$(jq -r .reference <<<"$each")" | jq -r .digest)
    [ "$got" = "$(jq -r .digest <<<"$each")" ] || echo "$each: $got"
  done >"$TMP/wrong"
  same "$kind: what ls prints finds what it stands for" "" "$(cat "$TMP/wrong")"
done

echo "-- one platform"
same "a name for several platforms is all of them" 2 "$(layoutfs copy --no-progress "$TMP/platforms:app" "$TMP/both" 2>/dev/null | wc -l)"
same "as they were" "$(entries "$TMP/platforms")" "$(entries "$TMP/both")"
copies "by another name" "$TMP/platforms:app" "$TMP/both:web"
same "too" $'app app web web' "$(jq -r '[.manifests[].annotations["org.opencontainers.image.ref.name"]] | sort | join(" ")' "$TMP/both/index.json")"
check "one of them" "$LAYOUTFS" copy --no-progress --platform linux/arm64 "$TMP/platforms:app" "$TMP/arm"
same "is that" arm64 "$(jq -r '.manifests[].platform.architecture' "$TMP/arm/index.json")"

echo "-- ref get and rm"
S=$TMP/work
cp -r "$TMP/saved" "$S"
unchanged "get of the tag" 5 ref get "$S" latest
unchanged "rm of the tag" 5 ref rm "$S" latest
grep -q "$redis" "$TMP/stderr" && ok "lists the candidates" || not_ok "lists the candidates" "$(cat "$TMP/stderr")"
unchanged "put of the tag" 5 ref put --replace "$S" latest "$(layoutfs ls -l "$S" | head -n 1 | cut -d' ' -f1)"
unchanged "a name that is not there" 3 ref rm "$S" mysql:latest
same "get of the full name" "$(layoutfs ls -l "$S" | sed -n '2s/ .*//p')" "$(layoutfs ref get "$S" redis:latest | jq -r .digest)"
check "rm of one" "$LAYOUTFS" ref rm "$S" redis
prints "leaves the others" "$(printf '%s\n' $nginx $app)" ls "$S"
layoutfs ref rm "$S" @1 nobody @0 2>/dev/null
same "several at once, one of them not there" 3 $?
prints "count from before the first" "" ls "$S"
cp -r "$TMP/platforms" "$TMP/work2"
S=$TMP/work2
unchanged "one name for two platforms" 5 ref rm "$S" app
check "one of them" "$LAYOUTFS" ref rm "$S" "$(layoutfs ls "$S" | tail -n 1)"
prints "is gone, and the other alone" app ls "$S"
cp -r "$TMP/repeated" "$TMP/work3"
check "an entry with an odd name" "$LAYOUTFS" ref rm "$TMP/work3" "not a name!"
check "one without" "$LAYOUTFS" ref rm "$TMP/work3" @3
same "and no other" 9 "$(jq '.manifests | length' "$TMP/work3/index.json")"

echo "-- what is there stays"
T=$TMP/there
copies "one image" "$TMP/saved:nginx:latest" "$T"
prints "is called as before" latest ls "$T"
copies "another one of that tag" "$TMP/saved:redis:latest" "$T"
same "both are there" "$(printf '%s\n' $nginx $redis)" "$(layoutfs ls "$T")"
copies "a name of the user's" "$TMP/saved:$app" "$T:mine"
same "is its only one" "null mine" "$(jq -r '.manifests[2].annotations | "\(.["io.containerd.image.name"]) \(.["org.opencontainers.image.ref.name"])"' "$T/index.json")"
S=$T unchanged "the tag of two of them" 5 copy --no-progress --platform linux/arm64 "$TMP/platforms:app" "$T:latest"
same "no blob came" 9 "$(find "$T/blobs" -type f | wc -l)"

echo "-- layouts with one target for each name"
S=$TMP/refs
check "a layout with refs/" "$LAYOUTFS" init --refs-dir "$S"
unchanged "all of them" 6 copy --no-progress "$TMP/saved" "$S"
unchanged "several platforms" 6 copy --no-progress "$TMP/platforms" "$S"
unchanged "an entry without a name" 6 copy --no-progress "$TMP/repeated:@3" "$S"
copies "one" "$TMP/saved:redis" "$S"
unchanged "another one by its name" 9 copy --no-progress "$TMP/saved:nginx" "$S"
check "the error names both" grep -q "$redis.*$nginx\|$nginx.*$redis" "$TMP/stderr"
copies "by a name of its own" "$TMP/saved:nginx" "$S:nginx"
prints "both are there" $'latest\nnginx' ls "$S"
check "ref rm by the full name" "$LAYOUTFS" ref rm "$S" redis:latest
prints "takes that file" nginx ls "$S"
R=$TMP/store
copies "repositories" "$TMP/saved" "oci-repositories:$R"
prints "one for each" "$(printf '%s\n' docker.io/library/nginx docker.io/library/redis team/app)" repos "$R"
prints "with its tag" latest tags "$R" docker.io/library/redis
same "and its full name" $redis "$(jq -r '.manifests[0].annotations["io.containerd.image.name"]' "$R/docker.io/library/redis/index.json")"
copies "which are one layout again" "oci-repositories:$R" "$TMP/flat"
same "with all of them" 3 "$(jq '.manifests | length' "$TMP/flat/index.json")"
S=$R unchanged "two platforms of one tag" 5 copy --no-progress "$TMP/platforms" "oci-repositories:$R:new"
S=$R unchanged "several images of one tag" 5 copy --no-progress "$TMP/saved" "oci-repositories:$R:new"
make elsewhere "$TMP/elsewhere"
S=$R unchanged "a tag that is another image's" 9 copy --no-progress "$TMP/elsewhere" "oci-repositories:$R"
check "by another tag" "$LAYOUTFS" copy --no-progress "$TMP/elsewhere:latest" "oci-repositories:$R:team/app:other"
prints "both are there" $'latest\nother' tags "$R" team/app
check "one platform of them" "$LAYOUTFS" copy --no-progress --platform linux/arm64 "$TMP/platforms:app" "oci-repositories:$R:new"
prints "is its tag" app tags "$R" new
prints "repos of a layout" "$(printf '%s\n' docker.io/library/nginx docker.io/library/redis team/app)" repos "$TMP/saved"
same "pull by full names" "$(layoutfs ls -l "$TMP/saved" | sed -n '2s/ .*//p')" "$(layoutfs pull "$TMP/saved" docker.io/library/redis latest | digest_of)"

echo "-- completion and names"
same "completion" "$(sort <<<"$all")" "$(layoutfs __complete ref get "$TMP/saved" '' 2>&1 | grep latest | cut -f1 | sort)"
check "image tag" "$LAYOUTFS" image tag "$TMP/saved:redis" mine
same "names that one" $redis "$(layoutfs cat mine /name)"
refused "one of three" 5 image tag "$TMP/saved:latest" other
