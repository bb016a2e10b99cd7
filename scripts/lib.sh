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

# build PRESET [NINJA_TARGET...]: configures if necessary, and builds. On a terminal it shows the progress in one line.
build() {
  local preset=$1
  shift
  configure "$preset"
  if shows_progress; then
    NINJA_STATUS='Building ... %p (%e s) ' cmake --build "build/$preset" -- "$@"
  else
    cmake --build "build/$preset" -- --quiet "$@"
  fi
}
