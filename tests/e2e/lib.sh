#!/usr/bin/env bash
# Shared functions of the end-to-end tests: a private directory, mounts that are unmounted on every exit, and checks
# with a sentence each. A test sources this file. Its exit code is 0, 1 if a check failed, 77 if the test cannot run.
set -u

: "${LAYOUTFS:?is the program to test; ctest sets it}"
# A test that runs as root gets its own mount namespace. Otherwise a mount namespace that another test creates at the
# same time would have copies of this test's mounts, and keep their servers running.
mounts_are_own=
if [ "${LAYOUTFS_TEST_NAMESPACE-}" = entered ]; then
  unset LAYOUTFS_TEST_NAMESPACE
  mounts_are_own=1
  # Unmounts the copies of mounts of tests in the machine's namespace.
  awk '$5 ~ /\/layoutfs-test\.[^\/]*\// {print $5}' /proc/self/mountinfo | tac | xargs -r -d '\n' umount -l
elif [ "$(id -u)" = 0 ] && unshare --mount --propagation private true 2>/dev/null; then
  LAYOUTFS_TEST_NAMESPACE=entered exec unshare --mount --propagation private bash "$0" "$@"
fi
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE=$(cd "$HERE/../.." && pwd)
CORPUS=$SOURCE/tests/corpus
TMP=$(mktemp -d "${TMPDIR:-/tmp}/layoutfs-test.XXXXXX") || exit 1
chmod 755 "$TMP"
export LAYOUTFS_CACHE_DIR=$TMP/cache LAYOUTFS_STORE=$TMP/names
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1
# The time limit in seconds of every command that touches a mount, so that no mount can hang the tests.
PATIENCE=${LAYOUTFS_TEST_PATIENCE:-60}
failed=0
pids=()

skip() {
  echo "skipped: $*"
  exit 77
}
# Conditions for a part of a test. If one does not hold, the rest runs, and the test counts as skipped: finish prints
# the condition.
parts_left_out=()
left_out() {
  echo "left out: $*"
  [[ " ${parts_left_out[*]-} " == *" $*; "* ]] || parts_left_out+=("$*;")
  return 1
}
has() { command -v "$1" >/dev/null || left_out "$1 is not installed"; }
is_root() { [ "$(id -u)" = 0 ] || left_out "needs root"; }
has_device() { [ -c "$1" ] || left_out "no $1 here"; }
need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
# For tests that mount over directories of this machine.
need_own_mounts() { [ -n "$mounts_are_own" ] || skip "cannot create mount namespaces here"; }
need_fuse() { [ -c /dev/fuse ] && [ -r /dev/fuse ] || skip "no usable /dev/fuse here"; }
need() {
  local program
  for program; do command -v "$program" >/dev/null || skip "$program is not installed"; done
}
has_erofs() { grep -qw erofs /proc/filesystems || modprobe erofs 2>/dev/null || left_out "this kernel has no EROFS"; }
need_erofs() { has_erofs >/dev/null || skip "this kernel has no EROFS"; }
need_loop_devices() { losetup -f >/dev/null 2>&1 || skip "no loop devices here"; }
# need_layout: sets $LAYOUT to a real layout with several platforms: LAYOUTFS_TEST_LAYOUT, or a layout of
# make-busybox.py. That one is made once for each version of make-busybox.py and of busybox, in LAYOUTFS_TEST_DATA
# (ctest: in the build directory).
need_layout() {
  local data=${LAYOUTFS_TEST_DATA:-$TMP}
  LAYOUT=${LAYOUTFS_TEST_LAYOUT-}
  if [ -z "$LAYOUT" ]; then
    need busybox flock python3 umoci
    mkdir -p "$data" || exit 1
    LAYOUT=$data/busybox-$(cat "$CORPUS/make-busybox.py" "$(command -v busybox)" | sha256sum | cut -c1-12)
    flock "$data" sh -c '[ -d "$1" ] || exec python3 "$2/make-busybox.py" "$1" "$3"' sh "$LAYOUT" "$CORPUS" "$(command -v busybox)" || exit 1
  fi
  [ -f "$LAYOUT/oci-layout" ] || { echo "no layout at $LAYOUT" && exit 1; }
}

limited() { timeout --kill-after=5 "$PATIENCE" "$@"; }
layoutfs() { limited "$LAYOUTFS" "$@"; }

ok() { echo "ok: $1"; }
not_ok() {
  failed=$((failed + 1))
  echo "NOT OK: $1"
  shift
  [ $# = 0 ] || printf '  %s\n' "$@" | head -n 20
}
# check SENTENCE COMMAND...: the command must succeed within the time limit.
check() {
  local sentence=$1 output
  shift
  if output=$(limited "$@" 2>&1); then ok "$sentence"; else not_ok "$sentence" "exit code $?: $*" "$output"; fi
}
# same SENTENCE EXPECTED ACTUAL: both texts must be equal.
same() {
  if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "expected: ${2:0:500}" "got:      ${3:0:500}"; fi
}
# refused SENTENCE EXIT_CODE ARGUMENT...: layoutfs must exit with EXIT_CODE, print one line and perhaps a hint on
# stderr, and nothing on stdout.
refused() {
  local sentence=$1 code=$2 got
  shift 2
  layoutfs "$@" >"$TMP/stdout" 2>"$TMP/stderr"
  got=$?
  if [ $got != "$code" ]; then
    not_ok "$sentence" "exit code $got, expected $code: layoutfs $*" "$(cat "$TMP/stderr")"
  elif [ "$(sed '2{/^hint: ./d}' "$TMP/stderr" | wc -l)" != 1 ] || ! head -n 1 "$TMP/stderr" | grep -q '^layoutfs: ..*[^.]$'; then
    not_ok "$sentence" "not one clear line: layoutfs $*" "$(head -c 2000 "$TMP/stderr")"
  elif [ -s "$TMP/stdout" ]; then
    not_ok "$sentence" "something on stdout: layoutfs $*"
  else
    ok "$sentence ($(head -c 160 "$TMP/stderr"))"
  fi
}

# prints SENTENCE EXPECTED ARGUMENT...: layoutfs must exit with 0, print EXPECTED, and nothing on stderr.
prints() {
  local sentence=$1 expected=$2 code
  shift 2
  layoutfs "$@" </dev/null >"$TMP/stdout" 2>"$TMP/stderr"
  code=$?
  same "$sentence" "0 $expected" "$code $(cat "$TMP/stdout" "$TMP/stderr")"
}
# commands_of [GROUP]: lists the commands in its --help.
commands_of() { layoutfs "$@" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'; }
# Prints the state of a layout: names, types, modes, sizes, times except of directories, content.
state_of() {
  (cd "$1" && find . \( -type d -printf '%P %y %m\n' -o -printf '%P %y %m %s %T@ %l\n' \) | sort &&
    find . -type f -exec sha256sum {} + | sort)
}
# unchanged SENTENCE EXIT_CODE ARGUMENT...: as refused, and $S must stay unchanged.
unchanged() {
  local before after
  before=$(state_of "$S")
  refused "$@" </dev/null
  after=$(state_of "$S")
  [ "$before" = "$after" ] || not_ok "$1: the layout stays unchanged" "$(diff <(echo "$before") <(echo "$after"))"
}
digest_of() { echo "sha256:$(sha256sum "$@" | cut -d' ' -f1)"; }
# interruptible PROGRAM...: runs it like a child of an interactive shell. Otherwise a program in the background ignores
# SIGINT.
interruptible() {
  exec python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$@"
}

# Reads the kernel's list, and asks nothing of the mount itself.
mounts_below() { awk -v at="$1" '$5 == at || index($5, at "/") == 1 {print $5}' /proc/self/mountinfo; }
is_mounted() { awk -v at="$1" '$5 == at {found = 1} END {exit !found}' /proc/self/mountinfo; }
is_not_mounted() { ! is_mounted "$1"; }
# wait_for COMMAND...: repeats it until it succeeds; fails after the time limit.
wait_for() {
  local left=$((PATIENCE * 10))
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ $left -gt 0 ] || return 1
    sleep 0.1
  done
}
has_ended() { ! kill -0 "$1" 2>/dev/null; }
# After a child has ended, its number may belong to a process of another test.
is_child() { grep -qx "PPid:[[:space:]]*$$" "/proc/$1/status" 2>/dev/null; }
# waits_in_file PID FILE: returns whether the process has opened FILE and sleeps, for example in a read.
waits_in_file() { find "/proc/$1/fd" -lname "$2" 2>/dev/null | grep -q . && grep -q '^State:[[:space:]]*[SD]' "/proc/$1/status"; }

# mount_at DIR ARGUMENT...: mounts in the background. Ends the test on failure.
mount_at() {
  local at=$1
  shift
  mkdir -p "$at"
  if ! layoutfs mount -q "$@" "$at" || ! is_mounted "$at"; then
    not_ok "layoutfs mount $*"
    exit 1
  fi
}
# mount_foreground DIR LOG ARGUMENT...: mounts with -f as process $pid.
mount_foreground() {
  local at=$1 log=$2
  shift 2
  mkdir -p "$at"
  # Empties the log before the server starts, as an old log may have the line below.
  : >"$log"
  "$LAYOUTFS" mount -f "$@" "$at" >"$log" 2>&1 &
  pid=$!
  pids+=("$pid")
  # The server prints this line when the mount answers.
  if ! wait_for grep -q "^mounted .* on " "$log"; then
    not_ok "layoutfs mount -f $*" "$(tail -n 5 "$log")"
    exit 1
  fi
}
unmount() { check "umount of ${1#"$TMP"/} succeeds" "$LAYOUTFS" umount "$1"; }

# Prints the errors of EROFS in the kernel's log since the start of the test. (Each mount is a line there.)
read -r began _ </proc/uptime
erofs_errors() {
  dmesg | awk -v began="$began" -F '[][]' '$2 + 0 >= began && / erofs \(device / && !/: mounted with root inode/'
}

# sound_erofs SENTENCE FILE: fsck.erofs must find no fault. Its version 1.5 exits with 0 after some errors.
sound_erofs() {
  check "$1" sh -c 'found=$(fsck.erofs "$0" 2>&1) && case $found in *"<E>"*) echo "$found"; exit 1 ;; esac' "$2"
}

finish() {
  local code=$? at left
  trap - EXIT
  set +u
  cd /
  left=$(mounts_below "$TMP" | tac)
  for at in $left; do
    limited umount "$at" 2>/dev/null || limited umount -l "$at" || limited fusermount3 -uz "$at"
  done
  for at in "${pids[@]}"; do
    is_child "$at" && kill "$at" 2>/dev/null && { wait_for has_ended "$at" || kill -9 "$at" 2>/dev/null; }
  done
  # Do not descend into remaining mounts.
  rm -rf --one-file-system "$TMP" 2>/dev/null
  # If a check failed, the test fails even if a later part could not run.
  [ $failed = 0 ] || { [ $code != 0 ] && [ $code != 77 ]; } || code=1
  [ $failed = 0 ] || echo "$failed checks failed"
  if [ $code = 0 ] && [ ${#parts_left_out[@]} != 0 ]; then
    echo "skipped: the rest passed, but left out: ${parts_left_out[*]}" | sed 's/;$//'
    code=77
  fi
  exit $code
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

host_architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    i?86) echo 386 ;;
    *) uname -m ;;
  esac
}
# make_layouts [NAME...]: makes layouts by make-layouts.py, as $TMP/layouts/NAME.
make_layouts() {
  python3 "$HERE/make-layouts.py" "$TMP/layouts" "$(host_architecture)" "$@" || exit 1
}
# Prepares as_nobody: a /dev/fuse that everybody can open, only for the test; a home directory; the program in a place
# that others can read.
prepare_nobody() {
  need setpriv unshare
  mknod "$TMP/fuse" c 10 229 && chmod 666 "$TMP/fuse" || skip "cannot create device nodes here"
  unshare --mount --propagation private true || skip "cannot create mount namespaces here"
  mkdir -p "$TMP/home/m" "$TMP/bin"
  chown -R nobody "$TMP/home"
  cp "$LAYOUTFS" "$TMP/bin/layoutfs"
}
# as_nobody COMMAND...: runs it as an ordinary user, in the user's home, with that /dev/fuse, in a new mount namespace.
as_nobody() {
  limited unshare --mount --propagation private sh -c 'mount --bind "$0/fuse" /dev/fuse && cd "$0/home" || exit 99
    exec setpriv --reuid=nobody --regid=nogroup --clear-groups env -u LAYOUTFS_CACHE_DIR -u XDG_CACHE_HOME HOME="$0/home" "$@"' \
    "$TMP" "$@"
}
# same_tree SENTENCE EXPECTED_ROOT ROOT [check-tree.py's options]: both trees must be equal.
same_tree() {
  local sentence=$1
  shift
  check "$sentence" python3 "$CORPUS/check-tree.py" --same "$@"
}
