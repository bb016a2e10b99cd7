#!/usr/bin/env bash
# Follows README.md from top to bottom on a minimal Debian 12 of mmdebstrap, with this checkout: runs every command in
# order, and compares the output of each session with the documented one. Takes minutes, because it builds everything.
# scripts/test.sh --full runs it.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mmdebstrap git python3 unshare
R=$TMP/root
PATIENCE=1800
check "mmdebstrap creates a minimal Debian" mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$R"
[ -d "$R/etc/apt" ] || exit 1
# The system uses the same mirror as this machine, and apt does not ask for confirmation.
cp -a /etc/apt/apt.conf.d/. "$R/etc/apt/apt.conf.d/"
echo 'APT::Get::Assume-Yes "true";' >"$R/etc/apt/apt.conf.d/99yes"
cp -L /etc/resolv.conf "$R/etc/resolv.conf"
mkdir -p "$R/root/layoutfs"
(cd "$SOURCE" && git ls-files -z | xargs -0 cp -a --parents -t "$R/root/layoutfs")
check "the commands of the README succeed on a minimal Debian" timeout --kill-after=10 $PATIENCE unshare --mount --propagation private --pid --fork \
  python3 "$HERE/newcomer.py" "$R" /root/layoutfs
