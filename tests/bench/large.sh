#!/usr/bin/env bash
# Measures how an image of very many files is indexed, merged and listed, and the memory of the mount; see scripts/bench.sh.
#
# usage: large.sh LAYOUTFS FILES
set -eu
layoutfs=$1 files=$2
case $files in
  [1-9]*) ;;
  *)
    sed -n '4s/^# //p' "$0" >&2
    exit 2
    ;;
esac
here=$(dirname "$0")
echo "== an image of $files files in one gzip layer"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/layoutfs-bench.XXXXXX")
mkdir "$tmp/m"
finish() {
  timeout 20 umount "$tmp/m" 2>/dev/null || ! mountpoint -q "$tmp/m" || umount -l "$tmp/m"
  rm -rf --one-file-system "$tmp"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
python3 "$here/make-large-layout.py" "$tmp/layout" "$files"

# seconds COMMAND...: how long it takes.
seconds() {
  local start=$EPOCHREALTIME
  timeout 900 "$@" >"$tmp/out" || echo "large.sh: $*: failed" >&2
  awk "BEGIN { printf \"%.2f\", $EPOCHREALTIME - $start }"
}
# memory PROCESS: MiB of its own, and with the pages of mapped files that happen to be in memory; then the most of both so far.
memory() { awk '/^RssAnon/ { own = $2 } /^VmRSS/ { all = $2 } /^VmHWM/ { most = $2 }
  END { printf "%.1f MiB, with mapped files %.1f MiB, at most so far %.1f MiB", own / 1024, all / 1024, most / 1024 }' "/proc/$1/status"; }
for state in "without an index" "with the index"; do
  echo "$state: mount in $(seconds "$layoutfs" mount -q --cache-dir "$tmp/cache" "$tmp/layout:large" "$tmp/m") s"
  server=$(pgrep -f -- "--cache-dir $tmp/cache")
  echo "  memory: $(memory "$server")"
  echo "  find: $(seconds find "$tmp/m") s; ls -lR: $(seconds ls -lR "$tmp/m") s, again: $(seconds ls -lR "$tmp/m") s"
  echo "  memory: $(memory "$server")"
  "$layoutfs" umount "$tmp/m"
done
echo "layoutfs ls -lR, without a mount: $(seconds "$layoutfs" ls -lR --cache-dir "$tmp/cache" "$tmp/layout:large" /) s"
echo "on disk: layer $(du -sk "$tmp/layout/blobs" | cut -f1) KiB, index $(du -sk "$tmp/cache/layers" | cut -f1) KiB, tree $(du -sk "$tmp/cache/images" | cut -f1) KiB"
