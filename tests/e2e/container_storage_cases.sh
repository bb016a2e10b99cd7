#!/usr/bin/env bash
# The images of make-torture.py, each with one oddity, are all behind one mount with view=containers-storage: a container
# of buildah of each one has the expected tree, or is refused. By default every fifth case; all with LAYOUTFS_TEST_FULL=1.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_own_mounts
need buildah python3 jq
export LAYOUTFS TMPDIR=$TMP CASES=$TMP/cases STORE=$TMP/store
python3 "$CORPUS/make-torture.py" "$CASES" >/dev/null || exit 1
# The cases of images with several names and platforms, and one that is refused, are always among them.
[ "${LAYOUTFS_TEST_FULL-}" = 1 ] || for case in $(cd "$CASES" && printf '%s\n' * | awk 'NR % 5 != 1 && !/^oci-|^links-hard-dangling$/'); do rm -r "${CASES:?}/$case"; done

mkdir -p "$TMP/root" "$TMP/run" "$TMP/home" "$TMP/programs"
export XDG_RUNTIME_DIR=$TMP/run HOME=$TMP/home
# Uses the store $STORE.
cat >"$TMP/programs/engine" <<END
#!/bin/sh
exec timeout $PATIENCE buildah --root $TMP/root --runroot $TMP/run --storage-driver overlay --storage-opt "additionalimagestore=\$STORE" "\$@"
END
cat >"$TMP/programs/container" <<'END'
#!/bin/sh
# Mounts a container of the image $REF of $LAYOUT at $AT. A mount has one image of an index, that for this machine, so
# another platform needs another mount.
repository=${LAYOUT#"$CASES/"}
if [ "${PLATFORM-}" ]; then
  export STORE=$AT.store
  mkdir "$STORE" && "$LAYOUTFS" mount -q --view containers-storage --platform "$PLATFORM" "$LAYOUT" "$STORE" || exit
  repository=oci
fi
case ${REF-} in
  "") image=$(jq -r '.manifests[0].digest' "$LAYOUT/index.json" | sed "s,^,localhost/$repository@,") ;;
  sha*:*) image=localhost/$repository@$REF ;;
  */*) image=localhost/$REF ;;
  *) image=localhost/$repository:$REF ;;
esac
container=$(engine from --pull-never "$image") || exit
root=$(engine mount "$container") || exit
# A layer is read now.
ls "$root" >/dev/null || exit
mount --bind "$root" "$AT" || exit
# overlayfs keeps the lower filesystem.
[ -z "${PLATFORM-}" ] || exec "$LAYOUTFS" umount -z "$STORE"
END
chmod +x "$TMP/programs/"*
PATH=$TMP/programs:$PATH

# overlayfs takes a device 0:0 for a whiteout, in every store.
rm -rf "$CASES/kinds-overlay-device"
mount_at "$STORE" --view containers-storage -o dev,suid --repositories "$CASES"
# The root directory of a container is a new one.
python3 "$CORPUS/run-cases.py" --slack "${LAYOUTFS_TEST_SLACK:-5}" --ignore root --mount container "$CASES" ||
  not_ok "containers have the expected trees"
refused=$(jq -r 'select(.mounts | length == 1 and (.[0].outcome == ["refuse"])) | .case + "%2Foci:latest"' "$CASES"/*/expected.json)
same "errors has the images that were refused, and no other" "$refused" "$(ls "$STORE/errors" 2>/dev/null)"
engine rm -a >/dev/null || not_ok "the containers are removed"
unmount "$STORE"
