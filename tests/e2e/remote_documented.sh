#!/usr/bin/env bash
# The statements of layoutfs-registries(7) and docs/registries.md about commands, against Debian's docker-registry.
. "$(dirname "$0")/lib.sh"
. "$HERE/registries.sh"
need jq
make_layouts sample single
L=$TMP/layouts/sample
start_registry plain
start_registry guarded --auth alice secret
R=docker://$plain
export CONTAINERS_REGISTRIES_CONF=$TMP/registries.conf
printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$plain" "$guarded" >"$CONTAINERS_REGISTRIES_CONF"
# hints SENTENCE TEXT: the last error must have this hint.
hints() { same "$1" "$2" "$(sed -n 's/^hint: //p' "$TMP/stderr")"; }

echo "-- names and copies"
check "copy writes an image to a registry" "$LAYOUTFS" copy -q "$L:app:1.0" "$R/team/app:1.0"
check "copy writes an index to a registry" "$LAYOUTFS" copy -q "$L:multi" "$R/team/multi"
prints "an image without a new tag keeps its name" multi tags "$R" team/multi
prints "repos lists the repositories of a registry" $'team/app\nteam/multi' repos "$R"
prints "ls reads an image in a registry" $'added\nname' ls "$R/team/app:1.0" etc
prints "cat reads an image by its digest" sample cat "$R/team/app@$(layoutfs pull "$R" team/app 1.0 2>/dev/null | sha256sum | sed 's/^\(.*\) .*/sha256:\1/; s/ *$//')" etc/name
prints "diff compares an image of a layout with its copy in a registry" "" diff "$L:app:1.0" "$R/team/app:1.0"
layoutfs diff --name-status "$R/team/app:1.0" "$R/team/multi:multi" bin >"$TMP/stdout" 2>"$TMP/stderr"
same "diff compares two images of one registry" "0 " "$? $(cat "$TMP/stdout" "$TMP/stderr")"
layoutfs diff --platform linux/s390x --name-status "$R/team/multi:multi" "$L:@3" >"$TMP/stdout" 2>"$TMP/stderr"
same "diff prints the differences of an image in a registry" $'1 A\t/nameless\nD\t/other-platform' "$? $(cat "$TMP/stdout" "$TMP/stderr")"
same "blame reads an image in a registry" "$(layoutfs blame "$L:app:1.0" etc)" "$(layoutfs blame "$R/team/app:1.0" etc 2>&1)"
same "find and grep read an image in a registry" "$(layoutfs find "$L:app:1.0"; layoutfs grep -I . "$L:app:1.0")" \
  "$(layoutfs find "$R/team/app:1.0" 2>&1; layoutfs grep -I . "$R/team/app:1.0" 2>&1)"
same "du reads an image in a registry" "$(layoutfs du --json "$L:app:1.0")" "$(layoutfs du --json "$R/team/app:1.0" 2>&1)"
prints "--ref is the tag" sample cat --layout "$R/team/app" --ref 1.0 etc/name
prints "--platform selects an image of an index" other-platform ls --platform linux/s390x "$R/team/multi:multi"
refused "the tag defaults to latest, which does not exist" 3 ls "$R/team/app"
check "the error for a missing tag names it" grep -q "$plain/team/app:latest: " "$TMP/stderr"
check "copy writes an image of a registry to a layout" "$LAYOUTFS" copy -q "$R/team/app:1.0" "$TMP/new"
prints "an image of a registry is copied with its tag as the name" 1.0 ls "$TMP/new"
same "the copy has the same content" "$(layoutfs ls -R --json "$L:app:1.0")" "$(layoutfs ls -R --json "$TMP/new:1.0")"
check "copy copies between repositories of a registry" "$LAYOUTFS" copy -q "$R/team/app:1.0" "$R/other/app:2.0"
prints "the other repository has the tag" 2.0 tags "$R" other/app
prints "referrers lists nothing for an image without referrers" "" referrers "$R" team/app 1.0
refused "referrers refuses short digests" 2 referrers "$R" team/app sha256:1234567

echo "-- credentials"
G=docker://$guarded
refused "copy without credentials is refused" 9 copy "$L:app:1.0" "$G/app:1.0"
hints "the hint for missing credentials has the login command" "log in with: podman login $guarded"
auth_file "$TMP/auth.json" "$guarded" alice secret
check "--authfile has the credentials" "$LAYOUTFS" copy -q --authfile "$TMP/auth.json" "$L:app:1.0" "$G/app:1.0"
same "REGISTRY_AUTH_FILE has the credentials" sample "$(REGISTRY_AUTH_FILE=$TMP/auth.json limited "$LAYOUTFS" cat "$G/app:1.0" etc/name)"
mkdir -p "$TMP/docker" "$TMP/xdg/containers"
cp "$TMP/auth.json" "$TMP/docker/config.json"
same "DOCKER_CONFIG has the credentials" sample "$(DOCKER_CONFIG=$TMP/docker limited "$LAYOUTFS" cat "$G/app:1.0" etc/name)"
cp "$TMP/auth.json" "$TMP/xdg/containers/auth.json"
same "XDG_CONFIG_HOME has the credentials" sample "$(XDG_CONFIG_HOME=$TMP/xdg limited "$LAYOUTFS" cat "$G/app:1.0" etc/name)"
refused "a file of credentials must exist" 3 ls --authfile "$TMP/none" "$G/app:1.0"

echo "-- TLS"
refused "--tls-verify=true refuses HTTP, even if the configuration allows it" 1 ls --tls-verify=true "$R/team/app:1.0"
: >"$TMP/empty.conf"
same "--tls-verify=false allows HTTP without a configuration" 1.0 "$(CONTAINERS_REGISTRIES_CONF=$TMP/empty.conf limited "$LAYOUTFS" tags --tls-verify=false "$R" team/app)"

echo "-- the cache and statistics"
rm -rf "$LAYOUTFS_CACHE_DIR"
check "ls indexes an image in a registry" "$LAYOUTFS" ls "$R/team/app:1.0"
# A blob that was complete when the command ended may not be proven yet.
same "the cache has the blobs of the image" "$(layoutfs inspect --raw "$L:app:1.0" | jq -r '.config.digest, .layers[].digest' | sed 's/.*://' | sort)" \
  "$(find "$LAYOUTFS_CACHE_DIR"/remote* -type f -printf '%f\n' | sort)"
rm -rf "$LAYOUTFS_CACHE_DIR"/remote*
check "cat with an index fetches only a part of a layer" sh -c "'$LAYOUTFS' cat '$R/team/app:1.0' etc/name && test ! -e '$LAYOUTFS_CACHE_DIR/remote/sha256/$(
  layoutfs inspect --raw "$L:app:1.0" | jq -r '.layers[0].digest' | sed 's/.*://')'"
members='["host","requests","retries","fetchedBytes","cachedBytes","blobs"]'
same "inspect --json has the documented members of registry" "$members" "$(layoutfs inspect --json "$R/team/app:1.0" | jq -c '.registry | keys_unsorted')"
same "each blob has the documented members" '["digest","requests","fetchedBytes","cachedBytes"]' \
  "$(layoutfs inspect --json "$R/team/app:1.0" | jq -c '.registry.blobs[0] | keys_unsorted')"

echo "-- commands that need a layout, and deletions"
refused "image tag refuses an image in a registry" 6 image tag "$R/team/app:1.0" app
refused "--view refuses an image in a registry" 2 mount --view containers-storage "$R/team/app:1.0" "$TMP/m"
hints "the hint for --view copies the image" "copy the image to a layout with: layoutfs copy $R/team/app:1.0 LAYOUT"
refused "tag rm fails if the registry removes only manifests" 6 tag rm "$R" team/app 1.0
hints "the hint of tag rm has the other command" "if the registry removes only manifests, use: layoutfs manifest rm"
digest=$(layoutfs inspect --json "$R/team/app:1.0" | jq -r .manifest)
check "manifest rm removes a manifest" "$LAYOUTFS" manifest rm "$R" team/app "$digest"
refused "the image does not exist afterwards" 3 ls "$R/team/app:1.0"
prints "an image in another repository stays" sample cat "$R/other/app:2.0" etc/name

if is_root && has_device /dev/fuse; then
  echo "-- mounts"
  check "mount shows an image in a registry" "$LAYOUTFS" mount -q -o kernel=no,prefetch "$R/other/app:2.0" "$TMP/m"
  same "the mount shows the root filesystem" sample "$(limited cat "$TMP/m/etc/name")"
  same "user.layoutfs.stats has the documented members of registry" "$members" \
    "$(limited python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "user.layoutfs.stats").decode())' "$TMP/m" | jq -c '.registry | keys_unsorted')"
  layoutfs manifest rm "$R" other/app "$digest"
  same "the mount shows the image after it was removed from the registry" "needle in the upper layer" "$(limited cat "$TMP/m/etc/added")"
  check "umount unmounts it" "$LAYOUTFS" umount "$TMP/m"
fi
