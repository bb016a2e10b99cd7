#!/usr/bin/env bash
# Common file tools work on a mounted image: copies, archives, searches, mmap, sendfile. Writes are refused.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
make_layouts sample
M=$TMP/m
mount_at "$M" --no-kernel "$TMP/layouts/sample:app:1.0"

check "cp -a copies the mount" cp -a "$M/." "$TMP/copy"
same_tree "the copy of cp -a has the same files" "$M" "$TMP/copy"
check "tar archives the mount" tar --xattrs --acls -C "$M" -cf "$TMP/all.tar" .
mkdir "$TMP/extracted"
check "tar extracts the archive of the mount" tar --xattrs --acls -C "$TMP/extracted" -xpf "$TMP/all.tar"
same_tree "the extracted archive has the same files" "$M" "$TMP/extracted" --ignore xattrs
check "find -ls walks over the mount" find "$M" -ls
same "find finds the same names as in the copy" "$(cd "$TMP/copy" && find . | sort)" "$(cd "$M" && limited find . | sort)"
same "grep -r finds a text in the mount" "./etc/added:needle in the upper layer" \
  "$(cd "$M" && limited grep -r --devices=skip 'needle in' .)"
same "du --apparent-size prints the same as for the copy" \
  "$(cd "$TMP/copy" && find . -type f -printf '%i %s\n' | sort -u | awk '{s += $2} END {print s}')" \
  "$(cd "$M" && limited find . -type f -printf '%i %s\n' | sort -u | awk '{s += $2} END {print s}')"
blocks=$(limited stat -c '%b %B' "$M/var/text")
same "stat returns blocks of 512 bytes that cover the file" "$(((3000000 + 511) / 512)) 512" "$blocks"
check "du counts blocks, and hard links once" test "$(limited du -sk "$M" | cut -f1)" -ge 5400 -a \
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
check "mmap, sendfile and random reads return the bytes of a text" python3 "$TMP/readers.py" "$M/var/text" "$TMP/copy/var/text"
check "mmap, sendfile and random reads return the bytes of noise" python3 "$TMP/readers.py" "$M/var/noise" "$TMP/copy/var/noise"

read_only() {
  local sentence=$1 output
  shift
  if output=$(limited "$@" 2>&1); then not_ok "$sentence fails" "it worked: $*"
  elif [[ $output == *"Read-only file system"* ]]; then ok "$sentence fails with EROFS"
  else not_ok "$sentence fails with EROFS" "$output"; fi
}
read_only "writing to a file" dd if=/dev/null of="$M/etc/name" conv=notrunc status=none
read_only "creating a file" touch "$M/new"
read_only "creating a directory" mkdir "$M/new"
read_only "removing a file" rm -f "$M/etc/name"
read_only "removing a directory" rmdir "$M/tmp"
read_only "renaming" mv "$M/etc/name" "$M/etc/other"
read_only "creating a hard link" ln "$M/etc/name" "$M/etc/other"
read_only "creating a symlink" ln -s x "$M/etc/other"
read_only "changing a mode" chmod 600 "$M/etc/name"
read_only "changing an owner" chown 1 "$M/etc/name"
read_only "truncating" truncate -s 0 "$M/etc/name"
read_only "setting an xattr" python3 -c "import os, sys; os.setxattr(sys.argv[1], 'user.a', b'b')" "$M/etc/name"
unmount "$M"
