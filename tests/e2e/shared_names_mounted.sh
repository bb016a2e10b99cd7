#!/usr/bin/env bash
# Images that share a name, in refs/ of a mount: each has its full name, or a name with its digest.
. "$(dirname "$0")/lib.sh"
need_fuse
need jq python3

links() { (cd "$1/refs" && find . -type l | sort); }
for source in saved saved.tar; do
  python3 "$HERE/make-shared-names.py" saved "$TMP/$source"
  M=$TMP/mount-$source
  mount_at "$M" "$TMP/$source"
  same "$source: refs/ has all full names" \
    $'./docker.io/library/nginx:latest\n./docker.io/library/redis:latest\n./registry.test:5000/team/app:latest' "$(links "$M")"
  for name in docker.io/library/nginx:latest docker.io/library/redis:latest registry.test:5000/team/app:latest; do
    same "$name is that" $name "$(limited cat "$M/refs/$name/layers/00/tree/name")"
  done
  unmount "$M"
done

python3 "$HERE/make-shared-names.py" platforms "$TMP/platforms"
mount_at "$TMP/p" "$TMP/platforms"
same "of one name, the first has it" amd64 "$(limited cat "$TMP/p/refs/app/layers/00/tree/name")"
second=$(jq -r '.manifests[1].digest' "$TMP/platforms/index.json")
same "the second has its digest too" arm64 "$(limited cat "$TMP/p/refs/app@${second:7:12}/layers/00/tree/name")"

echo "-- as the layout changes"
W=$TMP/work
cp -r "$TMP/saved" "$W"
mount_at "$TMP/w" "$W"
check "rm of one" "$LAYOUTFS" ref rm "$W" redis
gone() { [ ! -e "$TMP/w/refs/docker.io/library/redis:latest" ]; }
wait_for gone && ok "is seen" || not_ok "is seen"
check "rm of the next" "$LAYOUTFS" ref rm "$W" nginx
wait_for test -L "$TMP/w/refs/latest" && ok "the last one needs no more than its tag" || not_ok "its tag" "$(links "$TMP/w")"
unmount "$TMP/w"
check "by its full name" mkdir "$TMP/image"
mount_at "$TMP/image" "$TMP/saved:redis:latest"
same "an image is mounted" docker.io/library/redis:latest "$(limited cat "$TMP/image/name")"
unmount "$TMP/image"
