#!/usr/bin/env bash
# The Debian packages: their files and dependencies; with LAYOUTFS_TEST_FULL=1 layoutfs is installed on a
# minimal Debian 12, works there, and is removed without a trace.
. "$(dirname "$0")/lib.sh"
[ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || skip "packages are not made of sanitized builds"
need cmake cpack ninja dpkg-deb dpkg-shlibdeps file readelf pkg-config python3
BUILD=$(cd "$(dirname "$LAYOUTFS")/.." && pwd)
[ -f "$BUILD/CPackConfig.cmake" ] || skip "$BUILD is no build directory to make packages from"

check "cpack makes packages" cpack --config "$BUILD/CPackConfig.cmake" -B "$TMP/packages"
version=$("$LAYOUTFS" --version)
version=${version#layoutfs }
suffix=${version}_$(dpkg --print-architecture).deb
PROGRAM=$TMP/packages/layoutfs_$suffix
LIBRARY=$TMP/packages/liblayoutfs-dev_$suffix
[ -f "$PROGRAM" ] && [ -f "$LIBRARY" ] || { not_ok "two of them" "$(ls "$TMP/packages")"; exit 1; }

# not_required PACKAGE FILE...: files that were installed on this machine by other packages than PACKAGE's
# dependencies.
not_required() {
  local required file owner
  required=$(dpkg-deb -f "$1" Depends | tr ',' '\n' | awk '{print $1}')
  shift
  for file; do
    owner=$(dpkg -S "*/$file" | sed 's/:.*//; q')
    grep -qx "${owner:-nothing}" <<<"$required" || echo "$file of $owner"
  done
}

for package in "$PROGRAM" "$LIBRARY"; do
  name=$(basename "$package" "_$suffix")
  same "$name: name and version" "$name $version" "$(dpkg-deb -f "$package" Package) $(dpkg-deb -f "$package" Version)"
  same "$name: its description begins with one line for lists" "" "$(dpkg-deb -f "$package" Description | sed -n '1{/^[a-zO].*[^.]$/!p}')"
  same "$name: everything is root's, and only root's to change" "" \
    "$(dpkg-deb -c "$package" | grep -v '^l' | awk '$2 != "root/root" || $1 ~ /^.{5}w|^.{8}w/')"
  same "$name: directories are for all, and nothing is outside of /usr, /lib and /etc/layoutfs" "" \
    "$(dpkg-deb -c "$package" | grep '^d' | grep -vE '^drwxr-xr-x .* \./((usr|lib)?(/|$)|etc/(layoutfs/)?$)')"
done
dpkg-deb -x "$PROGRAM" "$TMP/program"
dpkg-deb -x "$LIBRARY" "$TMP/library"

echo "-- layoutfs"
same "the program is this version" "layoutfs $version" "$("$TMP/program/usr/bin/layoutfs" --version)"
for helper in mount.layoutfs mount.fuse.layoutfs; do
  same "/usr/sbin/$helper is the program" "$TMP/program/usr/bin/layoutfs" "$(readlink -f "$TMP/program/usr/sbin/$helper")"
done
mapfile -t libraries < <(readelf -d "$LAYOUTFS" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
same "it depends on fusermount3, and on its ${#libraries[@]} libraries" "" \
  "$(not_required "$PROGRAM" bin/fusermount3 "${libraries[@]}")"
check "its unit is there" test -f "$TMP/program/usr/lib/systemd/system/layoutfs@.service"
echo "-- its configuration"
E=$TMP/program/etc/layoutfs/example.conf
check "an example is there" test -f "$E"
same "of comments alone" "" "$(grep -v '^#\|^$' "$E")"
same "which has every variable of the unit" "$(grep -o '\${*[A-Z]*' "$TMP/program/usr/lib/systemd/system/layoutfs@.service" | tr -d '${' | grep -x 'LAYOUT\|MOUNTPOINT\|OPTIONS' | sort -u | xargs)" \
  "$(sed -n 's/^#\([A-Z]*\)=.*/\1/p' "$E" | sort | xargs)"
same "with values as the shell, and systemd, read them" "/srv/layout:app:1.1 /srv/app -o allow_other,dev,suid --cache-size 512M" \
  "$(sed -n 's/^#\([A-Z]*=\)/\1/p' "$E" >"$TMP/variables"; . "$TMP/variables"; echo "$LAYOUT $MOUNTPOINT $OPTIONS")"
dpkg-deb -e "$PROGRAM" "$TMP/control"
same "dpkg knows all that is in /etc as the user's" "$(cd "$TMP/program" && find etc -type f | sed 's|^|/|' | sort)" "$(sort "$TMP/control/conffiles")"
if is_root; then
  # A separate installation, without dependencies.
  D=$TMP/dpkg
  mkdir -p "$D/var/lib/dpkg"/{info,updates} && touch "$D/var/lib/dpkg/status"
  install_package() {
    limited dpkg --root="$D" --log=/dev/null --force-depends --force-script-chrootless --force-confdef --force-confold "$@" </dev/null >"$TMP/log" 2>&1 ||
      not_ok "dpkg $1" "$(tail -n 5 "$TMP/log")"
  }
  # next VERSION EDIT: the package of a later version, with the example changed by sed.
  next() {
    rm -rf "$TMP/next"
    dpkg-deb -R "$PROGRAM" "$TMP/next"
    sed -i "s/^Version: .*/Version: $1/" "$TMP/next/DEBIAN/control"
    sed -i "$2" "$TMP/next/etc/layoutfs/example.conf"
    dpkg-deb --root-owner-group -b "$TMP/next" "$TMP/$1.deb" >/dev/null
  }
  C=$D/etc/layoutfs
  install_package -i "$PROGRAM"
  same "it installs the example" "$(cat "$E")" "$(cat "$C/example.conf")"
  next 99.1 's/512M/1G/' && install_package -i "$TMP/99.1.deb"
  check "an upgrade brings a new example" grep -q 1G "$C/example.conf"
  echo "LAYOUT=/mine" >>"$C/example.conf"
  echo "LAYOUT=/other" >"$C/other.conf"
  next 99.2 's/512M/1G/' && install_package -i "$TMP/99.2.deb"
  check "and keeps the user's changes" grep -qx LAYOUT=/mine "$C/example.conf"
  next 99.3 's/512M/2G/' && install_package -i "$TMP/99.3.deb"
  check "also if the example has changed" grep -qx LAYOUT=/mine "$C/example.conf"
  check "which is beside it then" grep -q 2G "$C/example.conf.dpkg-dist"
  install_package -r layoutfs
  check "removed, it leaves the configuration" grep -qx LAYOUT=/mine "$C/example.conf"
  install_package -P layoutfs
  same "purged, only that of the user" "other.conf" "$(ls "$C")"
fi
# Without the package, an existing file stays, too.
check "cmake installs it" cmake --install "$BUILD" --component program --prefix "$TMP/prefix"
check "below the prefix" test -f "$TMP/prefix/etc/layoutfs/example.conf"
echo mine >"$TMP/prefix/etc/layoutfs/example.conf"
check "again" cmake --install "$BUILD" --component program --prefix "$TMP/prefix"
same "without the loss of changes" mine "$(cat "$TMP/prefix/etc/layoutfs/example.conf")"

check "cmake configures without a preset" cmake -S "$SOURCE" -B "$TMP/build" -G Ninja
same "and installing compiles no test" "0 1" \
  "$(ninja -C "$TMP/build" -t commands install >"$TMP/log"; grep -c ' -o tests/' "$TMP/log") $(grep -c ' -o tools/layoutfs ' "$TMP/log")"

echo "-- other files"
for script in bash-completion/completions/layoutfs zsh/vendor-completions/_layoutfs fish/vendor_completions.d/layoutfs.fish; do
  check "${script%%[-/]*} finds what completes" test -f "$TMP/program/usr/share/$script"
done
mapfile -t pages < <(find "$TMP/program/usr/share/man" -type f | sort)
check "the manual pages are there, compressed" gunzip -t "${pages[@]}"
same "and these are all" "$(cd "$SOURCE/docs/man" && printf '%s\n' * | sed 's/.*\.\(.\)$/man\1\/&.gz/' | sort)" \
  "$(printf '%s\n' "${pages[@]#"$TMP/program/usr/share/man/"}" | sort)"
same "nothing is there to build with" "" "$(find "$TMP/program" -name '*.h' -o -name '*.a' -o -name '*.pc' -o -name '*.cmake')"

echo "-- liblayoutfs-dev"
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$TMP/library" -name layoutfs.pc)")
same "pkg-config finds the version" "$version" "$(pkg-config --modversion layoutfs)"
check "CMake's files are there" test -f "$(find "$TMP/library/usr" -name layoutfsConfig.cmake)"
mapfile -t modules < <(pkg-config --print-requires-private layoutfs)
same "it depends on the ${#modules[@]} that it is linked with" "" "$(not_required "$LIBRARY" "${modules[@]/%/.pc}")"
same "no program is there" "" "$(find "$TMP/library" -type f -executable)"

if [ -z "${LAYOUTFS_TEST_FULL-}" ]; then
  echo "not installed on a Debian of its own: that is for LAYOUTFS_TEST_FULL=1"
  exit
fi

[ $failed = 0 ] || exit 1
echo "-- on a Debian 12"
need_root
need mmdebstrap
base=$BUILD/debian-12.tar
if [ ! -f "$base" ]; then
  timeout 500 mmdebstrap --quiet --variant=minbase bookworm "$TMP/base.tar" || skip "mmdebstrap cannot make a Debian 12 here"
  mv "$TMP/base.tar" "$base"
fi
R=$TMP/root
mkdir "$R"
tar -xf "$base" -C "$R"
cp /etc/resolv.conf "$R/etc/"
make_layouts single
cp -r "$TMP/layouts/single" "$R/srv/layout"
cp "$PROGRAM" "$LIBRARY" "$R/srv"
mount -t proc proc "$R/proc"
export DEBIAN_FRONTEND=noninteractive
unset LAYOUTFS_CACHE_DIR
# The parts that need a network, and time.
PATIENCE=300
inside() { limited chroot "$R" "$@"; }
before=$(inside find / -xdev -name '*layoutfs*' ! -path '/srv/*' ! -path '/home/*')
inside apt-get update >/dev/null 2>&1 || skip "no Debian mirror can be reached from a chroot here"

check "it installs, with what it depends on" chroot "$R" apt-get install -y --no-install-recommends "/srv/$(basename "$PROGRAM")"
same "it runs" "layoutfs $version" "$(inside layoutfs --version)"
same "it lists an image" "bin etc srv tmp var" "$(inside layoutfs ls /srv/layout:latest | xargs)"
if has_device /dev/fuse; then
  mknod -m 666 "$R/dev/fuse" c 10 229
  check "mount(8) finds its helper" chroot "$R" mount -t layoutfs /srv/layout:latest /mnt
  same "and the image is there" "needle in the upper layer" "$(inside cat /mnt/etc/added)"
  check "it unmounts" chroot "$R" umount /mnt
  echo "/srv/layout /mnt fuse.layoutfs ro,nofail 0 0" >>"$R/etc/fstab"
  check "a line of fstab mounts" chroot "$R" mount /mnt
  check "the layout is there" test -L "$R/mnt/refs/latest"
  check "it unmounts again" chroot "$R" umount /mnt
  # fusermount3 needs a user name, and a file that exists on every system after the first boot.
  inside useradd --create-home somebody
  ln -sf ../proc/self/mounts "$R/etc/mtab"
  check "another user mounts, through fusermount3" \
    chroot "$R" runuser -u somebody -- layoutfs mount /srv/layout:latest /home/somebody/image
  same "and sees the image" "needle in the upper layer" "$(inside runuser -u somebody -- cat /home/somebody/image/etc/added)"
  check "and unmounts" chroot "$R" runuser -u somebody -- layoutfs umount /home/somebody/image
  check "what was found out is kept" test -d "$R/var/cache/layoutfs"
fi
check "what the library depends on can be installed" chroot "$R" apt-get install --simulate "/srv/$(basename "$LIBRARY")"
check "it is purged" chroot "$R" apt-get purge -y layoutfs
same "nothing of it is left" "$before" "$(inside find / -xdev -name '*layoutfs*' ! -path '/srv/*' ! -path '/home/*')"
exit
