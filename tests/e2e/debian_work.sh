#!/usr/bin/env bash
# Work in an image of Debian with `layoutfs chroot`: installs a package, and compiles Python and C. Every resulting file
# equals the one in the same tree unpacked. LAYOUTFS_TEST_FULL=1 compiles all of Python's library and a larger program.
# Debian's packages come from the network, unless LAYOUTFS_TEST_DEBIAN names a tar of such a system.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mmdebstrap dpkg-deb chroot jq zstd
PATIENCE=$((PATIENCE * 10))
U=$TMP/unpacked
I=$TMP/layout:debian

mkdir -p "$TMP/hello/DEBIAN" "$TMP/hello/usr/bin" "$TMP/hello/etc" "$TMP/task" "$U"
cat >"$TMP/hello/DEBIAN/control" <<'END'
Package: hello-there
Version: 1.0
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: a package to install
END
echo /etc/hello-there.conf >"$TMP/hello/DEBIAN/conffiles"
printf '#!/bin/sh\nset -e\necho configured "$@" >/var/lib/hello-there\nln -f /usr/bin/hello-there /usr/bin/hello-again\n' \
  >"$TMP/hello/DEBIAN/postinst"
printf '#!/bin/sh\necho hello there\n' >"$TMP/hello/usr/bin/hello-there"
echo 'greeting=hello' >"$TMP/hello/etc/hello-there.conf"
chmod 755 "$TMP/hello/DEBIAN/postinst" "$TMP/hello/usr/bin/hello-there"
dpkg-deb --root-owner-group --build "$TMP/hello" "$TMP/task/hello.deb" >/dev/null || exit 1

# functions NUMBER: prints a C program with this number of calls.
functions() {
  echo '#include <stdio.h>'
  seq "$1" | sed 's/.*/static unsigned f&(unsigned x) { for (unsigned i = 0; i < x % &; ++i) x = x * 31 + i; return x; }/'
  echo 'int main(void) { unsigned x = 1;'
  seq "$1" | sed 's/.*/  x ^= f&(x + &);/'
  echo '  printf("%u\n", x); return 0; }'
}
library=/usr/lib/python3.11/json count=20
[ -z "${LAYOUTFS_TEST_FULL-}" ] || library=/usr/lib/python3.11 count=4000
functions $count >"$TMP/task/program.c"
cat >"$TMP/task/run" <<END
set -e
export LC_ALL=C
cd /task
dpkg -i hello.deb >/dev/null
hello-there
dpkg -s hello-there | grep Status
dpkg -V hello-there
echo changed >>/etc/hello-there.conf
dpkg -i hello.deb >/dev/null
dpkg -S /usr/bin/hello-there
dpkg -P hello-there 2>&1 >/dev/null
dpkg -i hello.deb >/dev/null
python3 -m compileall -q -f $library
python3 -c 'import json; print(json.loads("[1, 2]"), json.__cached__)'
gcc -O2 -o program program.c
./program
END
# Lists all files except those that contain times: logs, and the inode cache of ldconfig.
cat >"$TMP/task/list" <<'END'
cd /
find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./var/log -o -path ./var/cache/ldconfig \
  -o -path ./etc/resolv.conf \) -prune -o -printf '%y %m %n %p %l %U %G\n' | grep -v '^d' | LC_ALL=C sort
find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./var/log -o -path ./var/cache/ldconfig \
  -o -path ./etc/resolv.conf \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
END

making() { not_ok "mmdebstrap and umoci make the image" "$(tail -n 5 "$TMP/log")" && exit 1; }
if [ -n "${LAYOUTFS_TEST_DEBIAN-}" ]; then
  cp "$LAYOUTFS_TEST_DEBIAN" "$TMP/root.tar" || exit 1
else
  limited mmdebstrap --quiet --variant=minbase --include=python3,gcc,libc6-dev --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$TMP/root.tar" >"$TMP/log" 2>&1 ||
    skip "mmdebstrap cannot create a Debian here: $(tail -n 1 "$TMP/log")"
fi
tar -C "$TMP" --owner=0 --group=0 -cf "$TMP/task.tar" task
# add TYPE FILE: adds the file to the layout and prints its descriptor.
add() {
  local digest
  digest=$(layoutfs blob put "$TMP/layout" "$2") || return
  printf '{"mediaType":"application/vnd.oci.image.%s","digest":"%s","size":%d}\n' "$1" "$digest" "$(stat -c %s "$2")"
}
layoutfs init "$TMP/layout" || exit 1
layers=() diff_ids=()
for layer in root task; do
  tar -C "$U" --numeric-owner --xattrs --xattrs-include='*' -xpf "$TMP/$layer.tar" || exit 1
  diff_ids+=("$(digest_of "$TMP/$layer.tar")")
  zstd -q -1 --rm "$TMP/$layer.tar" -o "$TMP/blob" && layers+=("$(add layer.v1.tar+zstd "$TMP/blob")") || exit 1
  rm "$TMP/blob"
done
jq -n --arg architecture "$(host_architecture)" '{$architecture, os: "linux",
  rootfs: {type: "layers", diff_ids: $ARGS.positional}}' --args "${diff_ids[@]}" >"$TMP/config"
config=$(add config.v1+json "$TMP/config") || exit 1
printf '%s\n' "$config" "${layers[@]}" | jq -s '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
  config: .[0], layers: .[1:]}' >"$TMP/manifest"
layoutfs ref put "$TMP/layout" debian "$(layoutfs blob put "$TMP/layout" "$TMP/manifest")" || exit 1

unpacked() { limited env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot "$U" sh "$@"; }
in_image() { layoutfs chroot --no-progress "$@"; }
expected=$(unpacked /task/run 2>&1) || making
for words in "hello there" "ok installed" "json/__pycache__"; do
  check "the work in the expected root prints $words" grep -q "$words" <<<"$expected"
done
unpacked /task/list >"$TMP/expected"

same "the work in chroot --upper prints the same" "$expected" "$(in_image --upper "$TMP/upper" "$I" sh /task/run 2>&1)"
in_image --upper "$TMP/upper" "$I" sh /task/list >"$TMP/got"
check "the files that root changed are the same ($(wc -l <"$TMP/expected") lines)" diff "$TMP/expected" "$TMP/got"
same "the work in chroot without --upper prints the same" "$expected $(sha256sum <"$TMP/expected")" \
  "$(in_image "$I" sh -c 'sh /task/run 2>&1 && sh /task/list >/tmp/list && cat /tmp/list >&3' 3>"$TMP/got") $(sha256sum <"$TMP/got")"
check "chroot without --upper leaves the image unchanged" sh -c "! '$LAYOUTFS' ls '$I' /usr/bin | grep -q hello"

echo "-- as an ordinary user"
prepare_nobody
chmod -R a+rX "$TMP/layout"
as_nobody unshare -Urm true 2>/dev/null || { left_out "ordinary users cannot create user namespaces here" || exit 0; }
same "the work of an ordinary user in chroot --upper prints the same" "$expected" \
  "$(as_nobody "$TMP/bin/layoutfs" chroot --no-progress --upper upper "$I" sh /task/run 2>&1)"
as_nobody "$TMP/bin/layoutfs" chroot --no-progress --upper upper "$I" sh /task/list >"$TMP/got"
# For the ordinary user, all files belong to root.
check "the files that the ordinary user changed are the same" diff <(sed 's/^\([a-z] .*\) [0-9]* [0-9]*$/\1 0 0/' "$TMP/expected") "$TMP/got"
