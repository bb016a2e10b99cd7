#!/usr/bin/env bash
# podman and skopeo take over the images of `layoutfs commit`: podman shows the files of our mount, and what it pushes has the
# same image ID (the digest of the config) and the same layers (diffIDs) for each compression. It stores layers uncompressed and
# compresses them again, so the digest of the manifest is the same only where it can leave the layers as they are.
. "$(dirname "$0")/lib.sh"
. "$HERE/registries.sh"
need_root
need_fuse
need_own_mounts
need podman skopeo docker-registry python3 jq zstd
CHANGES=$HERE/commit_changes.py
S=$TMP/img
export SOURCE_DATE_EPOCH=1700000000

python3 "$CHANGES" base "$S" || exit 1
mount_at "$TMP/base" "$S:base"
mkdir -p "$TMP"/changes/{upper,work,m}
mount -t overlay overlay -o "nodev,lowerdir=$TMP/base,upperdir=$TMP/changes/upper,workdir=$TMP/changes/work,redirect_dir=off,metacopy=off,index=off" \
  "$TMP/changes/m" || skip "cannot mount overlayfs here"
limited python3 "$CHANGES" odd "$TMP/changes/m" || exit 1
# Engines of containers-storage cannot push the file with a hole of more than 64 MiB (layoutfs-commit(1)).
rm "$TMP/changes/m/types/socket" "$TMP/changes/m/sparser"
umount "$TMP/changes/m"
for compression in gzip zstd none; do
  check "commit --compression $compression makes an image" "$LAYOUTFS" commit --compression $compression "$TMP/changes/upper" "$S:base" $compression
done
# All of its layers are uncompressed.
check "commit --squash makes an image" "$LAYOUTFS" commit --squash --compression none "$TMP/changes/upper" "$S:base" squashed

start_registry plain
# use_engine NAME: from here on, podman has a store without images, and no notes about equal layers.
driver=overlay
use_engine() {
  rm -rf "$LAYER_NOTES"/*
  export HOME=$TMP/$1/home XDG_RUNTIME_DIR=$TMP/$1/run TMPDIR=$TMP/$1/tmp
  mkdir -p "$TMP/$1/root" "$HOME" "$XDG_RUNTIME_DIR" "$TMPDIR"
  # A program, so that checks with a time limit can run it.
  mkdir -p "$TMP/programs"
  printf '#!/bin/sh\nexec %s --root %s --runroot %s --storage-driver %s --events-backend none --cgroup-manager cgroupfs "$@"\n' \
    "$podman" "$TMP/$1/root" "$XDG_RUNTIME_DIR" "$driver" >"$TMP/programs/podman"
  chmod +x "$TMP/programs/podman"
}
podman=$(command -v podman)
PATH=$TMP/programs:$PATH
use_engine probe
limited podman info >"$TMP/out" 2>&1 || driver=vfs

# The manifest of an image in a directory (dir:), in a layout with this one image, and in the registry.
manifest_of_dir() { cat "$1/manifest.json"; }
manifest_of_layout() { cat "$1/blobs/$(jq -r '.manifests[0].digest | sub(":"; "/")' "$1/index.json")"; }
manifest_in_registry() { limited skopeo inspect --raw --tls-verify=false "docker://$plain/$1"; }
config_digest() { jq -r .config.digest; }
# is_pushed WHERE DIRECTORY MANIFEST: config and diffIDs must be those of $config.
is_pushed() {
  same "$image: the image that podman pushes to $1 has the same ID" "$config" "$(config_digest <<<"$3")"
  same "$image: the layers that podman pushes to $1 have the same diffIDs" "$diff_ids" "$(python3 "$HERE/pushed_layers.py" "$2" 2>&1 | xargs)"
}

for image in gzip zstd none squashed; do
  echo "-- $image, with the driver $driver"
  use_engine $image
  manifest=$(layoutfs ref get "$S" $image | jq -r .digest)
  config=$(layoutfs inspect --raw "$S:$image" | config_digest)
  diff_ids=$(layoutfs inspect --config "$S:$image" | jq -r '.rootfs.diff_ids[][7:]' | xargs)
  # Podman makes a name of the path, which must not have capital letters.
  id=$(cd "$TMP" && limited podman pull -q "oci:img:$image")
  same "$image: podman pulls the image with its ID" "${config#*:}" "$id"
  same "$image: podman knows the digests of the manifest and of the layers" "$manifest $diff_ids" \
    "$(limited podman image inspect --format '{{.Digest}}{{range .RootFS.Layers}} {{.}}{{end}}' "$id" | sed 's/ sha256:/ /g')"

  mount_at "$TMP/m" -o kernel=no "$S:$image"
  root=$(limited podman image mount "$id")
  # The root of a container is a directory of podman, which also has no times before 1970.
  same "$image: podman mounts the same files" "" \
    "$(limited python3 "$CORPUS/check-tree.py" --same "$TMP/m" "$root" --ignore root 2>&1 | grep -v -e ': mtime_ns is 0, expected -[0-9]*$' -e '^same$')"
  same "$image: podman mounts the files with times before 1970, too" "time0 time1 time2" "$(cd "$root" && echo time[012])"
  limited podman image umount "$id" >"$TMP/out"
  unmount "$TMP/m"

  check "$image: podman pushes to a directory" podman push -q "$id" "dir:$TMP/$image/dir"
  is_pushed "a directory" "$TMP/$image/dir" "$(manifest_of_dir "$TMP/$image/dir")"
  check "$image: podman pushes to a layout" podman push -q "$id" "oci:$TMP/$image/layout:x"
  is_pushed "a layout" "$TMP/$image/layout" "$(manifest_of_layout "$TMP/$image/layout")"
  check "$image: fsck finds no fault in the layout" "$LAYOUTFS" fsck -q "$TMP/$image/layout"
  check "$image: podman pushes to a registry" podman push -q --tls-verify=false "$id" "docker://$plain/by-podman/$image:x"
  check "$image: copy pulls the pushed image" "$LAYOUTFS" copy -q --tls-verify=false "docker://$plain/by-podman/$image:x" "$TMP/$image/back:x"
  is_pushed "a registry" "$TMP/$image/back" "$(manifest_in_registry "by-podman/$image:x")"

  case $image in
    gzip | zstd)
      use_engine "$image-known"
      check "$image: skopeo copies the image to a registry" skopeo copy -q --dest-tls-verify=false "oci:$S:$image" "docker://$plain/known/$image:x"
      same "$image: the copy of skopeo has the same digest" "$manifest" "$(manifest_in_registry "known/$image:x" | digest_of)"
      id=$(cd "$TMP" && limited podman pull -q "oci:img:$image")
      check "$image: podman pushes to a registry that has the layers" podman push -q --tls-verify=false "$id" "docker://$plain/known/$image:y"
      same "$image: then the pushed image has the same digest" "$manifest" "$(manifest_in_registry "known/$image:y" | digest_of)"
      ;;
    squashed)
      same "$image: podman pushes uncompressed layers to a directory under the same digest" "$manifest" "$(digest_of "$TMP/$image/dir/manifest.json")"
      ;;
  esac
done
unmount "$TMP/base"
