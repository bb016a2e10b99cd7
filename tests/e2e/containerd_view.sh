#!/usr/bin/env bash
# mount -o view=containerd: the file of each layer has the path that containerd looks for, and the kernel mounts it. That
# overlayfs over such files equals the root filesystem is tested in layer_erofs.sh.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need jq python3 losetup
need_erofs
need_loop_devices
python3 - "$CORPUS" "$TMP/img" "$(host_architecture)" <<'PYTHON' || exit 1
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from ocilib import Layout, Tar, noise
base = Tar().dir("d").file("d/old", "old").file("d/kept", noise(300_000, 1), xattrs={"user.note": b"x"})
top = Tar().dir("d").whiteout("d/old").dir("o").opaque("o").file("o/new", "new")
made = Layout()
made.tag("all", made.image([base, top], arch=sys.argv[3]))
made.tag("base", made.image([base], arch=sys.argv[3]))
made.write(pathlib.Path(sys.argv[2]))
PYTHON
L=$TMP/img V=$TMP/view M=$TMP/m
path_of() { echo "$V/sha256/${1:7:2}/${1#sha256:}.erofs"; }
mounted() { # mounted FILE COMMAND...: runs it in the file's tree.
  local file=$1 code
  shift
  mkdir -p "$TMP/layer" && limited mount -t erofs -o ro,loop "$file" "$TMP/layer" || return
  (cd "$TMP/layer" && "$@")
  code=$?
  limited umount "$TMP/layer"
  return $code
}

mount_at "$V" --view containerd "$L"
mount_at "$M" "$L"
same "the view has directories for the algorithms only" "sha256 sha512" "$(ls "$V" | xargs)"
same "no layer was read" 0 "$(getfattr --absolute-names --only-values -n user.layoutfs.stats "$V" | jq .indexesBuilt)"
mapfile -t diff_ids < <(jq -r '.rootfs.diff_ids[]' "$M/refs/all/config.json")
same "each layer has a file, once" "$(printf '%s\n' "${diff_ids[@]}" | sed 's/^sha256://' | sort)" \
  "$(cd "$V/sha256" && for file in */*; do name=${file#*/}; [ "${name:0:2}" = "${file%/*}" ] && echo "${name%.erofs}"; done | sort)"
for number in 0 1; do
  check "layer $number equals layer.erofs" cmp "$(path_of "${diff_ids[number]}")" "$M/refs/all/layers/0$number/layer.erofs"
done
same "the kernel mounts the base" "./d/kept f ./d/old f" "$(mounted "$(path_of "${diff_ids[0]}")" find . -type f -printf '%p %y ' | sed 's/ $//')"
same "a file of the base has its content" "$(sha256sum <"$M/refs/all/rootfs/d/kept")" "$(mounted "$(path_of "${diff_ids[0]}")" sha256sum d/kept | sed 's/ .*/  -/')"
same "whiteouts are those of overlayfs" "character special file 0 0" "$(mounted "$(path_of "${diff_ids[1]}")" stat -c '%F %t %T' d/old)"
same "opaque directories are those of overlayfs" "y" \
  "$(mounted "$(path_of "${diff_ids[1]}")" getfattr --only-values -n trusted.overlay.opaque o)"

refused "the view of a single image is refused" 2 mount --view containerd "$L:all" "$TMP/other"
check "an image is removed" "$LAYOUTFS" ref rm "$L" all
gone() { [ ! -e "$(path_of "${diff_ids[1]}")" ]; }
wait_for gone && ok "the layer of a removed image disappears" || not_ok "the layer of a removed image disappears"
check "the base is still there" test -f "$(path_of "${diff_ids[0]}")"
unmount "$M"
unmount "$V"

echo "-- a directory of layouts"
mkdir -p "$TMP/layouts/team"
mv "$L" "$TMP/layouts/team/app"
mount_at "$V" --view containerd --repositories "$TMP/layouts"
check "the layers of all layouts are there" test -f "$(path_of "${diff_ids[0]}")"
