#!/usr/bin/env bash
# Follows README.md from top to bottom as somebody who has a bare Debian 12 and this checkout: every command in it is run in
# the order of the page, in a system that mmdebstrap makes, and each session prints the documented output. Takes minutes, as it
# builds everything; scripts/test.sh --full runs it.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mmdebstrap git python3 unshare
R=$TMP/root
PATIENCE=1800
check "a bare Debian is made" mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$R"
[ -d "$R/etc/apt" ] || exit 1
# It reaches the mirror that this machine reaches, and says yes where apt asks.
cp -a /etc/apt/apt.conf.d/. "$R/etc/apt/apt.conf.d/"
echo 'APT::Get::Assume-Yes "true";' >"$R/etc/apt/apt.conf.d/99yes"
cp -L /etc/resolv.conf "$R/etc/resolv.conf"
mkdir -p "$R/root/layoutfs"
(cd "$SOURCE" && git ls-files -z | xargs -0 cp -a --parents -t "$R/root/layoutfs")
check "README can be followed word by word" timeout --kill-after=10 $PATIENCE unshare --mount --propagation private --pid --fork \
  python3 "$HERE/newcomer.py" "$R" /root/layoutfs
