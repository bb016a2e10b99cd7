#!/usr/bin/env bash
# The core as a library for other programs: installed, found by CMake and pkg-config, used by docs/example.
. "$(dirname "$0")/lib.sh"
[ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || skip "a program without sanitizers does not link with what has them"
need cmake g++ pkg-config python3
# For compilers on busy machines.
PATIENCE=$((PATIENCE * 5))
BUILD=$(cd "$(dirname "$LAYOUTFS")/.." && pwd)
[ -f "$BUILD/CMakeCache.txt" ] || skip "$BUILD is no build directory to install from"
EXAMPLE=$SOURCE/docs/example
P=$TMP/prefix

check "cmake --install succeeds" cmake --install "$BUILD" --prefix "$TMP/elsewhere"
# The installation must work after it is moved.
mv "$TMP/elsewhere" "$P"
same "the library is one archive" "liblayoutfs.a" "$(find "$P" -name '*.a' -printf '%f\n')"
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$P" -name layoutfs.pc)")
same "pkg-config prints the version" "$("$LAYOUTFS" --version)" "layoutfs $(pkg-config --modversion layoutfs)"
# The shell splits the words, as in a makefile.
read -ra cflags <<<"$(pkg-config --cflags layoutfs)"
read -ra libs <<<"$(pkg-config --static --libs layoutfs)"

echo "-- headers"
same "cmake installs only the headers in include/layoutfs" "$(cd "$SOURCE/include" && find layoutfs -type f | sort)" \
  "$(cd "$P/include" && find . -type f -printf '%P\n' | sort)"
# If each header compiles alone, all together do too.
(cd "$P/include" && find layoutfs -name '*.h' | sort) >"$TMP/headers"
xargs -P "$(nproc)" -I '{}' sh -c 'echo "#include <$0>" | g++ -std=c++23 -Wall -Wextra -Werror "$@" -fsyntax-only -x c++ - 2>&1 |
  sed -n "1s|^|$0: |p"' '{}' "${cflags[@]}" <"$TMP/headers" >"$TMP/broken"
same "each of $(wc -l <"$TMP/headers") headers compiles alone" "" "$(cat "$TMP/broken")"

echo "-- functions"
check "a function of every header can be called" \
  g++ -std=c++23 -Wall -Wextra -Werror "${cflags[@]}" "$SOURCE/tests/e2e/library_functions.cc" "${libs[@]}" -o "$TMP/functions"
same "open_dir() creates a layout" "1.0.0 0" "$("$TMP/functions" "$TMP/made" 2>&1)"
check "ls opens the layout that open_dir() created" "$LAYOUTFS" ls "$TMP/made"

echo "-- the example"
check "CMake finds the package" cmake -S "$EXAMPLE" -B "$TMP/cmake" -D CMAKE_PREFIX_PATH="$P"
check "the example builds with the CMake package" cmake --build "$TMP/cmake"
mkdir "$TMP/pkg-config"
check "the example builds with the flags of pkg-config" \
  g++ -std=c++23 -Wall -Wextra -Werror "${cflags[@]}" "$EXAMPLE/example.cc" "${libs[@]}" -o "$TMP/pkg-config/example"

make_layouts single
L=$TMP/layouts/single
read -r digest <<<"$(layoutfs ref get "$L" latest | sed -n 's/.*"digest": "\(.*\)".*/\1/p')"
hello=$(printf 'hello\n' | sha256sum | cut -d' ' -f1)
content=$(PYTHONPATH=$CORPUS python3 -c 'from ocilib import text; print(text(3_000_000, 2)[2_000_000:2_000_016].decode())')
for how in cmake pkg-config; do
  rm -f "$L/blobs/sha256/$hello"
  printed=$(limited "$TMP/$how/example" "$L" latest var/text 2000000 2>&1)
  same "built by $how: the example exits with 0" 0 $?
  same "built by $how: the example prints references, a blob, and bytes from the middle of a file" "reference latest $digest
stored sha256:$hello, 6 bytes
var/text has 3000000 bytes; from byte 2000000 on: $content" "$printed"
  check "built by $how: blob get finds the blob that the example stored" "$LAYOUTFS" blob get "$L" "sha256:$hello" -o "$TMP/blob"
  printed=$(limited "$TMP/$how/example" "$L" absent var/text 0 2>&1 >/dev/null)
  same "built by $how: the example prints an error as one sentence" "1 1" "$? $(grep -c '^example: .*absent' <<<"$printed")"
done
exit
