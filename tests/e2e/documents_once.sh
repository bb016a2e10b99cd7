#!/usr/bin/env bash
# A mount and each command open, hash and parse each document of a layout only once.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 strace
L=$TMP/layout
M=$TMP/mount

# Writes an index of two platforms, ten images with their configs, and referrers of every kind. Prints the hex of each
# document.
documents=$(python3 - "$L" <<'END'
import hashlib, io, json, pathlib, sys, tarfile
root = pathlib.Path(sys.argv[1])
blobs = root / "blobs/sha256"
blobs.mkdir(parents=True)
OCI = "application/vnd.oci."
MANIFEST, INDEX = OCI + "image.manifest.v1+json", OCI + "image.index.v1+json"

def blob(content, media_type, is_document=True):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    if is_document:
        print(digest)
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(content)}

def image(name, architecture="amd64"):
    layer = io.BytesIO()
    tarfile.open(fileobj=layer, mode="w").addfile(tarfile.TarInfo(name))
    layer = blob(layer.getvalue(), OCI + "image.layer.v1.tar", False)
    config = blob({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}},
                  OCI + "image.config.v1+json")
    return blob({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}, MANIFEST)

def named(entry, name):
    return {**entry, "annotations": {"org.opencontainers.image.ref.name": name}}

images = [image("image%d" % i) for i in range(10)]
platforms = [{**image("platform" + each, each), "platform": {"os": "linux", "architecture": each}} for each in ("amd64", "arm64")]
index = blob({"schemaVersion": 2, "mediaType": INDEX, "manifests": platforms}, INDEX)
ORAS = "application/vnd.cncf.oras.artifact.manifest.v1+json"
inner = blob({"mediaType": ORAS, "artifactType": "a/b", "blobs": [], "subject": images[0]}, ORAS)
outer = blob({"mediaType": ORAS, "artifactType": "a/c", "blobs": [], "subject": inner}, ORAS)
entries = [named(each, "app:%d" % i) for i, each in enumerate(images)] + [named(index, "multi"), outer]
(root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
(root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
END
)
same "the layout has 27 documents" 27 "$(wc -w <<<"$documents")"

traced() { strace -f -qq -y -e trace=open,openat,openat2 -o "$TMP/trace" "$@"; }
# opens HEX: counts how often a blob was opened, by the path that strace prints for the returned descriptor.
opens() { grep -v O_PATH "$TMP/trace" | grep -c -F "<$L/blobs/sha256/$1>"; }
# each_once SENTENCE: each document must have been opened once.
each_once() {
  local hex count wrong=()
  for hex in $documents; do
    count=$(opens "$hex")
    [ "$count" = 1 ] || wrong+=("$hex: opened $count times")
  done
  if [ ${#wrong[@]} = 0 ]; then ok "$1"; else not_ok "$1" "${wrong[@]}"; fi
}
# browse: walks over everything except the files of images and layers.
browse() {
  limited find "$M/refs" "$M/manifests" \( -name rootfs -o -name tree -o -name layer.tar \) -prune -o -printf '%p %s %l\n' || not_ok "find"
}

echo "-- a mount"
mkdir "$M"
traced "$LAYOUTFS" mount -f "$L" "$M" >"$TMP/log" 2>&1 &
pids+=($!)
wait_for is_mounted "$M" || not_ok "mount succeeds under strace" "$(cat "$TMP/log")"
check "ls lists refs/" ls -l "$M/refs"
same "a listing of refs/ reads no document" 0 "$(grep -c "<$L/blobs/sha256/" "$TMP/trace")"
check "ls lists manifests/" ls -l "$M/manifests/sha256"
index=$(sed -n 25p <<<"$documents")
same "a listing of manifests/ reads only the index" "$L/blobs/sha256/$index" "$(grep -o "<$L/blobs/sha256/[0-9a-f]*>" "$TMP/trace" | tr -d '<>' | sort -u)"
first=$(browse)
browse | cmp -s - <(echo "$first") && ok "a second walk over the mount shows the same" || not_ok "a second walk over the mount shows the same"
inner=$(sed -n 26p <<<"$documents") outer=$(sed -n 27p <<<"$documents")
same "the mount shows the referrer of an image" "$inner" "$(sed -n 's|.*/referrers/\([0-9a-f]*\) .*|\1|p' <<<"$first")"
same "the mount shows the referrer of a referrer" "$outer" "$(ls "$M/manifests/sha256/$inner/referrers")"
check "ls lists the directories of manifests" ls -l "$M"/manifests/sha256/*
sleep 1.2 # the kernel forgets names and attributes after a second
browse >/dev/null
unmount "$M"
wait
each_once "a mount opens each document once"

echo "-- commands"
traced "$LAYOUTFS" fsck "$L" >"$TMP/log" 2>&1 || not_ok "fsck" "$(cat "$TMP/log")"
each_once "fsck opens each document once"
traced "$LAYOUTFS" gc --dry-run --grace 0s "$L" >"$TMP/log" 2>&1 || not_ok "gc" "$(cat "$TMP/log")"
each_once "gc opens each document once"
traced "$LAYOUTFS" copy "$L" "$TMP/copy" >"$TMP/log" 2>&1 || not_ok "copy" "$(cat "$TMP/log")"
each_once "copy opens each document once"
same "copy copies all blobs" "$(ls "$L/blobs/sha256")" "$(ls "$TMP/copy/blobs/sha256")"
traced "$LAYOUTFS" history "$L" >"$TMP/text" 2>"$TMP/log" || not_ok "history" "$(cat "$TMP/log")"
same "history shows the twelve images" 12 "$(grep -c ':$' "$TMP/text")"
each_once "history of a layout opens each document once"
