#!/usr/bin/env bash
# scripts/bench.sh's comparison, with small images: that every row is measured, the report sound, and nothing left mounted.
# No times are asserted.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 jq zstd tar gzip apt-cache
PATIENCE=500

# The inflate program, if ISA-L is installed; otherwise the rows that need it report that it is missing.
raw=()
if c++ -O2 -std=c++20 "$SOURCE/tests/bench/raw_inflate.cc" -lisal -o "$TMP/raw_inflate" 2>/dev/null; then
  raw=(--raw-inflate "$TMP/raw_inflate")
else
  left_out "what only inflates: it does not compile, which needs c++ and libisal-dev"
fi
export TMPDIR=$TMP
bench=(python3 "$SOURCE/tests/bench/bench.py" --quick --images "$TMP/images" --layoutfs "$LAYOUTFS" "${raw[@]}")

check "a quick comparison" "${bench[@]}" --json "$TMP/result.json" --svg "$TMP/plot.svg"
[ $failed = 0 ] || exit 1
R=$TMP/result.json
check "says what it ran on" jq -e '.version == 1 and .quick and .seconds > 0 and .machine.cores > 0 and
  .machine.memoryBytes > 0 and (.machine | has("cpu", "kernel", "versions")) and .image.entries > 500' "$R"
check "has a row once" jq -e '[.rows[].id] | length > 25 and length == (unique | length)' "$R"
check "measured each row, or says why not" jq -e 'all(.rows[]; .value > 0 and .ours.runs > 0 and .ours.min <= .ours.median and
  .ours.median <= .ours.max or (.note | startswith("not measured")))' "$R"
check "says of each target whether it is met" jq -e 'all(.rows[] | select(.target and .value != null);
  .met == (.target.value as $t | if .target.relation == ">=" then .value >= $t else .value <= $t end))' "$R"
check "took its ratios from both sides" jq -e 'all(.rows[] | select(.unit == "ratio" and .other and (.id | startswith("first-list")));
  .value * .ours.median - .other.median | fabs < 1e-6)' "$R"
check "listing all references reads no layer" jq -e '.rows[] | select(.id == "layout-mount") | .note | startswith("no layer")' "$R"
check "draws each row with a target" python3 -c '
import json, sys, xml.etree.ElementTree as xml
bars = xml.parse(sys.argv[1]).getroot().findall("{http://www.w3.org/2000/svg}rect")
rows = [row for row in json.load(open(sys.argv[2]))["rows"] if row["target"] and row["value"] is not None]
assert len(bars) == len(rows) > 10, (len(bars), len(rows))' "$TMP/plot.svg" "$R"
same "leaves nothing mounted" "" "$(mounts_below "$TMP")"
same "and no files of its own" "" "$(find "$TMP" -mindepth 1 -maxdepth 1 -name 'layoutfs-bench.*')"

limited "${bench[@]}" --only layout --json >"$TMP/stdout" 2>/dev/null
check "JSON alone goes to standard output" jq -e '[.rows[].id] == ["layout-mount"]' "$TMP/stdout"

echo "-- interrupted"
"${bench[@]}" --only byte 2>/dev/null &
pid=$!
pids+=("$pid")
has_mount() { [ -n "$(mounts_below "$TMP")" ]; }
if wait_for has_mount; then ok "it mounts"; else not_ok "it mounts"; fi
kill -TERM $pid
wait $pid
same "the signal ends it" 143 $?
same "and nothing stays mounted" "" "$(mounts_below "$TMP")"
same "nor any file" "" "$(find "$TMP" -mindepth 1 -maxdepth 1 -name 'layoutfs-bench.*')"
