#!/usr/bin/env bash
# umoci and skopeo read the layouts that layoutfs writes. layoutfs reads and changes layouts of umoci and skopeo.
. "$(dirname "$0")/lib.sh"
need_root
need umoci skopeo jq
make_layouts single
original=$TMP/layouts/single
manifest=$(jq -r '.manifests[0].digest' "$original/index.json")
ours=$TMP/ours

# blobs_of LAYOUT: lists the names of all blobs, sorted.
blobs_of() { (cd "$1/blobs" && find . -type f | sort); }
skopeo=$(command -v skopeo)
skopeo() { limited "$skopeo" --insecure-policy "$@"; }

echo "-- a layout by layoutfs"
check "init creates a layout" "$LAYOUTFS" init "$ours"
check "umoci lists an empty layout of layoutfs" umoci ls --layout "$ours"
for blob in "$original"/blobs/sha256/*; do
  same "blob put prints the digest" "sha256:${blob##*/}" "$(layoutfs blob put "$ours" "$blob")"
done
check "ref put names the manifest" "$LAYOUTFS" ref put "$ours" app-1.0 "$manifest"
same "umoci lists the reference of layoutfs" app-1.0 "$(umoci ls --layout "$ours")"
check "umoci describes the image" umoci stat --image "$ours:app-1.0"
same "skopeo reads the manifest byte for byte" "$(sha256sum <"$original/blobs/${manifest/://}")" \
  "$(skopeo inspect --raw "oci:$ours:app-1.0" | sha256sum)"
same "skopeo reads the config" "$(skopeo inspect --config "oci:$original:latest" | jq -S .)" \
  "$(skopeo inspect --config "oci:$ours:app-1.0" | jq -S .)"
check "skopeo copies the image" "$skopeo" --insecure-policy copy "oci:$ours:app-1.0" "oci:$TMP/copied:app"
same "skopeo copies every blob of the image" "$(blobs_of "$original")" "$(blobs_of "$TMP/copied")"
check "umoci unpacks the image" umoci unpack --image "$ours:app-1.0" "$TMP/bundle"

echo "-- changes by other tools"
check "umoci adds a tag" umoci tag --image "$ours:app-1.0" umoci-tag
check "skopeo adds an image" "$skopeo" --insecure-policy copy "oci:$original:latest" "oci:$ours:skopeo-tag"
same "ref ls lists the references of all tools" "app-1.0 skopeo-tag umoci-tag" "$(layoutfs ref ls "$ours" | sort | xargs)"
same "the references of all tools have the same target" "$manifest" \
  "$(for name in app-1.0 umoci-tag skopeo-tag; do layoutfs ref get "$ours" $name | jq -r .digest; done | sort -u)"
check "fsck finds no problems in a layout that other tools changed" "$LAYOUTFS" fsck "$ours"
check "ref rm removes a tag of umoci" "$LAYOUTFS" ref rm "$ours" umoci-tag
check "ref put --replace moves a tag of skopeo" "$LAYOUTFS" ref put --replace "$ours" skopeo-tag "$manifest" --annotation k=v
same "umoci lists the remaining references" "app-1.0 skopeo-tag" "$(umoci ls --layout "$ours" | sort | xargs)"
check "umoci removes a reference of layoutfs" umoci rm --image "$ours:app-1.0"
check "gc succeeds on a layout that other tools changed" "$LAYOUTFS" gc --grace 0 "$ours"
same "gc keeps all blobs of skopeo's tag" "$(blobs_of "$original")" "$(blobs_of "$ours")"
check "umoci gc succeeds on a layout of layoutfs" umoci gc --layout "$ours"
same "umoci gc keeps all blobs of the tag" "$(blobs_of "$original")" "$(blobs_of "$ours")"

echo "-- layouts by other tools"
check "umoci creates a layout" umoci init --layout "$TMP/umoci"
check "umoci creates an image" umoci new --image "$TMP/umoci:new"
check "skopeo creates a layout" "$skopeo" --insecure-policy copy "oci:$original:latest" "oci:$TMP/skopeo:made"
for layout in umoci skopeo; do
  check "fsck finds no problems in $layout's layout" "$LAYOUTFS" fsck "$TMP/$layout"
  same "blob ls lists the blobs of $layout's layout" "$(blobs_of "$TMP/$layout" | sed 's|^\./||; s|/|:|')" \
    "$(layoutfs blob ls "$TMP/$layout" | sort)"
  for digest in $(layoutfs blob ls "$TMP/$layout"); do
    same "blob get prints a blob of $layout's layout" "${digest#*:}" "$(layoutfs blob get "$TMP/$layout" "$digest" | sha256sum | cut -d' ' -f1)"
  done
  check "clean succeeds on $layout's layout" "$LAYOUTFS" clean "$TMP/$layout"
  check "blob put adds a blob to $layout's layout" sh -c "echo more | '$LAYOUTFS' blob put '$TMP/$layout'"
  check "gc removes the added blob from $layout's layout" "$LAYOUTFS" gc --grace 0 "$TMP/$layout"
  check "fsck finds no problems in $layout's layout after gc" "$LAYOUTFS" fsck "$TMP/$layout"
done
check "umoci reads its layout after layoutfs changed it" umoci stat --image "$TMP/umoci:new"
check "skopeo reads its layout after layoutfs changed it" "$skopeo" inspect "oci:$TMP/skopeo:made"

echo "-- layouts from before image-spec 1.0"
check "init --refs-dir creates a layout in the old form" "$LAYOUTFS" init --refs-dir "$TMP/old"
for blob in "$original"/blobs/sha256/*; do layoutfs blob put "$TMP/old" "$blob" >/dev/null; done
check "ref put writes a file in refs/" "$LAYOUTFS" ref put "$TMP/old" v1 "$manifest"
same "the file in refs/ has the descriptor" "$manifest" "$(jq -r .digest "$TMP/old/refs/v1")"
same "ls lists the image of a layout in the old form" "$(layoutfs ls -R "$original:latest")" "$(layoutfs ls -R "$TMP/old:v1")"
check "fsck finds no problems in a layout in the old form" "$LAYOUTFS" fsck "$TMP/old"
