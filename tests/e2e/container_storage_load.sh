#!/usr/bin/env bash
# Eight podman commands at a time use a mount with view=containers-storage, while a tag moves, and the server is killed and
# the layout mounted again: each command succeeds, or names the missing part, and podman's own store stays intact.
. "$(dirname "$0")/lib.sh"
need_fuse
need_root
need_own_mounts
need podman busybox python3 zstd jq

L=$TMP/img M=$TMP/store
rounds=2
[ "${LAYOUTFS_TEST_FULL-}" != 1 ] || rounds=10
python3 "$HERE/make-store-image.py" "$L" "$(command -v busybox)" || exit 1
mkdir -p "$TMP/root" "$TMP/run" "$TMP/tmp" "$TMP/programs" "$TMP/results"
export TMPDIR=$TMP/tmp XDG_RUNTIME_DIR=$TMP/run HOME=$TMP/tmp
printf '#!/bin/sh\nexec timeout -k 5 %s %s "$@"\n' "$PATIENCE" "$(command -v podman) --root $TMP/root --runroot $TMP/run --storage-driver overlay \
  --storage-opt additionalimagestore=$M --events-backend none --cgroup-manager cgroupfs" >"$TMP/programs/podman"
chmod +x "$TMP/programs/podman"
PATH=$TMP/programs:$PATH

manifest_of() { jq -r --arg tag "$1" '.manifests[] | select(.annotations[] == $tag).digest' "$L/index.json"; }
one=$(manifest_of busy:1) base=$(manifest_of busy:base)
# An error may name one of these: the mount or something in it, an image, a container, a layer.
names_something='busy:|sha256:|[0-9a-f]{64}|'$M
# tried COMMAND...: notes whether it succeeds; an error must name the missing part. podman itself may panic with that, if it
# cannot open a lock file.
tried() {
  local code
  "$@" >"$out" 2>"$out.errors"
  code=$?
  if [ $code = 0 ]; then
    echo "$1 $2" >>"$TMP/results/succeeded"
  elif [ $code != 124 ] && [ $code -lt 128 ] && grep -E '^(Error|cat|panic): ' "$out.errors" | grep -v mismatch | grep -qE "$names_something"; then
    grep -m 1 -E '^(Error|cat|panic): ' "$out.errors" >>"$TMP/results/failed"
  else
    echo "exit code $code: $*: $(head -n 12 "$out.errors" | cut -c 1-200 | tr '\n' '|')" >>"$TMP/results/wrong"
  fi
  return $code
}
# One command after the other, until $TMP/stop exists.
contain() {
  local container
  tried podman create "$1" /bin/true || return
  container=$(cat "$out")
  if tried podman mount "$container"; then
    tried cat "$(cat "$out")/usr/lib/library"
    # The content of a file is right, or it is an error.
    [ $? != 0 ] || grep -qE '^(in the base|through a symlink)$' "$out" || echo "wrong content: $(cat "$out")" >>"$TMP/results/wrong"
  fi
  tried podman rm "$container"
}
push() { rm -rf "$out.dir" && tried podman push -q "$1" "dir:$out.dir"; }
worker() {
  local out=$TMP/results/$1
  shift
  until [ -e "$TMP/stop" ]; do "$@"; done
}
"$LAYOUTFS" ref put "$L" localhost/busy:moving "$one" || exit 1
# The sizes of layers are exact from the start.
"$LAYOUTFS" index build -q "$L" || exit 1
mount_foreground "$M" "$TMP/log" --no-kernel --view containers-storage "$L"
workers=()
number=0
for work in "contain busy:1" "contain busy:base" "contain busy:moving" "contain busy:1" "push busy:moving" "push busy:base" \
  "tried podman image inspect busy:moving" "tried podman images"; do
  number=$((number + 1))
  worker $number $work &
  workers+=($!)
done
pids+=("${workers[@]}")

successes() { wc -l <"$TMP/results/succeeded"; }
have_succeeded() { [ "$(successes)" -ge "$1" ]; }
failed_commands() { cat "$TMP/results/failed" "$TMP/results/wrong" | wc -l; }
have_failed() { [ "$(failed_commands)" -ge "$1" ]; }
touch "$TMP"/results/{succeeded,failed,wrong}
for round in $(seq $rounds); do
  enough=$(($(successes) + 8))
  for _ in $(seq 150); do
    for manifest in $base $one; do
      layoutfs ref put --replace "$L" localhost/busy:moving "$manifest" || not_ok "a tag moves"
      sleep 0.2
    done
    ! have_succeeded $enough || break
  done
  have_succeeded $enough || not_ok "podman commands succeed in round $round" "$(tail -n 3 "$TMP"/results/failed "$TMP"/results/wrong)"
  kill -9 "$pid"
  wait "$pid" 2>/dev/null
  pids=("${workers[@]}")
  # Some commands find a dead mount, and some an empty directory.
  failures=$(failed_commands)
  wait_for have_failed $((failures + 1)) || not_ok "commands fail while the mount is dead, in round $round"
  layoutfs umount -z "$M" || not_ok "a dead mount is unmounted"
  [ $((round % 2)) = 0 ] || sleep 0.2
  mount_foreground "$M" "$TMP/log" --no-kernel --view containers-storage "$L"
done
touch "$TMP/stop"
wait "${workers[@]}"
pids=("$pid")
echo "$(successes) commands succeeded, $(wc -l <"$TMP/results/failed") failed with a good error:"
sed -E 's/[0-9a-f]{64}/ID/g; s/^time="[^"]*" //' "$TMP/results/failed" | sort | uniq -c | sort -rn | cut -c 1-250 | head -n 20
check "some commands failed" test -s "$TMP/results/failed"
same "every other command named the missing part" "" "$(sort "$TMP/results/wrong" | uniq -c)"

# podman's own store.
check "podman ps -a succeeds" podman ps -a
check "podman rm removes all containers" podman rm -af
same "no container is left" "" "$(podman ps -aq --external)"
same "no layer is left" "l" "$(ls "$TMP/root/overlay" | grep -v '^backingFsBlockDev$\|^metacopy\|^\.has' | xargs)"
same "podman images lists all images" "localhost/busy:1 localhost/busy:base localhost/busy:moving" \
  "$(podman images --format '{{.Repository}}:{{.Tag}}' | sort | xargs)"
# Newer versions have this command.
if podman system --help | grep -q '^  check '; then check "podman system check finds no problem" podman system check; fi
for image in busy:1 busy:base busy:moving; do
  container=$(podman create "$image" /bin/true)
  check "a container of $image has its files" grep -q . "$(podman mount "$container")/usr/lib/library"
done
check "podman push succeeds" podman push -q busy:1 "dir:$TMP/pushed-1"
manifest=$L/blobs/sha256/${one#*:}
same "the pushed layers are the original ones" "$(jq -r '.rootfs.diff_ids[]' "$L/blobs/sha256/$(jq -r .config.digest "$manifest" | cut -d: -f2)" | cut -d: -f2)" \
  "$(python3 "$HERE/pushed_layers.py" "$TMP/pushed-1")"
podman rm -af >/dev/null 2>&1
same "no mount of a container is left" "" "$(mounts_below "$TMP/root" | grep merged)"
unmount "$M"
