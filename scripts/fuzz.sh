#!/usr/bin/env bash
# Fuzzes the parsers of external bytes. Prints a line for each target. Exits with 1 if a target fails.
#
# usage: scripts/fuzz.sh [--seconds N] [TARGET...]
#   --seconds N   seconds for each target (default 600)
#   TARGET        a file tests/fuzz/TARGET_fuzz.cc (default: all)
# Keeps inputs in build/fuzz/corpus, and failing inputs in build/fuzz/artifacts.
. "$(dirname "$0")/lib.sh"

wrong() {
  usage >&2
  exit 2
}

seconds=600 targets=()
while [ $# != 0 ]; do
  case $1 in
    --seconds)
      case ${2-} in '' | *[!0-9]* | 0) wrong ;; esac
      seconds=$2
      shift
      ;;
    -h | --help)
      usage
      exit
      ;;
    -*) wrong ;;
    *)
      [ -f "tests/fuzz/$1_fuzz.cc" ] || die "there is no target '$1' in tests/fuzz"
      targets+=("$1")
      ;;
  esac
  shift
done
if [ ${#targets[@]} = 0 ]; then
  for file in tests/fuzz/*_fuzz.cc; do targets+=("$(basename "$file" _fuzz.cc)"); done
fi
command -v clang++-19 >/dev/null || die "needs clang++-19: scripts/install-dependencies.sh --test"

FUZZ=$SOURCE/build/fuzz
PROGRAMS=$SOURCE/build/asan/tests/fuzz
build asan make_tables "${targets[@]/%/_fuzz}" || die "the fuzz targets do not build"
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
export TMPDIR=$temporary

if [ ! -f "$FUZZ/seeds/complete" ] || [ tests/fuzz/make-seeds.py -nt "$FUZZ/seeds/complete" ]; then
  rm -rf "$FUZZ/seeds"
  python3 tests/corpus/make-torture.py "$temporary/torture" >/dev/null
  python3 tests/fuzz/make-seeds.py "$temporary/torture" "$PROGRAMS/make_tables" "$FUZZ/seeds"
  : >"$FUZZ/seeds/complete"
fi

# last NAME LOG: prints the number after NAME in the last line of libFuzzer's log that has NAME.
last() {
  local number
  number=$(sed -n "s/.*$1 *\([0-9][0-9]*\).*/\1/p" "$2" | tail -n 1)
  echo "${number:-unknown}"
}

# fuzz TARGET: fuzzes the target and prints its line.
fuzz() {
  local target=$1 verdict="nothing found" log=$FUZZ/$1.log corpus=$FUZZ/corpus/$1 artifacts=$FUZZ/artifacts/$1 inputs
  rm -rf "$artifacts"
  mkdir -p "$corpus" "$artifacts"
  # Inputs of earlier failures come first.
  inputs=("$corpus" "$FUZZ/seeds/$target")
  [ ! -d "tests/fuzz/regressions/$target" ] || inputs+=("tests/fuzz/regressions/$target")
  if ! "$PROGRAMS/${target}_fuzz" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -max_len=65536 \
    -print_final_stats=1 -artifact_prefix="$artifacts/" "${inputs[@]}" >"$log" 2>&1; then
    : >"$temporary/found"
    verdict="FOUND: see $log and $artifacts"
  fi
  echo "$target: $(last stat::number_of_executed_units: "$log") runs, coverage $(last cov: "$log"), $verdict"
}

# Runs one target per CPU.
! shows_progress ||
  echo "Fuzzing ${#targets[@]} targets: about $((((${#targets[@]} + $(nproc) - 1) / $(nproc) * seconds + 59) / 60)) min"
for target in "${targets[@]}"; do
  [ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
  fuzz "$target" &
done
wait
[ ! -e "$temporary/found" ]
