#!/usr/bin/env bash
# Common file tools work on a mounted image: copies, archives, searches, mmap, sendfile; writing is refused.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
make_layouts sample
M=$TMP/m
mount_at "$M" "$TMP/layouts/sample:app:1.0"

check "cp -a copies everything" cp -a "$M/." "$TMP/copy"
same_tree "the copy is the same" "$M" "$TMP/copy"
check "tar -c archives everything" tar --xattrs --acls -C "$M" -cf "$TMP/all.tar" .
mkdir "$TMP/extracted"
check "the archive extracts" tar --xattrs --acls -C "$TMP/extracted" -xpf "$TMP/all.tar"
same_tree "what was archived is the same" "$M" "$TMP/extracted" --ignore xattrs
check "find -ls sees every file" find "$M" -ls
same "find sees the same names as in the copy" "$(cd "$TMP/copy" && find . | sort)" "$(cd "$M" && limited find . | sort)"
same "grep -r finds the needle" "./etc/added:needle in the upper layer" \
  "$(cd "$M" && limited grep -r --devices=skip 'needle in' .)"
same "du counts as in the apparent sizes of the copy" \
  "$(cd "$TMP/copy" && find . -type f -printf '%i %s\n' | sort -u | awk '{s += $2} END {print s}')" \
  "$(cd "$M" && limited find . -type f -printf '%i %s\n' | sort -u | awk '{s += $2} END {print s}')"
blocks=$(limited stat -c '%b %B' "$M/var/text")
same "blocks are of 512 bytes and hold the file" "$(((3000000 + 511) / 512)) 512" "$blocks"
check "du takes blocks and hard links into account" test "$(limited du -sk "$M" | cut -f1)" -ge 5400 -a \
  "$(limited du -sk "$M" | cut -f1)" -lt 5700

cat >"$TMP/readers.py" <<'PYTHON'
import mmap, os, random, socket, sys
mounted, copy = sys.argv[1:]
with open(copy, "rb") as f:
    plain = f.read()
with open(mounted, "rb") as f:
    with mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[:] == plain, "mmap"
with open(mounted, "rb") as f, open(copy + ".sent", "w+b") as out:
    at = 0
    while n := os.sendfile(out.fileno(), f.fileno(), at, len(plain)):
        at += n
    out.seek(0)
    assert out.read() == plain, "sendfile"
with open(mounted, "rb") as f:
    rnd = random.Random(7)
    for _ in range(300):
        at, size = rnd.randrange(len(plain) + 10), rnd.randrange(200_000)
        assert os.pread(f.fileno(), size, at) == plain[at : at + size], f"{size} bytes at {at}, seed 7"
    assert os.lseek(f.fileno(), 0, os.SEEK_DATA) == 0
    assert os.lseek(f.fileno(), 0, os.SEEK_HOLE) == len(plain)
PYTHON
check "mmap, sendfile and reads anywhere give the file's bytes" python3 "$TMP/readers.py" "$M/var/text" "$TMP/copy/var/text"
check "so do they of what does not compress" python3 "$TMP/readers.py" "$M/var/noise" "$TMP/copy/var/noise"

read_only() {
  local sentence=$1 output
  shift
  if output=$(limited "$@" 2>&1); then not_ok "$sentence is refused" "it worked: $*"
  elif [[ $output == *"Read-only file system"* ]]; then ok "$sentence is refused with EROFS"
  else not_ok "$sentence is refused with EROFS" "$output"; fi
}
read_only "writing to a file" dd if=/dev/null of="$M/etc/name" conv=notrunc status=none
read_only "making a file" touch "$M/new"
read_only "making a directory" mkdir "$M/new"
read_only "removing a file" rm -f "$M/etc/name"
read_only "removing a directory" rmdir "$M/tmp"
read_only "renaming" mv "$M/etc/name" "$M/etc/other"
read_only "linking" ln "$M/etc/name" "$M/etc/other"
read_only "making a symlink" ln -s x "$M/etc/other"
read_only "changing a mode" chmod 600 "$M/etc/name"
read_only "changing an owner" chown 1 "$M/etc/name"
read_only "truncating" truncate -s 0 "$M/etc/name"
read_only "setting an xattr" python3 -c "import os, sys; os.setxattr(sys.argv[1], 'user.a', b'b')" "$M/etc/name"
unmount "$M"
