#!/usr/bin/env bash
# Shared by the scripts: where things are, how a preset is built.
set -eu
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$SOURCE"

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# The comment at the top of the script that runs.
SCRIPT=$SOURCE/scripts/$(basename "$0")
usage() { sed -n '2,/^\(\. \|set \)/{/^\(\. \|set \)/d; s/^# \{0,1\}//; p}' "$SCRIPT"; }

# Whether standard output is a terminal that can rewrite a line.
shows_progress() { [ -t 1 ] && [ "${TERM-dumb}" != dumb ]; }

# configure PRESET: if it was not.
configure() {
  local launcher=()
  ! command -v ccache >/dev/null || launcher=(-D CMAKE_CXX_COMPILER_LAUNCHER=ccache)
  [ -f "build/$1/build.ninja" ] || cmake --preset "$1" "${launcher[@]}" >/dev/null
}

# build PRESET [NINJA_TARGET...]: configures if need be, and builds what changed. On a terminal one line shows the progress.
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
