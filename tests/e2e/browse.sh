#!/usr/bin/env bash
# A mount of a real layout: refs, manifests and blobs.
. "$(dirname "$0")/lib.sh"
need_fuse
need_layout
need jq
M=$TMP/m
mount_at "$M" "$LAYOUT"

same "the root of a mount shows the files of a layout" "blobs index.json manifests oci-layout refs" "$(limited ls "$M" | xargs)"
check "index.json of the mount has the bytes of the layout's" cmp "$LAYOUT/index.json" "$M/index.json"
check "oci-layout of the mount has the bytes of the layout's" cmp "$LAYOUT/oci-layout" "$M/oci-layout"

same "refs/ has every name of index.json" \
  "$(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' "$LAYOUT/index.json" | sort)" \
  "$(cd "$M/refs" && limited find . -type l -printf '%P\n' | sort)"
for ref in "$M"/refs/*; do
  name=${ref##*/}
  wanted=$(jq -r --arg name "$name" \
    '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $name).digest' "$LAYOUT/index.json")
  same "refs/$name is a link to its manifest" "$M/manifests/${wanted/://}" "$(limited readlink -f "$ref")"
done

same "blobs/sha256 has every blob" "$(ls "$LAYOUT/blobs/sha256")" "$(limited ls "$M/blobs/sha256")"
same "the digest of every mounted blob is its name" "" \
  "$(cd "$M/blobs/sha256" && limited sha256sum -- * | awk '$1 != $2')"

# Lists every manifest and index reachable from index.json, by jq alone.
reachable() {
  local digest
  jq -r '.manifests[].digest' "$1" | sort -u | while read -r digest; do
    echo "${digest#sha256:}"
    jq -e .manifests "$LAYOUT/blobs/${digest/://}" >/dev/null && reachable "$LAYOUT/blobs/${digest/://}"
  done
}
same "manifests/sha256 has every manifest and index" "$(reachable "$LAYOUT/index.json" | sort -u)" \
  "$(limited ls "$M/manifests/sha256")"

for directory in "$M"/manifests/sha256/*/; do
  directory=${directory%/} digest=${directory##*/} short=${directory##*/} blob=$LAYOUT/blobs/sha256/${directory##*/}
  short=${short:0:12}
  check "$short: manifest.json has the bytes of the blob" cmp "$blob" "$directory/manifest.json"
  check "$short: jq reads manifest.json" jq . "$directory/manifest.json"
  same "$short: descriptor.json has the digest of the manifest" "sha256:$digest" "$(limited jq -r .digest "$directory/descriptor.json")"
  check "$short: there is no error file" test ! -e "$directory/error"
  if jq -e .manifests "$blob" >/dev/null; then
    same "$short: platforms/ has one link for each platform" \
      "$(jq -r '.manifests[].platform | [.os, .architecture, .variant // empty] | join("-")' "$blob" | sort)" \
      "$(limited find "$directory/platforms" -type l -printf '%P\n' | sort)"
    for platform in "$directory"/platforms/*; do
      wanted=$(jq -r --arg name "${platform##*/}" '.manifests[] |
        select((.platform | [.os, .architecture, .variant // empty] | join("-")) == $name).digest' "$blob")
      same "$short: platforms/${platform##*/} is a link to its manifest" "$M/manifests/${wanted/://}" \
        "$(limited readlink -f "$platform")"
    done
    wanted=$(jq -r --arg arch "$(host_architecture)" '.manifests[] |
      select(.platform.os == "linux" and .platform.architecture == $arch).digest' "$blob" | head -n 1)
    [ -z "$wanted" ] || same "$short: rootfs is a link to this machine's" "$M/manifests/${wanted/://}/rootfs" \
      "$(limited readlink -f "$directory/rootfs")"
  else
    check "$short: jq reads config.json" jq . "$directory/config.json"
    config=$(jq -r .config.digest "$blob")
    check "$short: config.json has the bytes of the blob" cmp "$LAYOUT/blobs/${config/://}" "$directory/config.json"
    same "$short: layers/ is numbered from 00" "$(jq -r '.layers | keys[]' "$blob" | xargs -r printf '%02d\n')" \
      "$(limited ls "$directory/layers")"
    for layer in "$directory"/layers/*/; do
      number=$(basename "$layer") digest=$(limited jq -r .digest "$layer/descriptor.json")
      same "$short: layer $number has the digest in the manifest" "$(jq -r ".layers[$((10#$number))].digest" "$blob")" "$digest"
      same "$short: blob of layer $number is a link to the blob" "$M/blobs/${digest/://}" "$(limited readlink -f "$layer/blob")"
      same "$short: layer.tar of layer $number has the diffID in the config" \
        "$(jq -r ".rootfs.diff_ids[$((10#$number))]" "$LAYOUT/blobs/${config/://}")" \
        "sha256:$(limited sha256sum <"$layer/layer.tar" | cut -d' ' -f1)"
      same "$short: layer.tar of layer $number has the size that stat(2) returns" "$(gzip -dc "$LAYOUT/blobs/${digest/://}" | wc -c)" \
        "$(limited stat -c %s "$layer/layer.tar")"
      same "$short: tree/ of layer $number has every name in the tar, and its parents" \
        "$(tar -tf "$LAYOUT/blobs/${digest/://}" | sed 's,^\./,,; s,/$,,; /^$/d; p; :up; s,/[^/]*$,,p; t up' | sort -u)" \
        "$(cd "$layer/tree" && limited find . -mindepth 1 -printf '%P\n' | sort)"
    done
  fi
done
unmount "$M"
