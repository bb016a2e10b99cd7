#!/usr/bin/env bash
# Measures layoutfs: in comparison with other programs, in parts, and with a very large image. Needs root and FUSE.
#
# usage: scripts/bench.sh [COMPARISON_OPTION...]   print the comparison as a table (see --help)
#        scripts/bench.sh --parts [OPTION...]      measure parts by Google Benchmark, with its options
#        scripts/bench.sh --large [FILES]          measure an image with FILES files in one layer (default 1000000)
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
# Keeps standard output for the results.
scripts/install-dependencies.sh --bench >&2
[ -f build/bench/build.ninja ] || cmake --preset release-tests -B build/bench -DLAYOUTFS_BENCH=ON >/dev/null
build_directory build/bench layoutfs erofs_bench merge_bench registry_bench stream_bench limits >&2 || die "the benchmarks do not build"
programs=$PWD/build/bench

case $what in
  compare)
    images=full
    for word; do [ "$word" != --quick ] || images=quick; done
    exec python3 tests/bench/bench.py --images "build/bench-images/$images" --layoutfs "$programs/tools/layoutfs" \
      --limits "$programs/tests/bench/limits" "$@"
    ;;
  parts)
    "$programs/tests/bench/stream_bench" "$@"
    "$programs/tests/bench/merge_bench" "$@"
    "$programs/tests/bench/erofs_bench" "$@"
    "$programs/tests/bench/registry_bench" "$@"
    ;;
  large) exec tests/bench/large.sh "$programs/tools/layoutfs" "${1-1000000}" ;;
esac
