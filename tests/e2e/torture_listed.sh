#!/usr/bin/env bash
# The layouts of make-torture.py, each with one oddity, are listed and printed as expected. Needs neither root nor FUSE.
. "$(dirname "$0")/lib.sh"
export TMPDIR=$TMP
python3 "$CORPUS/make-torture.py" "$TMP/cases" || exit 1
python3 "$CORPUS/run-cases.py" --slack "${LAYOUTFS_TEST_SLACK:-5}" --program "$LAYOUTFS" "$TMP/cases" || not_ok "all cases are listed as expected"

# Names that are not UTF-8 appear in two members: a readable one, and an exact one.
need jq
layoutfs ls -R --json "$TMP/cases/names-not-utf8/oci" / >"$TMP/names"
check "only names that are not UTF-8 have a member pathBase64" jq -e '
  all(.files[]; (.path | contains("\ufffd")) == has("pathBase64")) and any(.files[]; has("pathBase64"))' "$TMP/names"
same "pathBase64 and targetBase64 have each byte" "$(printf 'link\xff' | base64) $(printf 'to\xfe' | base64)" \
  "$(jq -r '.files[] | select(.type == "symlink") | .pathBase64 + " " + .targetBase64' "$TMP/names")"

list() { layoutfs ls -R --json "$TMP/cases/$1/oci" / 2>/dev/null; }
listed=$(list links-hard-dangling)
same "ls of an incomplete image exits with 7" 7 $?
check "ls --json of an incomplete image has the other files and the problem" \
  jq -e '[.files[].path] == ["a"] and (.problems | length) == 1' <<<"$listed"
