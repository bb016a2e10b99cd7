#!/usr/bin/env bash
# Makes a root filesystem of real files as one tar, and describes its content on standard output.
#
# usage: make-root.sh [--small] OUT.tar
#
# About 1 GB: Debian with compilers, Python and headers, from the mirror configured for apt. With --small, or
# if there is no network: the files of packages installed on this machine.
set -euo pipefail

small=
if [ "${1-}" = --small ]; then small=1; shift; fi
[ $# = 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
out=$1
wanted=build-essential,python3,python3-numpy,git,libboost1.74-dev,openjdk-17-jre-headless,clang-14
log=$(mktemp)
trap 'rm -f "$log" "$out.list"' EXIT

if [ -z "$small" ]; then
  if timeout 1500 mmdebstrap --quiet --dpkgopt=force-unsafe-io --variant=minbase --include=$wanted bookworm "$out" 2>"$log"; then
    echo "Debian 12 with ${wanted//,/, }"
    exit
  fi
  echo "no image from Debian's packages, so from those of this machine; mmdebstrap said: $(tail -n 1 "$log")" >&2
fi

# with_dependencies PACKAGE...: these packages and their installed dependencies.
with_dependencies() {
  apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances "$@" | grep -v '^[ <|]' | sort -u
}
names=$(with_dependencies grep dpkg python3-minimal libpython3-stdlib base-files)
if [ -z "$small" ]; then
  # Adds the other packages, largest first, up to the size; packages larger than that would not be a mixture.
  names+=$'\n'$(dpkg-query -W -f '${Installed-Size} ${Package} ${db:Status-Status}\n' | sort -rn |
    awk '$3 == "installed" && $1 < 200000 && sum < 950000 { sum += $1; print $2 }')
fi
sort -u <<<"$names" | xargs dpkg -L 2>/dev/null | sort -u | sed -n 's,^/\(.\),\1,p' >"$out.list"
# Links like bin -> usr/bin stay links, and their targets are copied to their places.
for link in bin sbin lib lib32 lib64 libx32; do
  [ ! -L "/$link" ] || { sed -i "s,^$link/,$(readlink "/$link" | sed 's,^/,,')/," "$out.list"; echo "$link" >>"$out.list"; }
done
printf '%s\n' etc/passwd etc/ld.so.cache var/lib/dpkg/status >>"$out.list"
sort -u -o "$out.list" "$out.list"
(cd / && while read -r path; do if [ -e "$path" ] || [ -L "$path" ]; then echo "$path"; fi; done) <"$out.list" |
  tar -C / --no-recursion --numeric-owner -cf "$out" -T -
echo "the files of $(sort -u <<<"$names" | wc -l) packages that are installed on this machine"
