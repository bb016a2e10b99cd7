#!/usr/bin/env bash
# If an ordinary user cannot write to a layout, the error names the directory and the remedy.
. "$(dirname "$0")/lib.sh"
need_root
need setpriv jq python3
make_layouts single
mkdir "$TMP/bin"
cp "$LAYOUTFS" "$TMP/bin/layoutfs"
echo content >"$TMP/file"
digest=$(digest_of "$TMP/file")
S=$TMP/store
cp -r "$TMP/layouts/single" "$S"
chmod -R a+rX "$S" "$TMP/file"

# denied SENTENCE DIRECTORY HINT ARGUMENT...: layoutfs must exit with 9 as the user nobody, and change nothing.
denied() {
  local sentence=$1 expected="9 layoutfs: $2: cannot write to this directory: permission denied"$'\n'"hint: $3" before
  shift 3
  before=$(state_of "$S")
  limited setpriv --reuid=nobody --regid=nogroup --clear-groups "$TMP/bin/layoutfs" "$@" </dev/null >"$TMP/stdout" 2>"$TMP/stderr"
  same "$sentence" "$expected" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
  same "$sentence, and changes nothing" "$before" "$(state_of "$S")"
}
denied "blob put refuses a layout of root" "$S" "only its owner root can write to it" blob put "$S" "$TMP/file"
denied "blob put from standard input refuses a layout of root" "$S" "only its owner root can write to it" blob put "$S"
denied "ref put refuses a layout of root" "$S" "only its owner root can write to it" ref put "$S" new "$(jq -r '.manifests[0].digest' "$S/index.json")"
chown -R nobody "$S"
chmod 555 "$S"
denied "blob put refuses an own directory without write permission" "$S" "make it writable with: chmod u+w $S" blob put "$S" "$TMP/file"
chmod 755 "$S"
chown root "$S/blobs/sha256"
denied "blob put refuses a layout with a directory of another user" "$S/blobs/sha256" "only its owner root can write to it" blob put "$S" "$TMP/file"
chmod 775 "$S/blobs/sha256"
denied "blob put refuses a layout with a directory of another group" "$S/blobs/sha256" "only its owner root and its group can write to it" blob put "$S" "$TMP/file"
chown nobody "$S/blobs/sha256"
same "blob put succeeds if all directories are writable" "$digest" \
  "$(limited setpriv --reuid=nobody --regid=nogroup --clear-groups "$TMP/bin/layoutfs" blob put "$S" "$TMP/file" 2>&1)"
