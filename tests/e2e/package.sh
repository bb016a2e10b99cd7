#!/usr/bin/env bash
# The Debian packages: their files and dependencies. LAYOUTFS_TEST_FULL=1 installs layoutfs on a minimal Debian 12, uses
# it, and removes it completely.
. "$(dirname "$0")/lib.sh"
[ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || skip "packages are not made of sanitized builds"
need cmake cpack ninja dpkg-deb dpkg-shlibdeps file readelf pkg-config python3
PATIENCE=$((PATIENCE * 5))
BUILD=$(cd "$(dirname "$LAYOUTFS")/.." && pwd)
[ -f "$BUILD/CPackConfig.cmake" ] || skip "$BUILD is no build directory to make packages from"

check "cpack creates the packages" cpack --config "$BUILD/CPackConfig.cmake" -B "$TMP/packages"
version=$("$LAYOUTFS" --version)
version=${version#layoutfs }
suffix=${version}_$(dpkg --print-architecture).deb
PROGRAM=$TMP/packages/layoutfs_$suffix
LIBRARY=$TMP/packages/liblayoutfs-dev_$suffix
[ -f "$PROGRAM" ] && [ -f "$LIBRARY" ] || { not_ok "cpack creates two packages" "$(ls "$TMP/packages")"; exit 1; }

# not_required PACKAGE FILE...: lists the files that belong to packages outside of PACKAGE's dependencies.
not_required() {
  local required file owners
  required=$(dpkg-deb -f "$1" Depends | tr ',' '\n' | awk '{print $1}')
  shift
  for file; do
    # Packages for other architectures may have a file of the same name.
    owners=$(dpkg -S "*/$file" | sed 's/:.*//' | sort -u)
    grep -qxF "${owners:-nothing}" <<<"$required" || echo "$file of" $owners
  done
}

for package in "$PROGRAM" "$LIBRARY"; do
  name=$(basename "$package" "_$suffix")
  same "$name: the package has the right name, version and architecture" "$name $version" "$(dpkg-deb -f "$package" Package) $(dpkg-deb -f "$package" Version)"
  same "$name: the description begins with a line for lists" "" "$(dpkg-deb -f "$package" Description | sed -n '1{/^[a-zO].*[^.]$/!p}')"
  same "$name: all files belong to root, and only root can write them" "" \
    "$(dpkg-deb -c "$package" | grep -v '^l' | awk '$2 != "root/root" || $1 ~ /^.{5}w|^.{8}w/')"
  same "$name: all users can read the directories, and all files are in /usr, /lib or /etc/layoutfs" "" \
    "$(dpkg-deb -c "$package" | grep '^d' | grep -vE '^drwxr-xr-x .* \./((usr|lib)?(/|$)|etc/(layoutfs/)?$)')"
done
dpkg-deb -x "$PROGRAM" "$TMP/program"
dpkg-deb -x "$LIBRARY" "$TMP/library"

echo "-- layoutfs"
same "the packaged program prints the version" "layoutfs $version" "$("$TMP/program/usr/bin/layoutfs" --version)"
for helper in mount.layoutfs mount.fuse.layoutfs; do
  same "/usr/sbin/$helper is a link to the program" "$TMP/program/usr/bin/layoutfs" "$(readlink -f "$TMP/program/usr/sbin/$helper")"
done
mapfile -t libraries < <(readelf -d "$LAYOUTFS" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
same "the package depends on fuse3 and on its ${#libraries[@]} libraries" "" \
  "$(not_required "$PROGRAM" bin/fusermount3 "${libraries[@]}")"
check "the package has the systemd unit" test -f "$TMP/program/usr/lib/systemd/system/layoutfs@.service"
echo "-- the configuration"
E=$TMP/program/etc/layoutfs/example.conf
check "the package has an example configuration" test -f "$E"
same "the example configuration has only comments" "" "$(grep -v '^#\|^$' "$E")"
same "the example configuration has every variable of the unit" "$(grep -o '\${*[A-Z]*' "$TMP/program/usr/lib/systemd/system/layoutfs@.service" | tr -d '${' | grep -x 'LAYOUT\|MOUNTPOINT\|OPTIONS' | sort -u | xargs)" \
  "$(sed -n 's/^#\([A-Z]*\)=.*/\1/p' "$E" | sort | xargs)"
same "the values in the example configuration are quoted for the shell and systemd" "/srv/layout:app:1.1 /srv/app -o allow_other,dev,suid --cache-size 512M" \
  "$(sed -n 's/^#\([A-Z]*=\)/\1/p' "$E" >"$TMP/variables"; . "$TMP/variables"; echo "$LAYOUT $MOUNTPOINT $OPTIONS")"
dpkg-deb -e "$PROGRAM" "$TMP/control"
same "all files of the package in /etc are conffiles" "$(cd "$TMP/program" && find etc -type f | sed 's|^|/|' | sort)" "$(sort "$TMP/control/conffiles")"
if is_root; then
  # A separate root directory, without dependencies.
  D=$TMP/dpkg
  mkdir -p "$D/var/lib/dpkg"/{info,updates} && touch "$D/var/lib/dpkg/status"
  install_package() {
    limited dpkg --root="$D" --log=/dev/null --force-depends --force-script-chrootless --force-confdef --force-confold "$@" </dev/null >"$TMP/log" 2>&1 ||
      not_ok "dpkg $1 succeeds" "$(tail -n 5 "$TMP/log")"
  }
  # next VERSION EDIT: makes a package of a later version, with the example changed by sed.
  next() {
    rm -rf "$TMP/next"
    dpkg-deb -R "$PROGRAM" "$TMP/next"
    sed -i "s/^Version: .*/Version: $1/" "$TMP/next/DEBIAN/control"
    sed -i "$2" "$TMP/next/etc/layoutfs/example.conf"
    dpkg-deb --root-owner-group -b "$TMP/next" "$TMP/$1.deb" >/dev/null
  }
  C=$D/etc/layoutfs
  install_package -i "$PROGRAM"
  same "dpkg installs the example configuration" "$(cat "$E")" "$(cat "$C/example.conf")"
  next 99.1 's/512M/1G/' && install_package -i "$TMP/99.1.deb"
  check "an upgrade replaces an unchanged example" grep -q 1G "$C/example.conf"
  echo "LAYOUT=/mine" >>"$C/example.conf"
  echo "LAYOUT=/other" >"$C/other.conf"
  next 99.2 's/512M/1G/' && install_package -i "$TMP/99.2.deb"
  check "an upgrade keeps the user's changes" grep -qx LAYOUT=/mine "$C/example.conf"
  next 99.3 's/512M/2G/' && install_package -i "$TMP/99.3.deb"
  check "an upgrade with a new example keeps the user's changes" grep -qx LAYOUT=/mine "$C/example.conf"
  check "an upgrade writes a new example beside a changed one" grep -q 2G "$C/example.conf.dpkg-dist"
  install_package -r layoutfs
  check "removing the package keeps the configuration" grep -qx LAYOUT=/mine "$C/example.conf"
  install_package -P layoutfs
  same "purging the package keeps only the user's files" "other.conf" "$(ls "$C")"
fi
# cmake --install keeps an existing file too.
check "cmake --install succeeds" cmake --install "$BUILD" --component program --prefix "$TMP/prefix"
check "cmake --install writes the example below the prefix" test -f "$TMP/prefix/etc/layoutfs/example.conf"
echo mine >"$TMP/prefix/etc/layoutfs/example.conf"
check "a second cmake --install succeeds" cmake --install "$BUILD" --component program --prefix "$TMP/prefix"
same "cmake --install keeps a changed example" mine "$(cat "$TMP/prefix/etc/layoutfs/example.conf")"

check "cmake configures without a preset" cmake -S "$SOURCE" -B "$TMP/build" -G Ninja
same "ninja install compiles no test" "0 1" \
  "$(ninja -C "$TMP/build" -t commands install >"$TMP/log"; grep -c ' -o tests/' "$TMP/log") $(grep -c ' -o tools/layoutfs ' "$TMP/log")"

echo "-- other files"
for script in bash-completion/completions/layoutfs zsh/vendor-completions/_layoutfs fish/vendor_completions.d/layoutfs.fish; do
  check "the package has the completion of ${script%%[-/]*}" test -f "$TMP/program/usr/share/$script"
done
mapfile -t pages < <(find "$TMP/program/usr/share/man" -type f | sort)
check "the package has compressed manual pages" gunzip -t "${pages[@]}"
same "the package has all manual pages" "$(cd "$SOURCE/docs/man" && printf '%s\n' * | sed 's/.*\.\(.\)$/man\1\/&.gz/' | sort)" \
  "$(printf '%s\n' "${pages[@]#"$TMP/program/usr/share/man/"}" | sort)"
same "the package has no files for builds" "" "$(find "$TMP/program" -name '*.h' -o -name '*.a' -o -name '*.pc' -o -name '*.cmake')"

echo "-- liblayoutfs-dev"
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$TMP/library" -name layoutfs.pc)")
same "pkg-config finds the version of liblayoutfs-dev" "$version" "$(pkg-config --modversion layoutfs)"
check "liblayoutfs-dev has files for CMake" test -f "$(find "$TMP/library/usr" -name layoutfsConfig.cmake)"
mapfile -t modules < <(pkg-config --print-requires-private layoutfs)
same "liblayoutfs-dev depends on its ${#modules[@]} libraries" "" "$(not_required "$LIBRARY" "${modules[@]/%/.pc}")"
same "liblayoutfs-dev has no programs" "" "$(find "$TMP/library" -type f -executable)"

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
  timeout 500 mmdebstrap --quiet --variant=minbase bookworm "$TMP/base.tar" || skip "mmdebstrap cannot create a Debian 12 here"
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
# These parts need a network and time.
PATIENCE=300
inside() { limited chroot "$R" "$@"; }
before=$(inside find / -xdev -name '*layoutfs*' ! -path '/srv/*' ! -path '/home/*')
inside apt-get update >/dev/null 2>&1 || skip "no Debian mirror can be reached from a chroot here"

check "apt-get installs the package with its dependencies" chroot "$R" apt-get install -y --no-install-recommends "/srv/$(basename "$PROGRAM")"
same "the installed program prints its version" "layoutfs $version" "$(inside layoutfs --version)"
same "the installed program lists an image" "bin etc srv tmp var" "$(inside layoutfs ls /srv/layout:latest | xargs)"
if has_device /dev/fuse; then
  mknod -m 666 "$R/dev/fuse" c 10 229
  check "mount(8) finds its helper" chroot "$R" mount -t layoutfs /srv/layout:latest /mnt
  same "mount(8) shows the image" "needle in the upper layer" "$(inside cat /mnt/etc/added)"
  check "umount(8) unmounts the image" chroot "$R" umount /mnt
  echo "/srv/layout /mnt fuse.layoutfs ro,nofail 0 0" >>"$R/etc/fstab"
  check "mount(8) mounts an entry of fstab" chroot "$R" mount /mnt
  check "the entry of fstab shows the layout" test -L "$R/mnt/refs/latest"
  check "umount(8) unmounts the entry of fstab" chroot "$R" umount /mnt
  # fusermount3 needs a user name, and /etc/mtab, which exists on every system after the first boot.
  inside useradd --create-home somebody
  ln -sf ../proc/self/mounts "$R/etc/mtab"
  check "an ordinary user mounts through fusermount3" \
    chroot "$R" runuser -u somebody -- layoutfs mount /srv/layout:latest /home/somebody/image
  same "an ordinary user reads the mounted image" "needle in the upper layer" "$(inside runuser -u somebody -- cat /home/somebody/image/etc/added)"
  check "an ordinary user unmounts the image" chroot "$R" runuser -u somebody -- layoutfs umount /home/somebody/image
  check "the installed program keeps its indexes in /var/cache/layoutfs" test -d "$R/var/cache/layoutfs"
fi
check "apt-get can install the dependencies of liblayoutfs-dev" chroot "$R" apt-get install --simulate "/srv/$(basename "$LIBRARY")"
check "apt-get purges the package" chroot "$R" apt-get purge -y layoutfs
same "a purged package leaves no files" "$before" "$(inside find / -xdev -name '*layoutfs*' ! -path '/srv/*' ! -path '/home/*')"
exit
