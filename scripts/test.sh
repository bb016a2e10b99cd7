#!/usr/bin/env bash
# Runs the tests: installs missing packages, builds, tests, and ends with the line "N passed, N failed, N skipped".
#
# usage: scripts/test.sh [--quick | --ci | --full]
#   (nothing)  unit and end-to-end tests: 12 minutes on two CPUs
#   --quick    unit tests, and some end-to-end tests of listing, storing, copying and mounting layouts: 5 minutes
#   --ci       also run the unit tests with the address and undefined-behaviour sanitizers, and tests of threads with the
#              thread sanitizer; run each fuzz target for 10 seconds (scripts/fuzz.sh runs them longer): 35 minutes
#   --full     also compile each source alone by clang, which finds missing includes; run the unit tests with clang without
#              sanitizers, the end-to-end tests with the release build and with sanitizers, clang-tidy, and all rounds of tests
#              that repeat something
. "$(dirname "$0")/lib.sh"

quick='' ci='' full=''
case ${1-} in
  "") ;;
  --quick) quick=1 ;;
  --ci) ci=1 ;;
  --full) ci=1 full=--full ;;
  -h | --help)
    usage
    exit
    ;;
  *)
    usage >&2
    exit 2
    ;;
esac
[ -z "$full" ] || export LAYOUTFS_TEST_FULL=1 # tests with rounds run more of them
[ "$(id -u)" = 0 ] || die "needs root, to install packages and to mount; as another user, unit tests alone:
  cmake --preset dev && cmake --build build/dev && ctest --preset dev -L unit"
if [ -n "$quick" ]; then scripts/install-dependencies.sh --quick; else scripts/install-dependencies.sh --test $full; fi

passed=0 failed=0 skipped=0
skips=() failures=()

# count RESULT SENTENCE: counts a check that is not a test program.
count() {
  case $1 in
    passed) passed=$((passed + 1)) ;;
    failed) failed=$((failed + 1)) failures+=("$2") ;;
    skipped) skipped=$((skipped + 1)) skips+=("$2") ;;
  esac
}

summarize() {
  echo
  [ ${#skips[@]} = 0 ] || printf 'skipped: %s\n' "${skips[@]}"
  [ ${#failures[@]} = 0 ] || printf 'failed: %s\n' "${failures[@]}"
  echo "$passed passed, $failed failed, $skipped skipped"
  [ $failed = 0 ]
}

# suite PRESET TARGETS [CTEST_ARGUMENT...]: builds the targets, runs ctest, and adds its counts.
suite() {
  local preset=$1 targets results=$SOURCE/build/$1/results.xml status=0 lines result name
  read -ra targets <<<"$2"
  shift 2
  echo "== $preset"
  if ! build "$preset" "${targets[@]}"; then
    # Other presets would not build either. The errors are above.
    count failed "$preset: does not build"
    summarize
    exit 1
  fi
  rm -f "$results"
  # One test more than CPUs, because many tests wait for disks and for each other.
  ctest --preset "$preset" --output-junit "$results" --no-tests=error --parallel $(($(nproc) + 1)) "$@" || status=$?
  lines=$(python3 scripts/read-results.py "$results") || status=1
  while read -r result name; do
    [ "$result" != failed ] || status=0
    count "$result" "$preset: $name"
  done <<<"$lines"
  [ $status = 0 ] || count failed "$preset: ctest ended with $status, though no test failed"
}

if [ -n "$quick" ]; then
  suite dev "unit_tests layoutfs" -L 'unit|quick'
else
  suite dev all
fi
if [ -n "$ci" ]; then
  # Builds the fuzz targets in the same run, because a separate build would leave CPUs idle at its end.
  suite asan "unit_tests make_tables $(basename -s .cc tests/fuzz/*_fuzz.cc | xargs)" -L unit
  suite tsan all
  echo "== fuzz"
  lines=$(scripts/fuzz.sh --seconds 10 | tee /dev/stderr) || true
  for file in tests/fuzz/*_fuzz.cc; do
    target=$(basename "$file" _fuzz.cc)
    if grep -q "^$target: .*, nothing found$" <<<"$lines"; then count passed "fuzz: $target"; else count failed "fuzz: $target"; fi
  done
fi
if [ -n "$full" ]; then
  echo "== each source alone"
  configure clang
  if python3 scripts/compile-alone.py build/clang; then count passed "each source alone"; else count failed "each source alone: see above"; fi
  suite clang all -L unit
  suite release-tests all -L e2e
  LAYOUTFS_TEST_SANITIZED=1 suite asan all -L e2e
  if LAYOUTFS=$SOURCE/build/dev/tools/layoutfs bash tests/e2e/newcomer.sh; then count passed newcomer; else count failed "newcomer: see above"; fi
fi

sources() { find core docs fs include tools tests -name '*.h' -o -name '*.cc'; }
if command -v clang-format-19 >/dev/null; then
  if sources | xargs clang-format-19 --dry-run -Werror; then count passed format; else count failed "format: see above"; fi
else
  count skipped "format: clang-format-19 is not installed (--full installs it)"
fi
if [ -n "$full" ]; then
  echo "== clang-tidy"
  if find core fs tools -name "*.cc" -print0 | xargs -0 -P "$(nproc)" -n 4 clang-tidy-19 --quiet -p build/clang; then
    count passed clang-tidy
  else
    count failed "clang-tidy: see above"
  fi
fi

summarize
