#!/usr/bin/env bash
# Measures layoutfs: beside what it is compared with, its single parts, and with a very large image. Needs root and FUSE.
#
# usage: scripts/bench.sh [COMPARISON_OPTION...]   the comparison: one table (--help says more)
#        scripts/bench.sh --parts [OPTION...]      single parts, by Google Benchmark, whose options these are
#        scripts/bench.sh --large [FILES]          an image with so many files in one layer (default 1000000)
. "$(dirname "$0")/lib.sh"

what=compare
case ${1-} in
  --parts | --large) what=${1#--} && shift ;;
  -h | --help)
    usage
    exec python3 tests/bench/bench.py --help
    ;;
esac
[ "$(id -u)" = 0 ] || die "needs root, to install packages and to mount"
# Standard output is for the results.
scripts/install-dependencies.sh --bench >&2
[ -f build/bench/build.ninja ] || cmake --preset release-tests -B build/bench -DLAYOUTFS_BENCH=ON >/dev/null
cmake --build build/bench --target layoutfs merge_bench registry_bench stream_bench raw_inflate -- --quiet >&2 || die "the benchmarks do not build"
programs=$PWD/build/bench

case $what in
  compare)
    images=full
    for word; do [ "$word" != --quick ] || images=quick; done
    exec python3 tests/bench/bench.py --images "build/bench-images/$images" --layoutfs "$programs/tools/layoutfs" \
      --raw-inflate "$programs/tests/bench/raw_inflate" "$@"
    ;;
  parts)
    "$programs/tests/bench/stream_bench" "$@"
    "$programs/tests/bench/merge_bench" "$@"
    "$programs/tests/bench/registry_bench" "$@"
    ;;
  large) exec tests/bench/large.sh "$programs/tools/layoutfs" "${1-1000000}" ;;
esac
