#!/usr/bin/env bash
# refs/ of a mount with images that share a name: each has its full name, or a name with its digest.
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
    same "refs/$name shows the entry with that name" $name "$(limited cat "$M/refs/$name/layers/00/tree/name")"
  done
  unmount "$M"
done

python3 "$HERE/make-shared-names.py" platforms "$TMP/platforms"
mount_at "$TMP/p" "$TMP/platforms"
same "refs/ shows the first of two platforms under their name" amd64 "$(limited cat "$TMP/p/refs/app/layers/00/tree/name")"
second=$(jq -r '.manifests[1].digest' "$TMP/platforms/index.json")
same "refs/ shows the second platform with its digest" arm64 "$(limited cat "$TMP/p/refs/app@${second:7:12}/layers/00/tree/name")"

echo "-- as the layout changes"
W=$TMP/work
cp -r "$TMP/saved" "$W"
mount_at "$TMP/w" "$W"
check "ref rm removes an entry of the mounted layout" "$LAYOUTFS" ref rm "$W" redis
gone() { [ ! -e "$TMP/w/refs/docker.io/library/redis:latest" ]; }
wait_for gone && ok "the mount no longer shows the removed entry" || not_ok "the mount no longer shows the removed entry"
check "ref rm removes the next entry of the mounted layout" "$LAYOUTFS" ref rm "$W" nginx
wait_for test -L "$TMP/w/refs/latest" && ok "the mount shows the last entry under its tag" || not_ok "the mount shows the last entry under its tag" "$(links "$TMP/w")"
unmount "$TMP/w"
check "the test creates a mount point" mkdir "$TMP/image"
mount_at "$TMP/image" "$TMP/saved:redis:latest"
same "mount finds an image by its full name" docker.io/library/redis:latest "$(limited cat "$TMP/image/name")"
unmount "$TMP/image"
