#!/usr/bin/env bash
# Layouts in tars with sparse files, in every format of GNU tar, are read like the result of tar -x.
. "$(dirname "$0")/lib.sh"
need jq python3 tar
make_layouts sample
S=$TMP/store
cp -a "$TMP/layouts/sample" "$S"
# Writes blobs of holes and data, and index.json and oci-layout too. Each is made sparse on disk.
python3 - "$S" <<'PY'
import hashlib, json, os, random, sys
store, rnd = sys.argv[1], random.Random(16)
def put(content):
    hexes = hashlib.sha256(content).hexdigest()
    path = f"{store}/blobs/sha256/{hexes}"
    open(path, "wb").write(content)
    return "sha256:" + hexes, path
def with_holes(path):
    content = open(path, "rb").read()
    with open(path, "r+b") as file:
        file.truncate(0)
        for at in range(0, len(content), 4096):
            piece = content[at:at + 4096]
            if any(piece):
                file.seek(at)
                file.write(piece)
        file.truncate(len(content))
blobs = [b"", bytes(1 << 20), bytes(1 << 20) + b"x", b"x" + bytes(1 << 20), rnd.randbytes(5000)]
# More pieces than a header holds, and more than the 21 of an extension block.
blobs += [b"".join(rnd.choice([bytes(4096), rnd.randbytes(4096)]) for _ in range(n)) for n in (5, 60, 400)]
# A tar like that of a layer.
index = json.load(open(f"{store}/index.json"))
for number, content in enumerate(blobs):
    digest, path = put(content)
    with_holes(path)
    index["manifests"].append({"mediaType": "text/plain", "digest": digest, "size": len(content),
                               "annotations": {"org.opencontainers.image.ref.name": f"sparse{number}"}})
open(f"{store}/index.json", "wb").write(json.dumps(index).encode() + b" " * 9000)
for name in os.listdir(f"{store}/blobs/sha256"):
    with_holes(f"{store}/blobs/sha256/{name}")
PY
same_as_extracted() {
  local sentence=$1 archive=$2 digest bad=0
  rm -rf "$TMP/extracted" && mkdir "$TMP/extracted" && tar -C "$TMP/extracted" -xf "$archive"
  for command in "ls -l" "inspect" "blob ls" "ref ls"; do
    same "$sentence: $command prints the same as for the extracted layout" "$(layoutfs $command "$TMP/extracted" 2>&1 | sed "s|$TMP/extracted|LAYOUT|")" \
      "$(layoutfs $command "$archive" 2>&1 | sed "s|$archive|LAYOUT|")"
  done
  check "$sentence: fsck finds no problems" "$LAYOUTFS" fsck --no-progress "$archive"
  for digest in $(layoutfs blob ls "$archive"); do
    cmp -s <(layoutfs blob get "$archive" "$digest") "$TMP/extracted/blobs/${digest/://}" || bad=$((bad + 1))
    cmp -s <(layoutfs blob get "$archive" "$digest" --offset 3000 --length 9000) \
      <(tail -c +3001 "$TMP/extracted/blobs/${digest/://}" | head -c 9000) || bad=$((bad + 1))
  done
  same "$sentence: blob get prints the same as tar extracts" 0 $bad
  check "$sentence: copy succeeds" "$LAYOUTFS" copy --no-progress "$archive" "$TMP/copy"
  check "$sentence: fsck finds no problems in the copy" "$LAYOUTFS" fsck --no-progress "$TMP/copy"
  rm -rf "$TMP/copy"
}
for form in "--format=gnu" "--format=posix --sparse-version=0.0" "--format=posix --sparse-version=0.1" \
  "--format=posix --sparse-version=1.0"; do
  tar -C "$S" -S --hole-detection=raw $form -cf "$TMP/sparse.tar" oci-layout index.json blobs
  check "tar $form writes a sparse archive" test "$(stat -c %s "$TMP/sparse.tar")" -lt "$(du -sb "$S" | cut -f1)"
  same_as_extracted "an archive of tar $form" "$TMP/sparse.tar"
done

# index.json and oci-layout as sparse entries. No archiver writes files of this size as sparse.
python3 - "$S" "$TMP/small.tar" <<'PY'
import sys, tarfile, io
store, out = sys.argv[1:]
with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as tar:
    tar.add(f"{store}/blobs", "blobs")
    for name in ("oci-layout", "index.json"):
        content = open(f"{store}/{name}", "rb").read()
        half = len(content) // 2 // 512 * 512 # GNU tar begins each piece at a block boundary
        text = f"2\n0\n{half}\n{half}\n{len(content) - half}\n".encode()
        stored = text + bytes(-len(text) % 512) + content
        entry = tarfile.TarInfo(f"GNUSparseFile.1/{name}")
        entry.size = len(stored)
        entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name,
                             "GNU.sparse.realsize": str(len(content))}
        tar.addfile(entry, io.BytesIO(stored))
PY
same_as_extracted "an archive with sparse documents" "$TMP/small.tar"

# Truncates inside the stored data.
head -c $(($(stat -c %s "$TMP/sparse.tar") * 2 / 3)) "$TMP/sparse.tar" >"$TMP/cut.tar"
layoutfs fsck --no-progress "$TMP/cut.tar" >/dev/null 2>&1
check "a truncated sparse archive is refused" test $? != 0
