#!/usr/bin/env bash
# Every script prints its help, in any working directory, and does nothing else.
. "$(dirname "$0")/lib.sh"
need python3
mkdir "$TMP/bin" "$TMP/here"
# Stubs of the programs that scripts would run first.
for program in apt-get cmake ninja ctest; do
  printf '#!/bin/sh\necho %s >>%q\nexit 1\n' $program "$TMP/called" >"$TMP/bin/$program"
  chmod +x "$TMP/bin/$program"
done
export PATH=$TMP/bin:$PATH
# helps SENTENCE FILE COMMAND...: the help must have the usage and the script's name.
helps() {
  local sentence=$1 file=$2
  shift 2
  limited "$@" --help </dev/null >"$TMP/stdout" 2>"$TMP/stderr"
  same "$sentence" "0 usage $(basename "$file")" \
    "$? $(grep -m1 -oi '^usage' "$TMP/stdout" | tr 'U' 'u') $(grep -m1 -o "$(basename "$file")" "$TMP/stdout" | head -n 1)$(cat "$TMP/stderr")"
}
scripts=("$SOURCE"/scripts/*.sh "$SOURCE"/scripts/*.py)
same "more than 8 scripts are tested" 1 "$((${#scripts[@]} > 8))"
for script in "${scripts[@]}"; do
  case $script in
    */lib.sh) continue ;; # the others source it
    *.sh) run=(bash) ;;
    *.py) run=(python3) ;;
  esac
  cd "$TMP/here" || exit 1
  helps "$(basename "$script") prints its help by its path" "$script" "${run[@]}" "$script"
  cd "$SOURCE/scripts" || exit 1
  helps "$(basename "$script") prints its help in its directory" "$script" "${run[@]}" "$(basename "$script")"
  cd "$SOURCE/docs" || exit 1
  helps "$(basename "$script") prints its help in another directory" "$script" "${run[@]}" "../scripts/$(basename "$script")"
done

echo "-- progress on a terminal"
show() { printf '%b' "$1" | awk -f "$SOURCE/scripts/show-progress.awk" | tr '\r' '\n' | sed 's/\x1b\[K//' | grep . | tail -n 2; }
same "the progress of a build has the remaining seconds" "Building ... 25 % (5 of 20), about 60 s left" "$(show '@ 4 20 16.0 @one\n@ 5 20 20.0 @two\n' | tail -n 1)"
same "the progress of a long build has the remaining minutes" "Building ... 50 % (10 of 20), about 4 min left" "$(show '@ 10 20 240.5 @one\n')"
same "the progress of a complete build has no remaining time" "Building ... 100 % (20 of 20)" "$(show '@ 20 20 240.5 @one\n')"
same "the progress does not overwrite errors" "$(printf 'file.cc:1: error\nBuilding ... 20 %% (1 of 5)')" "$(show 'file.cc:1: error\n@ 1 5 1.0 @FAILED\n')"
same "a build without work shows no progress" "" "$(show '@ 0 2 0.0 @Re-checking globbed directories...\nninja: no work to do.\n')"

same "the help of scripts installs, configures, builds and runs nothing" "" "$(cat "$TMP/called" 2>/dev/null)"
same "the help of scripts creates no file" "" "$(ls -A "$TMP/here")"
