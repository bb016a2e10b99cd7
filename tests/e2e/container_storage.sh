#!/usr/bin/env bash
# Tests mount -o view=containers-storage with podman, buildah and skopeo: images of a layout, without import, with their
# own store in a private directory.
. "$(dirname "$0")/lib.sh"
need_fuse
need_root
need_own_mounts
need podman buildah skopeo busybox python3 zstd

L=$TMP/img M=$TMP/store
python3 "$HERE/make-store-image.py" "$L" "$(command -v busybox)" || exit 1
mkdir -p "$TMP/root" "$TMP/run" "$TMP/tmp"
# Some programs put files beside the store.
export TMPDIR=$TMP/tmp XDG_RUNTIME_DIR=$TMP/run HOME=$TMP/tmp
store="--root $TMP/root --runroot $TMP/run --storage-driver overlay --storage-opt additionalimagestore=$M"
# Programs, so that checks with a time limit can run them.
mkdir "$TMP/programs"
for program in "podman $store --events-backend none --cgroup-manager cgroupfs" "buildah $store"; do
  printf '#!/bin/sh\nexec %s %s "$@"\n' "$(command -v "${program%% *}")" "${program#* }" >"$TMP/programs/${program%% *}"
done
chmod +x "$TMP/programs/"*
PATH=$TMP/programs:$PATH
# The name of an image in that store, for skopeo.
stored() { echo "containers-storage:[overlay@$TMP/root+$TMP/run:overlay.imagestore=$M]$1"; }

has_tag() { podman image exists "$1"; }
has_no_tag() { ! podman image exists "$1"; }
# becomes SENTENCE COMMAND...: the command must succeed soon.
becomes() {
  local sentence=$1
  shift
  if wait_for "$@"; then ok "$sentence"; else not_ok "$sentence" "never: $*"; fi
}

refused "an unknown view is refused with a hint" 2 mount -o view=containers "$L" "$M"
same "the hint of an unknown view names the views" "hint: use view=containers-storage or containerd" "$(sed -n 2p "$TMP/stderr")"
refused "an image is refused, as the view shows all" 2 mount --view containers-storage "$L:busy:1" "$M"
refused "the kernel view is refused" 2 mount -o view=containers-storage,kernel=yes "$L" "$M"

# For --uidmap, the kernel must let other users in.
mount_at "$M" -o allow_other --view containers-storage "$L"
same "podman images lists the images" "localhost/busy:1 true
localhost/busy:base true" "$(podman images --format '{{.Repository}}:{{.Tag}} {{.ReadOnly}}' | sort)"
same "podman images reads no layer" 0 "$(getfattr --absolute-names --only-values -n user.layoutfs.stats "$M" | jq .indexesBuilt)"
manifest=$(jq -r '.manifests[0].digest' "$L/index.json")
config=$(jq -r .config.digest "$L/blobs/sha256/${manifest#*:}")
diff_ids=$(jq -r '.rootfs.diff_ids[]' "$L/blobs/sha256/${config#*:}")
layers=$(echo "$diff_ids" | cut -d: -f2)
same "podman inspect shows digest, ID and layers" "$manifest ${config#*:} $(echo "$diff_ids" | xargs)" \
  "$(podman image inspect --format '{{.Digest}} {{.Id}}{{range .RootFS.Layers}} {{.}}{{end}}' busy:1)"
same "podman history shows each layer" "layer 2
layer 1
layer 0" "$(podman history --format '{{.CreatedBy}}' busy:1)"
check "an image is found by its digest" podman image exists "busy@$manifest"
same "skopeo inspect shows the digest" "$manifest" "$(limited skopeo inspect "$(stored localhost/busy:1)" | jq -r .Digest)"

# Before anything else has decoded this layer.
check "podman push dir: succeeds" podman push -q busy:base "dir:$TMP/base"
same "the pushed layer is the original one, byte for byte" "$(echo "$layers" | head -n 1)" "$(python3 "$HERE/pushed_layers.py" "$TMP/base")"

mount_at "$TMP/plain" -o kernel=no "$L:busy:1"
container=$(podman create busy:1 /bin/true)
root=$(podman mount "$container")
# The root of a container is a new directory.
touch -r "$TMP/plain" "$root"
same_tree "podman mount shows the root filesystem of the image" "$TMP/plain" "$root"
podman umount "$container" >/dev/null
unmount "$TMP/plain"
check "podman push dir: of all layers succeeds" podman push -q busy:1 "dir:$TMP/pushed"
same "the pushed layers are the original ones" "$layers" "$(python3 "$HERE/pushed_layers.py" "$TMP/pushed")"
check "skopeo copy to a layout succeeds" skopeo copy -q "$(stored localhost/busy:1)" "oci:$TMP/copied:1"
same "the copied layers are the original ones" "$layers" "$(python3 "$HERE/pushed_layers.py" "$TMP/copied")"
same "podman image diff lists the changes of a layer" "A /opt
A /opt/data
A /opt/$(printf 'z%.0s' {1..150})" "$(podman image diff "$config" "$(podman image inspect --format '{{.Id}}' busy:base)" | grep ' /opt' | sort)"

is_kernel_with_idmap() { [ "$(printf '%s\n' 6.12 "$(uname -r)" | sort -V | head -n 1)" = 6.12 ]; }
# Containers. A container's processes need limits that this process may set.
limits=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
for runtime in crun runc; do
  has "$runtime" || continue
  run=(podman --runtime "$runtime" run --network none "${limits[@]}")
  if ! "${run[@]}" --rm busy:1 true >"$TMP/out" 2>&1; then
    # For example in a container with cgroups of both versions.
    left_out "$runtime cannot run a container here: $(tail -n 1 "$TMP/out" | cut -c 1-150)" || true
    continue
  fi
  same "$runtime: a container sees the image" "new third" "$("${run[@]}" --rm busy:1 cat /d/b /thrice | xargs)"
  same "$runtime: files keep their owners" "1000 600" "$("${run[@]}" --rm busy:1 stat -c '%u %a' /owned)"
  container=$("${run[@]}" -d busy:1 sh -c 'echo more >>/d/b && rm /thrice && mkdir /made && mv /opt /opt2')
  same "$runtime: a container writes" 0 "$(podman wait "$container")"
  same "$runtime: podman diff shows what it wrote" "A /made
A /opt2
C /d
C /d/b
D /opt
D /thrice" "$(podman diff "$container" | grep -v '^. /opt2/\|^. /etc' | LC_ALL=C sort)"
  check "$runtime: podman commit succeeds" podman commit -q "$container" "made:$runtime"
  check "$runtime: podman push to a layout succeeds" podman push -q "made:$runtime" "oci:$TMP/made-$runtime:1"
  same "$runtime: the layers below the committed one are the original ones" "$layers" \
    "$(python3 "$HERE/pushed_layers.py" "$TMP/made-$runtime" | sed -n 1,3p)"
  if is_kernel_with_idmap; then
    same "$runtime: with --uidmap a container sees the owners of the image" "1000 600" \
      "$("${run[@]}" --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 busy:1 stat -c '%u %a' /owned)"
  else
    left_out "Linux $(uname -r) has no idmapped FUSE mounts (6.12)" || true
  fi
  check "$runtime: a container runs from the committed image" "${run[@]}" --rm "made:$runtime" sh -c 'test -d /made && test ! -e /thrice'
done
used=$(du -skx "$TMP/root" | cut -f1)
check "podman's own store has less than 1 MB beside committed layers ($used KiB)" test "$used" -lt 2048
same "an image of the mount is not removed" 1 "$(podman rmi busy:base >/dev/null 2>&1; [ $? != 0 ] && echo 1)"

container=$(buildah from busy:1)
check "buildah run succeeds" buildah run --isolation chroot "$container" -- sh -c 'echo built >/built'
check "buildah commit to a layout succeeds" buildah commit -q "$container" "oci:$TMP/built:1"
same "the layers below the one of buildah are the original ones" "$layers" "$(python3 "$HERE/pushed_layers.py" "$TMP/built" | sed -n 1,3p)"
buildah rm "$container" >/dev/null

# Reuse: the layers are there already.
mkdir "$TMP/emptied"
cp -r "$L" "$TMP/emptied/img"
jq -r '.layers[].digest' "$L/blobs/sha256/${manifest#*:}" | while read -r layer; do : >"$TMP/emptied/img/blobs/sha256/${layer#*:}"; done
cd "$TMP" || exit 1
check "podman pull of an image with these layers reads none" podman pull -q "oci:emptied/img:busy:1"

# Changes of the layout.
link=$(cat "$M/overlay/$(echo "$layers" | head -n 1)/link")
check "a tag is added" "$LAYOUTFS" ref put "$L" later "$manifest"
becomes "podman finds it without another mount" has_tag localhost/img:later
same "links stay, because containers store them" "$link" "$(cat "$M/overlay/$(echo "$layers" | head -n 1)/link")"
check "the tag is removed" "$LAYOUTFS" ref rm "$L" later
becomes "podman no longer finds it" has_no_tag localhost/img:later

# Several engines at a time, and a server that is killed.
for i in 1 2 3 4 5 6 7 8; do podman create --name "c$i" busy:1 /bin/true >/dev/null 2>"$TMP/out$i" & done
for i in 1 2 3 4 5 6 7 8; do "$LAYOUTFS" ref put --replace "$L" moved "$manifest" >/dev/null; done
wait
same "eight podman create at a time succeed while a tag moves" "" "$(cat "$TMP"/out[1-8])"
kill -9 "$(getfattr --absolute-names --only-values -n user.layoutfs.stats "$M" | jq .pid)"
check "the mount of a killed server can be removed" "$LAYOUTFS" umount "$M"
mount_at "$M" -o allow_other --view containers-storage "$L"
same "a container that was made before has its files then" third "$(cat "$(podman mount c8)/thrice")"

# A broken image.
gone=$(jq -r '.layers[2].digest' "$L/blobs/sha256/${manifest#*:}")
mv "$L/blobs/sha256/${gone#*:}" "$TMP/gone"
touch "$L/index.json"
becomes "a broken image is left out" has_no_tag localhost/busy:1
check "the image without that layer is not left out" podman image exists localhost/busy:base
same "errors has a file with the reason" "layer 2: blob $gone is missing" "$(cat "$M/errors/busy:1")"
podman run --rm "busy@$manifest" true >"$TMP/out" 2>&1
check "podman names the image that it cannot find" grep -q "$manifest" "$TMP/out"
mv "$TMP/gone" "$L/blobs/sha256/${gone#*:}"
becomes "a repaired image comes back" has_tag localhost/busy:1
podman rm -af >/dev/null 2>&1
unmount "$M"

# A directory of layouts.
mkdir -p "$TMP/layouts/team"
mv "$L" "$TMP/layouts/team/app"
check "a tag is added" "$LAYOUTFS" ref put "$TMP/layouts/team/app" 1.0 "$manifest"
mount_at "$M" --view containers-storage --repositories "$TMP/layouts"
check "a tag of a repository has its name" podman image exists localhost/team/app:1.0
container=$(podman create team/app:1.0 /bin/true)
same "the container of a repository's image has its files" "third" "$(cat "$(podman mount "$container")/thrice")"
podman rm -af >/dev/null 2>&1
unmount "$M"
