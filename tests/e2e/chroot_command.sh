#!/usr/bin/env bash
# layoutfs chroot: a command runs in an image as root and as an ordinary user. Its changes are stored in the right
# place, its exit status is returned, and nothing is left behind, even if a process is killed.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_layout
need unshare python3 skopeo pgrep
unshare --mount --pid --fork true 2>/dev/null || skip "cannot create namespaces here"
# A copy that other users can read.
cp -rL "$LAYOUT" "$TMP/layout"
chmod -R a+rX "$TMP/layout"
# Two images with busybox.
I=$TMP/layout:$(layoutfs ls "$LAYOUT" | tail -n 1)
O=$TMP/layout:$(layoutfs ls "$LAYOUT" | head -n 1)
BIN=$TMP/bin
prepare_nobody
# Seconds that no other test sleeps.
LONG=$((100000 + $$))

# in_image ARGUMENT...: runs chroot as the user $as.
as=root
in_image() {
  case $as in
    root) limited "$BIN/layoutfs" chroot "$@" ;;
    user) as_nobody "$BIN/layoutfs" chroot "$@" ;;
  esac
}
# ends SENTENCE CODE ARGUMENT...: chroot must exit with CODE.
ends() {
  local sentence=$1 code=$2
  shift 2
  in_image "$@" >"$TMP/stdout" 2>"$TMP/stderr" </dev/null
  same "$as: $sentence" "$code" $?
}
# fails SENTENCE CODE ARGUMENT...: chroot must exit with CODE and print one line, perhaps a hint, and nothing on stdout.
fails() {
  ends "$@"
  same "$as: $1, with one line: $(head -c 160 "$TMP/stderr")" "1 layoutfs: 0" \
    "$(grep -vc '^hint: ' "$TMP/stderr") $(head -c 9 "$TMP/stderr") $(wc -c <"$TMP/stdout")"
}
processes() { pgrep -f "^$BIN/layoutfs"; }
no_process() { ! processes; }
# Lists mounts of this test, and mounts on /tmp, which chroot covers in its own namespace.
mounts() { awk -v at="$TMP" '$5 == "/tmp" || index($0, at)' /proc/self/mountinfo; }
nothing_left() {
  wait_for no_process && ok "$as: chroot leaves no process" || not_ok "$as: chroot leaves no process" "$(ps -ef | grep "$BIN")"
  same "$as: chroot leaves no mount" "$mounts_before" "$(mounts)"
}
mounts_before=$(mounts)

for as in root user; do
  if [ $as = user ]; then
    setpriv --reuid=nobody --regid=nogroup --clear-groups unshare --user --map-root-user --mount true 2>/dev/null ||
      { left_out "ordinary users cannot create user namespaces here" || continue; }
  fi
  echo "-- as $as"
  same "$as: chroot prints only the output of the command" "hello" "$(in_image "$I" /bin/busybox echo hello 2>&1)"
  same "$as: the command sees the files of the image" "$(layoutfs cat "$I" etc/passwd | sha256sum)" \
    "$(in_image "$I" /bin/busybox cat /etc/passwd | sha256sum)"
  same "$as: the command runs as root" "0 0" "$(in_image "$I" /bin/busybox sh -c 'echo $(busybox id -u) $(busybox id -g)')"
  same "$as: the command reads standard input" "piped" "$(echo piped | in_image "$I" /bin/busybox cat)"
  same "$as: the command inherits other descriptors" "three" "$(in_image "$I" /bin/busybox sh -c 'cat <&3' 3<<<three)"
  same "$as: the command gets its arguments unchanged" $'\n{}\n[a,b]\n--help\n-l x\n--' \
    "$(in_image "$I" /bin/busybox printf '%s\n' '' '{}' '[a,b]' --help '-l x' -- | cat)"
  same "$as: the command runs in its own process namespace" "2" "$(in_image "$I" /bin/busybox sh -c 'echo $$')"
  same "$as: the command can write, remove and rename files" "new" "$(in_image "$I" /bin/busybox sh -c '
    busybox rm -r /home /etc/passwd && busybox mkdir /home && busybox mv /var /variable && echo new >/home/file &&
    [ ! -e /var ] && [ ! -e /etc/passwd ] && busybox ls /home | busybox grep -q "^file\$" && busybox cat /home/file' 2>&1)"
  same "$as: changes are discarded after the command" "0" "$(in_image "$I" /bin/busybox test -e /etc/passwd && echo $?)"
  same "$as: /dev has the usual devices" "ok 5 zero" "$(in_image "$I" /bin/busybox sh -c '
    echo gone >/dev/null && [ -c /dev/tty ] && [ -c /dev/ptmx ] && [ -c /dev/urandom ] && [ -d /dev/pts ] &&
    echo shared >/dev/shm/x && ! echo full 2>/dev/null >/dev/full && echo ok \
    $(busybox head -c 5 /dev/zero | busybox wc -c) $(busybox basename /dev/zero)' 2>&1)"
  same "$as: /proc and /sys are mounted, and /sys is read-only" "ok" "$(in_image "$I" /bin/busybox sh -c '
    [ -r /proc/self/status ] && [ -d /sys/class ] && ! busybox mkdir /sys/x 2>/dev/null && echo ok' 2>&1)"
  [ ! -s /etc/resolv.conf ] || same "$as: /etc/resolv.conf is the host's" "$(cat /etc/resolv.conf)" \
    "$(in_image "$I" /bin/busybox cat /etc/resolv.conf)"
  same "$as: /etc/resolv.conf cannot be written" "refused" \
    "$(in_image "$I" /bin/busybox sh -c 'echo >>/etc/resolv.conf || echo refused' 2>/dev/null)"
  same "$as: files of the host are not visible" "" "$(in_image "$I" /bin/busybox sh -c "busybox ls '$TMP' 2>/dev/null")"

  ends "chroot exits with the exit code of the command" 7 "$I" /bin/busybox sh -c 'exit 7'
  ends "chroot exits with 128 plus the number of the signal that ended the command" 137 "$I" /bin/busybox sh -c 'busybox kill -9 $$'
  fails "chroot exits with 127 if the command does not exist" 127 "$I" /no/such/command
  fails "chroot exits with 126 if the command is not executable" 126 "$I" /etc/passwd
  fails "chroot exits with 125 for an unknown reference" 125 "$LAYOUT:no-such" /bin/busybox true
  fails "chroot exits with 125 for two references" 125 --ref musl "$I" /bin/busybox true
  fails "chroot exits with 125 if the layout does not exist" 125 "$TMP/no-such" /bin/busybox true
  fails "chroot exits with 125 for an unknown option" 125 --no-such-option "$I"
  fails "chroot exits with 125 for options that exclude each other" 125 --read-only --upper "$TMP/home/u" "$I" /bin/busybox true
  fails "chroot exits with 125 without an image" 125

  ends "--read-only makes the root filesystem read-only" 0 --read-only "$I" /bin/busybox sh -c '! echo x >/etc/x && ! echo x >/x'
  U=$TMP/home/upper-$as
  ends "--upper creates its directory" 0 --upper "$U" "$I" /bin/busybox sh -c 'echo kept >/etc/kept && busybox rm /etc/passwd'
  same "$as: --upper keeps changes in its directory" "kept" "$(cat "$U/upper/etc/kept")"
  same "$as: --upper shows earlier changes" "kept gone" \
    "$(in_image --upper "$U" "$I" /bin/busybox sh -c 'echo $(busybox cat /etc/kept) $([ -e /etc/passwd ] || echo gone)')"
  fails "--upper refuses a directory of another image" 125 --upper "$U" "$O" /bin/busybox true
  check "$as: the error for a directory of another image names that image" grep -q 'another image, sha256:' "$TMP/stderr"
  fails "--upper refuses a directory in the layout" 125 --upper "$TMP/layout/blobs/upper" "$I" /bin/busybox true
  check "$as: --upper creates no directory in the layout" test ! -e "$TMP/layout/blobs/upper"
  mkfifo "$TMP/home/busy" && chmod 666 "$TMP/home/busy"
  rm -f "$TMP/started"
  in_image --upper "$U" "$I" /bin/busybox sh -c 'echo started; busybox cat' <"$TMP/home/busy" >"$TMP/started" &
  first=$!
  exec 8>"$TMP/home/busy"
  wait_for grep -q started "$TMP/started"
  fails "--upper refuses a directory that another chroot uses" 125 --upper "$U" "$I" /bin/busybox true
  exec 8>&-
  wait $first
  same "$as: the first chroot continues after a second one is refused" 0 $?
  rm "$TMP/home/busy"
  nothing_left

  # The changes stay in the directory, and nothing else.
  C=$TMP/home/clean-$as
  left_in() { (cd "$1" && find . ! -name . -printf '%P\n' | sort | xargs); }
  ends "chroot --upper runs a command that changes nothing" 0 --upper "$C" "$I" /bin/busybox true
  same "$as: a command that changes nothing leaves nothing in the directory of --upper" "" "$(left_in "$C")"
  ends "chroot --upper returns the exit code of a failing command" 3 --upper "$C" "$I" /bin/busybox sh -c 'exit 3'
  same "$as: a failing command leaves nothing in the directory of --upper" "" "$(left_in "$C")"
  ends "chroot --upper exits with 127 if the command does not exist" 127 --upper "$C" "$I" /no/such/command
  same "$as: a missing command leaves nothing in the directory of --upper" "" "$(left_in "$C")"
  for signal in TERM INT HUP KILL; do
    rm -f "$TMP/started"
    in_image --upper "$C" "$I" /bin/busybox sh -c "echo started; exec busybox sleep $LONG" >"$TMP/started" 2>&1 </dev/null &
    wait_for pgrep -f "^busybox sleep $LONG"
    program=$(pgrep -o -f "^$BIN/layoutfs chroot")
    # SIGKILL is for the command: nothing can be removed after that of the program.
    if [ $signal = KILL ]; then kill -KILL "$(pgrep -f "^busybox sleep $LONG")"; else kill -$signal "$program"; fi
    # In the background the command ignores SIGINT, as the shell of the test says.
    [ $signal != INT ] || kill -TERM "$program"
    wait $!
    same "$as: SIG$signal leaves nothing in the directory of --upper" "" "$(left_in "$C")"
  done
  ends "chroot --upper runs a command that changes files" 0 --upper "$C" "$I" /bin/busybox sh -c 'echo new >/etc/new; busybox mkdir /empty'
  changed="manifest upper upper/empty upper/etc upper/etc/new"
  same "$as: the directory of --upper has only the changes" "$changed" "$(left_in "$C")"
  ends "chroot --upper runs a second command" 0 --upper "$C" "$I" /bin/busybox true
  same "$as: a command without changes keeps the earlier changes" "$changed" "$(left_in "$C")"
  ends "chroot --upper runs a command that changes a mode" 0 --upper "$C" "$I" /bin/busybox sh -c 'busybox rm -r /etc/new /empty; busybox chmod 700 /etc'
  same "$as: the changed mode of a directory stays in the directory of --upper" "manifest upper upper/etc" "$(left_in "$C")"
  nothing_left

  # A command that prints the signals it gets.
  trap_command='trap "echo got TERM; exit 3" TERM; trap "echo got USR1" USR1; echo started
    while :; do busybox sleep 0.1; done'
  rm -f "$TMP/started"
  in_image "$I" /bin/busybox sh -c "$trap_command" >"$TMP/started" 2>&1 &
  wait_for grep -q started "$TMP/started"
  program=$(pgrep -o -f "^$BIN/layoutfs chroot")
  kill -USR1 "$program"
  wait_for grep -q 'got USR1' "$TMP/started" && ok "$as: chroot forwards signals to the command" || not_ok "$as: chroot forwards signals to the command"
  kill -TERM "$program"
  wait $!
  same "$as: the command handles SIGTERM, and chroot exits with its exit code" "3 got TERM" "$? $(tail -n 1 "$TMP/started")"
  nothing_left

  # Kills in turn the started program, the first process inside, and the server.
  for victim in program inside server; do
    rm -f "$TMP/started"
    in_image "$I" /bin/busybox sh -c "echo started; busybox sleep $LONG & while :; do busybox cat /etc/passwd >/dev/null; done" \
      >"$TMP/started" 2>/dev/null &
    job=$!
    wait_for grep -q started "$TMP/started"
    program=$(pgrep -o -f "^$BIN/layoutfs chroot")
    case $victim in
      program) kill -9 "$program" ;;
      inside) kill -9 "$(pgrep -n -P "$program")" ;;
      server) kill -9 "$(pgrep -o -P "$program")" ;;
    esac
    # Without its files the command may continue, so the test ends it.
    [ $victim != server ] || { sleep 0.2 && kill -9 "$program"; }
    wait $job 2>/dev/null
    no_sleep() { ! pgrep -f "^(/bin/)?busybox sleep $LONG"; }
    wait_for no_sleep && ok "$as: the command ends if the $victim is killed" || not_ok "$as: the command ends if the $victim is killed"
    nothing_left
  done
done

echo "-- the image's configuration"
make_layouts sample
cat >"$TMP/configure.py" <<'PYTHON'
import json, hashlib, pathlib, sys
layout, name = pathlib.Path(sys.argv[1]), sys.argv[2]
index = json.loads((layout / "index.json").read_text())
blob = lambda d: layout / "blobs" / d["digest"].replace(":", "/")
def put(document, like):
    data = json.dumps(document).encode()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    (layout / "blobs" / digest.replace(":", "/")).write_bytes(data)
    return {**like, "digest": digest, "size": len(data)}
[entry] = [e for e in index["manifests"] if e.get("annotations", {}).get("org.opencontainers.image.ref.name") == name]
manifest = json.loads(blob(entry).read_text())
config = json.loads(blob(manifest["config"]).read_text())
config["config"] = {"Env": ["COLOUR=blue", "HOME=/home/me", "nonsense", 7], "WorkingDir": "/srv/made", "User": "daemon",
                    "Entrypoint": ["/no/such"]}
manifest["config"] = put(config, manifest["config"])
entry.update(put(manifest, entry))
(layout / "index.json").write_text(json.dumps(index))
PYTHON
cp -r "$LAYOUT" "$TMP/configured"
chmod -R u+w "$TMP/configured"
check "skopeo copies the image to be configured" skopeo copy -q "oci:$(realpath "$LAYOUT")${I#"$TMP/layout"}" "oci:$TMP/configured:configured"
check "the test sets the configuration of the copy" python3 "$TMP/configure.py" "$TMP/configured" configured
same "the command gets the variables and the working directory of the configuration" "blue /home/me /srv/made unset dumb" \
  "$(OUTSIDE=set TERM=dumb layoutfs chroot "$TMP/configured:configured" /bin/busybox sh -c \
    'echo $COLOUR $HOME $(busybox pwd) ${OUTSIDE-unset} $TERM')"
same "--upper keeps no directory that was created for the command" "" "$(layoutfs chroot --upper "$TMP/configured-upper" "$TMP/configured:configured" \
  /bin/busybox true; ls -A "$TMP/configured-upper")"
same "--upper keeps files that the command created" "manifest upper made" "$(layoutfs chroot --upper "$TMP/configured-upper" "$TMP/configured:configured" \
  /bin/busybox touch new; ls -A "$TMP/configured-upper" "$TMP/configured-upper/upper/srv" | grep -v : | xargs)"
same "without a command, chroot runs a shell" "from a shell" "$(echo 'echo from a shell' | SHELL=/no/such layoutfs chroot "$I" 2>&1)"

echo "-- chroot without namespaces"
# A user namespace has its own limit.
unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_pid_namespaces; exec "$@"' sh \
  "$BIN/layoutfs" chroot "$I" /bin/busybox true >"$TMP/stdout" 2>"$TMP/stderr"
code=$?
same "chroot without namespaces exits with 125, and prints one line: $(head -c 160 "$TMP/stderr")" "125 1 0" \
  "$code $(wc -l <"$TMP/stderr") $(wc -c <"$TMP/stdout")"
chmod 600 "$TMP/fuse"
as=user
fails "chroot exits with 125 without permission for /dev/fuse" 125 --upper "$TMP/home/new" "$I" /bin/busybox true
check "a refused chroot leaves no directory of --upper" test ! -e "$TMP/home/new"
nothing_left
