#!/usr/bin/env bash
# The comparison of scripts/bench.sh with small images: every row is measured, the report is complete, and no mount is
# left. The test asserts no times.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 jq zstd tar gzip apt-cache
PATIENCE=500

# The build has no such program without ISA-L, or with the thread sanitizer. Then the rows that need it report that it is missing.
limits=()
if [ -n "${LIMITS-}" ]; then limits=(--limits "$LIMITS"); else left_out "rows with a limit: LIMITS is not set"; fi
export TMPDIR=$TMP
bench=(python3 "$SOURCE/tests/bench/bench.py" --quick --images "$TMP/images" --layoutfs "$LAYOUTFS" "${limits[@]}")

check "bench.py --quick completes" "${bench[@]}" --json "$TMP/result.json" --svg "$TMP/plot.svg"
[ $failed = 0 ] || exit 1
R=$TMP/result.json
check "the results have a version, the mode and the machine" jq -e '.version == 1 and .quick and .seconds > 0 and .machine.cores > 0 and
  .machine.memoryBytes > 0 and (.machine | has("cpu", "kernel", "versions")) and .image.entries > 500' "$R"
check "the results have each row once" jq -e '[.rows[].id] | length > 60 and length == (unique | length)' "$R"
check "each row of the results has a measurement or a reason" jq -e 'all(.rows[]; .value >= 0 and .ours.runs > 0 and .ours.min <= .ours.median and
  .ours.median <= .ours.max or (.note | startswith("not measured")))' "$R"
check "each row with a target says whether it is met" jq -e 'all(.rows[] | select(.target and .value != null);
  .met == (.target.value as $t | if .target.relation == ">=" then .value >= $t else .value <= $t end))' "$R"
check "each ratio is computed from both sides" jq -e 'all(.rows[] | select(.unit == "ratio" and .other and (.id | startswith("first-list")));
  .value * .ours.median - .other.median | fabs < 1e-6)' "$R"
check "the benchmark for mounting a layout reads no layer" jq -e '.rows[] | select(.id == "layout-mount") | .note | startswith("no layer")' "$R"
check "the plot shows each row with a target" python3 -c '
import json, sys, xml.etree.ElementTree as xml
bars = xml.parse(sys.argv[1]).getroot().findall("{http://www.w3.org/2000/svg}rect")
rows = [row for row in json.load(open(sys.argv[2]))["rows"] if row["target"] and row["value"] is not None]
assert len(bars) == len(rows) > 10, (len(bars), len(rows))' "$TMP/plot.svg" "$R"
same "bench.py leaves no mount" "" "$(mounts_below "$TMP")"
same "bench.py leaves no files" "" "$(find "$TMP" -mindepth 1 -maxdepth 1 -name 'layoutfs-bench.*')"

echo "-- the documents"
mkdir -p "$TMP/pages/docs"
cp "$SOURCE/README.md" "$TMP/pages/"
cp "$SOURCE/docs/benchmarks.md" "$TMP/pages/docs/"
check "README.md gets ten rows, docs/benchmarks.md all rows, and each its plot" python3 -c '
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
import report
result, pages = json.load(open(sys.argv[2])), pathlib.Path(sys.argv[3])
report.write_pages(result, pages)
def rows(page):
    block = (pages / page).read_text().split(report.BEGIN)[1].split(report.END)[0]
    return [line for line in block.splitlines() if line.startswith("| ")][2:]
assert len(rows("README.md")) == len(report.README) == 10, rows("README.md")
assert len(rows("docs/benchmarks.md")) == len(result["rows"])
for plot, page in (("benchmark.svg", "README.md"), ("benchmark-all.svg", "docs/benchmarks.md")):
    assert (pages / "docs" / plot).stat().st_size > 0
    assert plot in (pages / page).read_text()' "$SOURCE/tests/bench" "$R" "$TMP/pages"

limited "${bench[@]}" --only layout --json >"$TMP/stdout" 2>/dev/null
check "bench.py prints only JSON on stdout" jq -e '[.rows[].id] == ["layout-mount"]' "$TMP/stdout"

limited "${bench[@]}" --limits /bin/false --only large,layout --json >"$TMP/stdout" 2>/dev/null
same "bench.py fails if a part fails" 1 $?
check "a part that fails leaves the results of the others" jq -e '[.rows[].id] == ["failed-large", "layout-mount"]' "$TMP/stdout"

if [ -n "${LIMITS-}" ]; then
  echo "-- the limits"
  plain=$(seq 300000 | wc -c)
  for how in "gzip -c" "zstd -qc"; do
    # Two members or frames.
    for _ in 1 2; do seq 300000 | $how; done >"$TMP/blob"
    name=$TMP/$(sha256sum <"$TMP/blob" | cut -d' ' -f1)
    mv "$TMP/blob" "$name"
    same "limits pass decodes all of: $how" $((2 * plain)) "$(limited "$LIMITS" pass "$name" | jq .bytes)"
    same "limits pass decodes two blobs at once: $how" $((4 * plain)) "$(limited "$LIMITS" pass "$name" "$name" | jq .bytes)"
    same "limits decode decodes one blob by several threads: $how" $((2 * plain)) "$(limited "$LIMITS" decode 3 "$name" | jq .bytes)"
    head -c -9 "$name" >"$TMP/cut"
    limited "$LIMITS" pass "$TMP/cut" >/dev/null 2>&1
    same "limits pass refuses a truncated blob: $how" 1 $?
    limited "$LIMITS" decode 1 "$TMP/cut" >/dev/null 2>&1
    same "limits decode refuses a truncated blob: $how" 1 $?
    other=${name##*/}
    other=${name%/*}/${other//[0-9]/a}
    mv "$name" "$other"
    said=$(limited "$LIMITS" pass "$other" 2>&1 >/dev/null)
    same "limits pass refuses a blob with another digest than its name: $how" "1 limits: $other: other content" "$? $said"
  done
fi

echo "-- an interrupted benchmark"
# Each measured mount lasts for milliseconds; this program holds the first one until the benchmark is interrupted.
cat >"$TMP/mounts-and-waits" <<END
#!/bin/sh
"$LAYOUTFS" "\$@" || exit
[ "\$1" != mount ] || exec sleep $PATIENCE
END
chmod +x "$TMP/mounts-and-waits"
"${bench[@]}" --layoutfs "$TMP/mounts-and-waits" --only byte 2>/dev/null &
pid=$!
pids+=("$pid")
has_mount() { [ -n "$(mounts_below "$TMP")" ]; }
if wait_for has_mount; then ok "the interrupted benchmark mounts"; else not_ok "the interrupted benchmark mounts"; fi
kill -TERM $pid
wait $pid
same "SIGTERM ends the benchmark" 143 $?
same "an interrupted benchmark leaves no mount" "" "$(mounts_below "$TMP")"
same "an interrupted benchmark leaves no files" "" "$(find "$TMP" -mindepth 1 -maxdepth 1 -name 'layoutfs-bench.*')"
