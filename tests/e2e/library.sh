#!/usr/bin/env bash
# The core as other programs get it: installed, found by CMake and by pkg-config, used by docs/example.
. "$(dirname "$0")/lib.sh"
[ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || skip "a program without sanitizers does not link with what has them"
need cmake g++ pkg-config python3
BUILD=$(cd "$(dirname "$LAYOUTFS")/.." && pwd)
[ -f "$BUILD/CMakeCache.txt" ] || skip "$BUILD is no build directory to install from"
EXAMPLE=$SOURCE/docs/example
P=$TMP/prefix

check "it installs" cmake --install "$BUILD" --prefix "$TMP/elsewhere"
# It must not depend on the first place of installation.
mv "$TMP/elsewhere" "$P"
same "all parts are one archive" "liblayoutfs.a" "$(find "$P" -name '*.a' -printf '%f\n')"
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$P" -name layoutfs.pc)")
same "pkg-config knows the version" "$("$LAYOUTFS" --version)" "layoutfs $(pkg-config --modversion layoutfs)"
# Words as the shell splits them, as in every makefile.
read -ra cflags <<<"$(pkg-config --cflags layoutfs)"
read -ra libs <<<"$(pkg-config --static --libs layoutfs)"

echo "-- headers"
same "nothing but include/layoutfs is installed" "$(cd "$SOURCE/include" && find layoutfs -type f | sort)" \
  "$(cd "$P/include" && find . -type f -printf '%P\n' | sort)"
# Each alone: so all together do as well.
(cd "$P/include" && find layoutfs -name '*.h' | sort) >"$TMP/headers"
xargs -P "$(nproc)" -I '{}' sh -c 'echo "#include <$0>" | g++ -std=c++23 -Wall -Wextra -Werror "$@" -fsyntax-only -x c++ - 2>&1 |
  sed -n "1s|^|$0: |p"' '{}' "${cflags[@]}" <"$TMP/headers" >"$TMP/broken"
same "each of $(wc -l <"$TMP/headers") headers alone finds what it includes" "" "$(cat "$TMP/broken")"

echo "-- functions"
check "of every header a function can be called" \
  g++ -std=c++23 -Wall -Wextra -Werror "${cflags[@]}" "$SOURCE/tests/e2e/library_functions.cc" "${libs[@]}" -o "$TMP/functions"
same "open_dir() makes a layout" "1.0.0 0" "$("$TMP/functions" "$TMP/made" 2>&1)"
check "and the program opens it" "$LAYOUTFS" ls "$TMP/made"

echo "-- the example"
check "CMake finds the package" cmake -S "$EXAMPLE" -B "$TMP/cmake" -D CMAKE_PREFIX_PATH="$P"
check "and builds with it" cmake --build "$TMP/cmake"
mkdir "$TMP/pkg-config"
check "g++ builds with what pkg-config says" \
  g++ -std=c++23 -Wall -Wextra -Werror "${cflags[@]}" "$EXAMPLE/example.cc" "${libs[@]}" -o "$TMP/pkg-config/example"

make_layouts single
L=$TMP/layouts/single
read -r digest <<<"$(layoutfs ref get "$L" latest | sed -n 's/.*"digest": "\(.*\)".*/\1/p')"
hello=$(printf 'hello\n' | sha256sum | cut -d' ' -f1)
content=$(PYTHONPATH=$CORPUS python3 -c 'from ocilib import text; print(text(3_000_000, 2)[2_000_000:2_000_016].decode())')
for how in cmake pkg-config; do
  rm -f "$L/blobs/sha256/$hello"
  printed=$(limited "$TMP/$how/example" "$L" latest var/text 2000000 2>&1)
  same "built by $how: it ends well" 0 $?
  same "built by $how: references, a blob, and bytes from inside a file" "reference latest $digest
stored sha256:$hello, 6 bytes
var/text has 3000000 bytes; from byte 2000000 on: $content" "$printed"
  check "built by $how: the blob is there" "$LAYOUTFS" blob get "$L" "sha256:$hello" -o "$TMP/blob"
  printed=$(limited "$TMP/$how/example" "$L" absent var/text 0 2>&1 >/dev/null)
  same "built by $how: an error is one sentence" "1 1" "$? $(grep -c '^example: .*absent' <<<"$printed")"
done
exit
