#!/usr/bin/env bash
# The examples of the manual pages work. bash runs the commands of a page in a new directory, with the layouts below
# /srv that the pages assume.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_own_mounts
need busybox bwrap jq umoci unshare
unshare -Ur true 2>/dev/null || skip "cannot create user namespaces here"
# Mounts empty directories there, so that the machine's files stay unchanged.
for place in /mnt /srv; do mount -t tmpfs -o size=64m,mode=755 tmpfs $place || skip "cannot mount a tmpfs here"; done
mkdir "$TMP/bin" "$TMP/files" "$TMP/all"
ln -s "$LAYOUTFS" "$TMP/bin/layoutfs"
export PATH=$TMP/bin:$PATH LAYOUTFS_STORE=$TMP/names

root=$TMP/root all=$TMP/all
mkdir -p "$root"/{bin,dev,etc,proc,root,sys,tmp} "$all/files"
cp "$(command -v busybox)" "$root/bin/busybox"
for each in sh ls touch; do ln "$root/bin/busybox" "$root/bin/$each"; done
echo "root:x:0:0:root:/root:/bin/sh" >"$root/etc/passwd"
echo "root:x:0:" >"$root/etc/group"
echo file >"$all/files/file"
umoci init --layout "$TMP/made" && umoci new --image "$TMP/made:made" && umoci insert --image "$TMP/made:made" "$root" / >/dev/null || exit 1
for tag in 1.0 1.1; do
  layoutfs copy -q "$TMP/made:made" "$all/layout:app:$tag" >"$TMP/out" &&
    layoutfs copy -q "$TMP/made:made" "oci-repositories:$all/registry:team/app:$tag" >"$TMP/out" || exit 1
done
layoutfs image tag -q "$all/layout:app:1.1" here || exit 1
cp -a "$all/layout" "$all/mirror"
manifest=$(layoutfs inspect --raw "$all/layout:app:1.1")
jq '.mediaType = "application/vnd.oci.image.manifest.v1+json"' <<<"$manifest" >"$TMP/files/manifest.json"
layoutfs blob get "$all/layout" "$(jq -r .config.digest <<<"$manifest")" >"$TMP/files/config.json"
layoutfs blob get "$all/layout" "$(jq -r '.layers[0].digest' <<<"$manifest")" >"$TMP/files/layer.tar.gz"

# examples PAGE: prints the commands of its section EXAMPLES.
examples() {
  awk '/^\.SH / {shown = $2 == "EXAMPLES"} /^\.EE/ {code = 0} shown && code {print} /^\.EX/ {code = 1}' "$1" |
    sed "s/\\\\(aq/'/g; s/\\\\(ti/~/g; s/\\\\(ha/^/g; s/\\\\(ga/\`/g; s/\\\\-/-/g; s/\\\\&//g; s/\\\\e/\\\\/g"
}
for page in "$SOURCE"/docs/man/layoutfs*.1; do
  name=$(basename "$page")
  rm -rf /srv/* "$TMP/page" && cp -a "$all"/* /srv && cp -a "$TMP/files" "$TMP/page" && mkdir "$TMP/page/m" || exit 1
  examples "$page" >"$TMP/examples"
  same "$name has at least two examples" 1 "$(($(grep -c layoutfs "$TMP/examples") >= 2))"
  (cd "$TMP/page" && limited bash -e -o pipefail "$TMP/examples") </dev/null >"$TMP/out" 2>&1
  same "the examples of $name succeed" 0 "$?"
  tail -n 5 "$TMP/out" | sed 's/^/  /; $a\'
done
same "the examples leave no mount" "" "$(mounts_below "$TMP/page")"
umount /mnt /srv
