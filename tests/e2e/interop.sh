#!/usr/bin/env bash
# umoci and skopeo read the layouts that layoutfs writes, and layoutfs reads and changes theirs.
. "$(dirname "$0")/lib.sh"
need_root
need umoci skopeo jq
make_layouts single
original=$TMP/layouts/single
manifest=$(jq -r '.manifests[0].digest' "$original/index.json")
ours=$TMP/ours

# blobs_of LAYOUT: the names of all its blobs, sorted.
blobs_of() { (cd "$1/blobs" && find . -type f | sort); }
skopeo=$(command -v skopeo)
skopeo() { limited "$skopeo" --insecure-policy "$@"; }

echo "-- what layoutfs writes"
check "layoutfs makes a layout" "$LAYOUTFS" init "$ours"
check "umoci lists it" umoci ls --layout "$ours"
for blob in "$original"/blobs/sha256/*; do
  same "blob put prints the digest" "sha256:${blob##*/}" "$(layoutfs blob put "$ours" "$blob")"
done
check "ref put names the manifest" "$LAYOUTFS" ref put "$ours" app-1.0 "$manifest"
same "umoci lists the reference" app-1.0 "$(umoci ls --layout "$ours")"
check "umoci describes the image" umoci stat --image "$ours:app-1.0"
same "skopeo reads the manifest byte for byte" "$(sha256sum <"$original/blobs/${manifest/://}")" \
  "$(skopeo inspect --raw "oci:$ours:app-1.0" | sha256sum)"
same "skopeo reads the config" "$(skopeo inspect --config "oci:$original:latest" | jq -S .)" \
  "$(skopeo inspect --config "oci:$ours:app-1.0" | jq -S .)"
check "skopeo copies the image" "$skopeo" --insecure-policy copy "oci:$ours:app-1.0" "oci:$TMP/copied:app"
same "and every blob of it" "$(blobs_of "$original")" "$(blobs_of "$TMP/copied")"
check "umoci unpacks it" umoci unpack --image "$ours:app-1.0" "$TMP/bundle"

echo "-- what the others make of it"
check "umoci tags" umoci tag --image "$ours:app-1.0" umoci-tag
check "skopeo adds an image" "$skopeo" --insecure-policy copy "oci:$original:latest" "oci:$ours:skopeo-tag"
same "layoutfs lists every reference" "app-1.0 skopeo-tag umoci-tag" "$(layoutfs ref ls "$ours" | sort | xargs)"
same "and resolves them all alike" "$manifest" \
  "$(for name in app-1.0 umoci-tag skopeo-tag; do layoutfs ref get "$ours" $name | jq -r .digest; done | sort -u)"
check "layoutfs finds nothing wrong" "$LAYOUTFS" fsck "$ours"
check "layoutfs removes a tag of umoci's" "$LAYOUTFS" ref rm "$ours" umoci-tag
check "layoutfs moves a tag of skopeo's" "$LAYOUTFS" ref put --replace "$ours" skopeo-tag "$manifest" --annotation k=v
same "umoci sees both" "app-1.0 skopeo-tag" "$(umoci ls --layout "$ours" | sort | xargs)"
check "umoci removes one" umoci rm --image "$ours:app-1.0"
check "gc keeps what skopeo's tag needs" "$LAYOUTFS" gc --grace 0 "$ours"
same "which is everything" "$(blobs_of "$original")" "$(blobs_of "$ours")"
check "umoci collects its garbage" umoci gc --layout "$ours"
same "and keeps that too" "$(blobs_of "$original")" "$(blobs_of "$ours")"

echo "-- theirs, read by layoutfs"
check "umoci makes a layout" umoci init --layout "$TMP/umoci"
check "umoci makes an image" umoci new --image "$TMP/umoci:new"
check "skopeo makes another" "$skopeo" --insecure-policy copy "oci:$original:latest" "oci:$TMP/skopeo:made"
for layout in umoci skopeo; do
  check "fsck finds nothing wrong in $layout's layout" "$LAYOUTFS" fsck "$TMP/$layout"
  same "blob ls lists its blobs" "$(blobs_of "$TMP/$layout" | sed 's|^\./||; s|/|:|')" \
    "$(layoutfs blob ls "$TMP/$layout" | sort)"
  for digest in $(layoutfs blob ls "$TMP/$layout"); do
    same "blob get gives its content" "${digest#*:}" "$(layoutfs blob get "$TMP/$layout" "$digest" | sha256sum | cut -d' ' -f1)"
  done
  check "clean leaves it alone" "$LAYOUTFS" clean "$TMP/$layout"
  check "blob put adds to it" sh -c "echo more | '$LAYOUTFS' blob put '$TMP/$layout'"
  check "gc takes that away again" "$LAYOUTFS" gc --grace 0 "$TMP/$layout"
  check "fsck still finds nothing wrong" "$LAYOUTFS" fsck "$TMP/$layout"
done
check "umoci still reads its own" umoci stat --image "$TMP/umoci:new"
check "skopeo still reads its own" "$skopeo" inspect "oci:$TMP/skopeo:made"

echo "-- layouts from before image-spec 1.0"
check "layoutfs makes one" "$LAYOUTFS" init --refs-dir "$TMP/old"
for blob in "$original"/blobs/sha256/*; do layoutfs blob put "$TMP/old" "$blob" >/dev/null; done
check "ref put writes a file" "$LAYOUTFS" ref put "$TMP/old" v1 "$manifest"
same "which holds a descriptor" "$manifest" "$(jq -r .digest "$TMP/old/refs/v1")"
same "the image is listed as any other" "$(layoutfs ls -R "$original:latest")" "$(layoutfs ls -R "$TMP/old:v1")"
check "fsck finds nothing wrong" "$LAYOUTFS" fsck "$TMP/old"
