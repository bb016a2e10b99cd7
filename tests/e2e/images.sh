#!/usr/bin/env bash
# Real images of Debian packages, in each common compression, match an independent reader of the same layers. Uses the
# small images of make-images.sh, or the large ones (5 GB) with LAYOUTFS_TEST_FULL=1. Downloads Debian's packages.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mmdebstrap umoci skopeo jq zstd pzstd pigz python3
size=--small
[ -z "${LAYOUTFS_TEST_FULL-}" ] || size=
PATIENCE=$((PATIENCE * 10))
need_layout
export LAYOUTFS_TEST_LAYOUT=$LAYOUT

timeout 1500 bash "$CORPUS/make-images.sh" $size "$TMP/images" >"$TMP/log" 2>&1
case $? in
  0) ok "$(tail -n 1 "$TMP/log")" ;;
  77) skip "$(grep '^make-images.sh: ' "$TMP/log")" ;;
  *) not_ok "make-images.sh makes its images" "$(tail -n 20 "$TMP/log")" && exit 1 ;;
esac
images=$TMP/images/oci
while read -r variant; do left_out "$variant"; done < <(sed -n 's/^ *[0-9]*s *\(.*: no .*\)/\1/p' "$TMP/log")

# same_image SENTENCE TREE REFERENCE [OPTION...]: the mount must equal TREE.
same_image() {
  local sentence=$1 tree=$2 reference=$3
  shift 3
  mount_at "$TMP/m" -o dev,suid "$@" "$images:$reference"
  check "$sentence" python3 "$CORPUS/check-tree.py" "$tree" "$TMP/m"
  unmount "$TMP/m"
}

variants=0
for tree in "$TMP"/images/trees/*.json; do
  image=$(basename "$tree" .json)
  for reference in $(layoutfs ls "$images" | grep "^$image-"); do
    same_image "the mount of $reference equals the expected tree" "$tree" "$reference"
    variants=$((variants + 1))
  done
done
check "at least eighteen variants are compared: $variants" test "$variants" -ge 18

layoutfs ls "$images" | grep -qx multi || exit
this=$(dpkg --print-architecture)
same_image "the mount of multi shows the image for this machine" "$TMP/images/trees/python.json" multi
for architecture in $(jq -r --arg a "$this" '.manifests[].platform | select(.architecture != $a and .os == "linux")
    | .architecture' "$images/blobs/$(jq -r '.manifests[] | select(.annotations[] == "multi").digest' "$images/index.json" |
  tr : /)" | sort -u); do
  python3 "$CORPUS/oracle.py" "$images" multi "$architecture" >"$TMP/tree.json"
  same_image "the mount of multi for $architecture shows the tree of its layers" "$TMP/tree.json" multi -o "platform=linux/$architecture"
done
