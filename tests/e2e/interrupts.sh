#!/usr/bin/env bash
# A process that waits for a long index pass of a mount ends immediately if it is killed; others continue to
# wait.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 getfattr

# "long" takes minutes to index, "medium" seconds, "short" no time.
python3 - "$TMP/layout" "$(host_architecture)" "$CORPUS" <<'PYTHON' || exit 1
import gzip, hashlib, pathlib, sys
layout, architecture, corpus = sys.argv[1:]
sys.path.insert(0, corpus)
from ocilib import GZIP, Layer, Layout, Tar, as_layer, header
part = 64 << 20
zeros = gzip.compress(b"\0" * part, 9)
made = Layout()
for name, times in (("long", 1024), ("medium", 16)):
    head = header(b"zeros", size=part * times)
    blob = gzip.compress(head) + zeros * times
    diff_id = hashlib.sha256(head)
    for _ in range(times if name == "medium" else 0):  # the other one is never read to its end
        diff_id.update(b"\0" * part)
    config = made.config(["sha256:" + diff_id.hexdigest()], arch=architecture)
    made.tag(name, made.manifest(config, [made.layer(Layer(blob, b"", GZIP))]))
made.tag("short", made.image([as_layer(Tar().file("name", b"short"))]))
made.write(pathlib.Path(layout))
PYTHON
M=$TMP/m
long=$(find "$TMP/layout/blobs" -size +32M) medium=$(find "$TMP/layout/blobs" -size +256k -size -32M)
# Whether the server has this blob open.
reads() { find "/proc/$pid/fd" -lname "$1" 2>/dev/null | grep -q .; }
reads_not() { ! reads "$1"; }
statistic() { limited getfattr --absolute-names --only-values -n user.layoutfs.stats "$M" | grep -o "\"$1\":[0-9]*"; }
mount_foreground "$M" "$TMP/log" "$TMP/layout"

# ends SENTENCE PID COUNT: while no more than COUNT layers have been indexed.
ends() {
  wait_for has_ended "$2" || not_ok "$1"
  wait "$2" 2>/dev/null
  same "$1" "\"indexesBuilt\":$3" "$(statistic indexesBuilt)"
}
indexed=0
for signal in KILL TERM INT; do
  env --default-signal=INT ls "$M/refs/long/rootfs/" >/dev/null 2>&1 &
  reader=$!
  wait_for reads "$long" || not_ok "the layer is read"
  kill -$signal $reader
  ends "a process that waits for the index ends with SIG$signal" $reader $indexed
  wait_for reads_not "$long" && ok "so does the index pass" || not_ok "so does the index pass"
  same "the mount answers" short "$(limited cat "$M/refs/short/rootfs/name")"
  indexed=1
done

stat "$M/refs/long/rootfs/zeros" >/dev/null 2>&1 &
first=$!
wait_for reads "$long"
cat "$M/refs/long/layers/00/layer.tar" >/dev/null 2>&1 &
second=$!
sleep 0.5
kill -KILL $first
ends "of two that wait, the killed one ends" $first 1
wait_for reads "$long" && ok "for the other the layer is read on" || not_ok "for the other the layer is read on"
check "and it still waits" kill -0 $second
kill -KILL $second
ends "then it is killed too" $second 1
wait_for reads_not "$long" && ok "and the index pass ends" || not_ok "and the index pass ends"

cat >"$TMP/handles.py" <<'PYTHON'
import os, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.siginterrupt(signal.SIGUSR1, True)
open(sys.argv[2], "w").close()
print(os.stat(sys.argv[1]).st_size)
PYTHON
python3 "$TMP/handles.py" "$M/refs/medium/rootfs/zeros" "$TMP/ready" >"$TMP/size" 2>&1 &
reader=$!
wait_for reads "$medium" || not_ok "the layer is read"
kill -USR1 $reader
wait $reader
same "a signal that the process handles makes nothing fail" "0 1073741824" "$? $(cat "$TMP/size")"

python3 "$TMP/handles.py" "$M/refs/long/rootfs/zeros" "$TMP/ready" >/dev/null 2>&1 &
reader=$!
wait_for reads "$long" || not_ok "the layer is read"
kill -USR1 $reader
sleep 0.3
kill -KILL $reader
ends "a kill after it ends the process" $reader 2
wait_for reads_not "$long" && ok "and the index pass" || not_ok "and the index pass"
same "the mount answers in the end" short "$(limited cat "$M/refs/short/rootfs/name")"
unmount "$M"
wait_for has_ended "$pid"
wait "$pid"
same "the program ends well" 0 $?
