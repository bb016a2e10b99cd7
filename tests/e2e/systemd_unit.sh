#!/usr/bin/env bash
# layoutfs@.service, as far as it can be tried without a systemd that runs it.
#
# A systemd in namespaces is not the way to run it: starting a unit starts sysinit.target, which empties /tmp, creates devices
# and sets kernel parameters for the whole machine.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need systemd-analyze setpriv python3
UNIT=$SOURCE/tools/layoutfs@.service

# It looks for programs in the system's directories only.
sed "s|^ExecStart=layoutfs |ExecStart=$LAYOUTFS |" "$UNIT" >"$TMP/layoutfs@.service"
same "systemd-analyze finds nothing wrong with it" "0 " "$(
  said=$(limited systemd-analyze verify --man=no "$TMP/layoutfs@image.service" 2>&1)
  echo "$? $said"
)"
# systemd.exec(5), "mount namespace": with any of these, the mount would be visible only to the service.
same "nothing in it gives the service a mount namespace" "" "$(grep -E \
  '^(Private(Tmp|Devices|Mounts|Users|Network|IPC)|Protect[A-Za-z]*|(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)Paths|Temporary[A-Za-z]*|Bind[A-Za-z]*|Mount[A-Za-z]*|Root[A-Za-z]*|DynamicUser)=' "$UNIT")"

make_layouts single
L=$TMP/layouts/single
capabilities=-all$(sed -n 's/^CapabilityBoundingSet=//p' "$UNIT" | tr '[:upper:]' '[:lower:]' | sed 's/\(^\| \)cap_/,+/g')
# The command of the unit, as systemd would call it with this configuration and the unit's environment.
export OPTIONS="-o dev,suid,allow_other --cache-size 64M" LAYOUT=$L:latest MOUNTPOINT=$TMP/m
command=$(sed -n 's/^ExecStart=//p' "$TMP/layoutfs@.service")
setpriv --no-new-privs --bounding-set="$capabilities" sh -c "exec $command" >"$TMP/log" 2>&1 &
pid=$!
pids+=("$pid")
wait_for grep -q "^mounted .* on " "$TMP/log" || { not_ok "its command mounts" "$(cat "$TMP/log")"; exit 1; }
same "its command mounts, with the capabilities that it has" "$(printf '%016x' $((1 << 1 | 1 << 2 | 1 << 21)))" \
  "$(awk '$1 == "CapBnd:" {print $2}' "/proc/$pid/status")"
same "the image is there" "needle in the upper layer" "$(limited cat "$TMP/m/etc/added")"
same "with the options that the configuration asks for" "ro,relatime" "$(awk -v at="$TMP/m" '$5 == at {print $6}' /proc/self/mountinfo)"
check "nothing of it is writable and executable" sh -c "! grep -q ' .wx' /proc/$pid/maps"

# The command that systemd runs after a kill; it converts $$ to $.
after=$(sed -n "s/^ExecStopPost=.*-c '\(.*\)'/\1/p" "$UNIT" | sed 's/\$\$/$/g')
stop_post() { EXIT_CODE=$1 PATH=$(dirname "$LAYOUTFS"):$PATH limited sh -c "$after"; }
stop_post exited
same "after an end of its own, a mount in its place is left alone" "$TMP/m" "$(mounts_below "$TMP/m")"
kill -KILL "$pid"
wait_for has_ended "$pid"
stop_post killed
same "what a killed one leaves is taken away" "" "$(mounts_below "$TMP/m")"
exit
