#!/usr/bin/env bash
# Shared functions of the scripts.
set -eu
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$SOURCE"

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# Prints the comment at the top of the current script.
SCRIPT=$SOURCE/scripts/$(basename "$0")
usage() { sed -n '2,/^\(\. \|set \)/{/^\(\. \|set \)/d; s/^# \{0,1\}//; p}' "$SCRIPT"; }

# Returns whether standard output is a terminal that can rewrite a line.
shows_progress() { [ -t 1 ] && [ "${TERM-dumb}" != dumb ]; }

# configure PRESET: creates the build directory if it is missing.
configure() {
  local launcher=()
  ! command -v ccache >/dev/null || launcher=(-D CMAKE_CXX_COMPILER_LAUNCHER=ccache)
  [ -f "build/$1/build.ninja" ] || cmake --preset "$1" "${launcher[@]}" >/dev/null
}

# build PRESET [NINJA_TARGET...]: configures if necessary, and builds.
build() {
  local preset=$1
  shift
  configure "$preset"
  build_directory "build/$preset" "$@"
}

# build_directory DIRECTORY [NINJA_TARGET...]: builds. On a terminal it shows the progress and the time left in one line.
build_directory() {
  local directory=$1
  shift
  if shows_progress; then
    # ninja knows the time left since 1.12, and Debian 12 has 1.11.
    NINJA_STATUS='@ %f %t %e @' cmake --build "$directory" -- "$@" | awk -f "$SOURCE/scripts/show-progress.awk"
    return "${PIPESTATUS[0]}"
  fi
  cmake --build "$directory" -- --quiet "$@"
}
