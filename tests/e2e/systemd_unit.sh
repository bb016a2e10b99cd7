#!/usr/bin/env bash
# layoutfs@.service, as far as it can be tested without running it by systemd.
#
# A systemd in namespaces is not an option: starting a unit starts sysinit.target, which empties /tmp, creates devices
# and sets kernel parameters for the whole machine.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need systemd-analyze setpriv python3
UNIT=$SOURCE/tools/layoutfs@.service

# systemd-analyze finds programs only in the system's directories.
sed "s|^ExecStart=layoutfs |ExecStart=$LAYOUTFS |" "$UNIT" >"$TMP/layoutfs@.service"
same "systemd-analyze verify finds no problems in the unit" "0 " "$(
  said=$(limited systemd-analyze verify --man=no "$TMP/layoutfs@image.service" 2>&1)
  echo "$? $said"
)"
# systemd.exec(5), "mount namespace": with any of these options, the mount would be visible only to the service.
same "no option of the unit gives the service a mount namespace" "" "$(grep -E \
  '^(Private(Tmp|Devices|Mounts|Users|Network|IPC)|Protect[A-Za-z]*|(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)Paths|Temporary[A-Za-z]*|Bind[A-Za-z]*|Mount[A-Za-z]*|Root[A-Za-z]*|DynamicUser)=' "$UNIT")"

same "the unit allows connections to registries" "AF_INET AF_INET6" "$(sed -n 's/^RestrictAddressFamilies=//p' "$UNIT" | grep -o 'AF_INET[6]*' | xargs)"

make_layouts single
L=$TMP/layouts/single
capabilities=-all$(sed -n 's/^CapabilityBoundingSet=//p' "$UNIT" | tr '[:upper:]' '[:lower:]' | sed 's/\(^\| \)cap_/,+/g')
# Runs the command of the unit as systemd would, with this configuration and the unit's environment.
export OPTIONS="-o dev,suid,allow_other --cache-size 64M" LAYOUT=$L:latest MOUNTPOINT=$TMP/m
command=$(sed -n 's/^ExecStart=//p' "$TMP/layoutfs@.service")
setpriv --no-new-privs --bounding-set="$capabilities" sh -c "exec $command" >"$TMP/log" 2>&1 &
pid=$!
pids+=("$pid")
wait_for grep -q "^mounted .* on " "$TMP/log" || { not_ok "the command of the unit mounts" "$(cat "$TMP/log")"; exit 1; }
same "the command of the unit mounts with the capabilities of the unit" "$(printf '%016x' $((1 << 1 | 1 << 2 | 1 << 21)))" \
  "$(awk '$1 == "CapBnd:" {print $2}' "/proc/$pid/status")"
same "the mount of the unit shows the image" "needle in the upper layer" "$(limited cat "$TMP/m/etc/added")"
same "the mount of the unit has the options of the configuration" "ro,relatime" "$(awk -v at="$TMP/m" '$5 == at {print $6}' /proc/self/mountinfo)"
check "the server has no memory that is both writable and executable" sh -c "! grep -q ' .wx' /proc/$pid/maps"

# The command that systemd runs after the server was killed, with $$ replaced by $.
after=$(sed -n "s/^ExecStopPost=.*-c '\(.*\)'/\1/p" "$UNIT" | sed 's/\$\$/$/g')
stop_post() { EXIT_CODE=$1 PATH=$(dirname "$LAYOUTFS"):$PATH limited sh -c "$after"; }
stop_post exited
same "ExecStopPost does not unmount another mount after the server ended" "$TMP/m" "$(mounts_below "$TMP/m")"
kill -KILL "$pid"
wait_for has_ended "$pid"
stop_post killed
same "ExecStopPost unmounts the mount of a killed server" "" "$(mounts_below "$TMP/m")"
exit
