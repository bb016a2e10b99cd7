#!/usr/bin/env bash
# The layouts of make-torture.py, each with one oddity, are listed and printed as they must be: needs neither root nor FUSE.
. "$(dirname "$0")/lib.sh"
export TMPDIR=$TMP
python3 "$CORPUS/make-torture.py" "$TMP/cases" || exit 1
python3 "$CORPUS/run-cases.py" --slack "${LAYOUTFS_TEST_SLACK:-5}" --program "$LAYOUTFS" "$TMP/cases" || not_ok "all cases"

# Bytes that are not UTF-8 come twice: to be read, and to be used.
need jq
layoutfs ls -R --json "$TMP/cases/names-not-utf8/oci" / >"$TMP/names"
check "names that are not UTF-8 have a pathBase64, others have none" jq -e '
  all(.files[]; (.path | contains("\ufffd")) == has("pathBase64")) and any(.files[]; has("pathBase64"))' "$TMP/names"
same "it holds each byte, and so does targetBase64" "$(printf 'link\xff' | base64) $(printf 'to\xfe' | base64)" \
  "$(jq -r '.files[] | select(.type == "symlink") | .pathBase64 + " " + .targetBase64' "$TMP/names")"

list() { layoutfs ls -R --json "$TMP/cases/$1/oci" / 2>/dev/null; }
listed=$(list links-hard-dangling)
same "a list that is not all ends with exit code 7" 7 $?
check "it has the rest of the files, and the problem" \
  jq -e '[.files[].path] == ["a"] and (.problems | length) == 1' <<<"$listed"
