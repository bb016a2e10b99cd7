#!/usr/bin/env bash
# Layouts of the common tools can be mounted.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need zstd
need_layout
make_layouts single
original=$TMP/layouts/single

# mounts LAYOUT REF SENTENCE: the mount must equal the result of Python's tarfile and the rules of image-spec.
mounts() {
  python3 "$CORPUS/oracle.py" "$1" "$2" "$(host_architecture)" >"$TMP/expected.json" || not_ok "oracle.py $1 $2"
  mount_at "$TMP/m" "$1:$2"
  check "$3" python3 "$CORPUS/check-tree.py" "$TMP/expected.json" "$TMP/m"
  unmount "$TMP/m"
}

mounts "$original" latest "the layout that the others copy is shown as it is"
if has skopeo; then
  check "skopeo copies a layout" skopeo --insecure-policy copy "oci:$original:latest" "oci:$TMP/skopeo:copied"
  mounts "$TMP/skopeo" copied "skopeo's copy is shown as it is"
  # skopeo compresses only uncompressed layers.
  check "skopeo decompresses" skopeo --insecure-policy copy --dest-decompress "oci:$original:latest" "dir:$TMP/plain"
  for format in zstd zstd:chunked; do
    copy=$TMP/skopeo-${format#*:}
    check "skopeo compresses to $format" skopeo --insecure-policy copy --dest-compress-format $format "dir:$TMP/plain" \
      "oci:$copy:made"
    check "the copy in $format has a zstd layer" grep -rq 'tar+zstd' "$copy/blobs"
    mounts "$copy" made "skopeo's copy in $format is shown as it is"
  done
  name=$(sed -n 's/.*"org.opencontainers.image.ref.name": *"\([^"]*\)".*/\1/p' "$LAYOUT/index.json" | head -n 1)
  check "skopeo copies all platforms" skopeo --insecure-policy copy --all "oci:$LAYOUT:$name" "oci:$TMP/all:$name"
  mounts "$TMP/all" "$name" "skopeo's copy of all platforms shows that of this machine"
fi

if has umoci; then
  check "umoci creates a layout" umoci init --layout "$TMP/umoci"
  check "umoci creates an image" umoci new --image "$TMP/umoci:new"
  mounts "$TMP/umoci" new "umoci's image without a layer is an empty root"
  check "umoci unpacks the original" umoci unpack --image "$original:latest" "$TMP/bundle"
  check "umoci inserts files into an image" umoci insert --image "$TMP/umoci:new" "$TMP/bundle/rootfs" /
  mounts "$TMP/umoci" new "umoci's image is shown as it is"
  rm -rf "$TMP/bundle"
  check "umoci unpacks its image" umoci unpack --image "$TMP/umoci:new" "$TMP/bundle"
  rm -r "$TMP/bundle/rootfs/etc/added" "$TMP/bundle/rootfs/srv"
  echo changed >"$TMP/bundle/rootfs/etc/name"
  check "umoci repacks its image" umoci repack --image "$TMP/umoci:repacked" "$TMP/bundle"
  mounts "$TMP/umoci" repacked "umoci's repacked image is shown as it is"
  check "umoci inserts an opaque directory" umoci insert --image "$TMP/umoci:repacked" --opaque "$HERE" /var
  mounts "$TMP/umoci" repacked "umoci's opaque directory is shown as it is"
  mounts "$TMP/umoci" new "and the image that it came from is as it was"
fi

if has buildah; then
  # buildah stores everything in the test's directory, with a driver that needs no support of the machine.
  storage=(--root "$TMP/containers" --runroot "$TMP/run" --storage-driver vfs)
  mkdir -p "$TMP/files/sub"
  echo text >"$TMP/files/sub/file"
  ln "$TMP/files/sub/file" "$TMP/files/hard"
  ln -s sub/file "$TMP/files/soft"
  check "buildah creates a container" buildah "${storage[@]}" from --name maker scratch
  check "buildah copies files" buildah "${storage[@]}" copy maker "$TMP/files" /
  check "buildah commits an image" buildah "${storage[@]}" commit maker "oci:$TMP/buildah:made"
  mounts "$TMP/buildah" made "buildah's image is shown as it is"
  buildah "${storage[@]}" rm -a >/dev/null
fi
