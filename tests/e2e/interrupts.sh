#!/usr/bin/env bash
# A process that waits for a mount to index a layer ends immediately if it is killed. Other processes continue to wait.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 getfattr

# "long" takes minutes to index, "medium" seconds, "short" almost no time.
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
    for _ in range(times if name == "medium" else 0): # the other one is never read to its end
        diff_id.update(b"\0" * part)
    config = made.config(["sha256:" + diff_id.hexdigest()], arch=architecture)
    made.tag(name, made.manifest(config, [made.layer(Layer(blob, b"", GZIP))]))
made.tag("short", made.image([as_layer(Tar().file("name", b"short"))]))
made.write(pathlib.Path(layout))
PYTHON
M=$TMP/m
long=$(find "$TMP/layout/blobs" -size +32M) medium=$(find "$TMP/layout/blobs" -size +256k -size -32M)
# Returns whether the server has this blob open.
reads() { find "/proc/$pid/fd" -lname "$1" 2>/dev/null | grep -q .; }
reads_not() { ! reads "$1"; }
statistic() { limited getfattr --absolute-names --only-values -n user.layoutfs.stats "$M" | grep -o "\"$1\":[0-9]*"; }
mount_foreground "$M" "$TMP/log" "$TMP/layout"

# ends SENTENCE PID COUNT: the process must end before more than COUNT layers are indexed.
ends() {
  wait_for has_ended "$2" || not_ok "$1"
  wait "$2" 2>/dev/null
  same "$1" "\"indexesBuilt\":$3" "$(statistic indexesBuilt)"
}
indexed=0
for signal in KILL TERM INT; do
  env --default-signal=INT ls "$M/refs/long/rootfs/" >/dev/null 2>&1 &
  reader=$!
  wait_for reads "$long" || not_ok "the server reads the layer for the index"
  kill -$signal $reader
  ends "a process that waits for the index ends after SIG$signal" $reader $indexed
  wait_for reads_not "$long" && ok "indexing ends after its only waiting process ended by SIG$signal" || not_ok "indexing ends after its only waiting process ended by SIG$signal"
  same "the mount answers after indexing ended by SIG$signal" short "$(limited cat "$M/refs/short/rootfs/name")"
  indexed=1
done

stat "$M/refs/long/rootfs/zeros" >/dev/null 2>&1 &
first=$!
wait_for reads "$long"
cat "$M/refs/long/layers/00/layer.tar" >/dev/null 2>&1 &
second=$!
sleep 0.5
kill -KILL $first
ends "a killed process that waits for the index with another one ends" $first 1
wait_for reads "$long" && ok "indexing continues for the second process" || not_ok "indexing continues for the second process"
check "the second process still waits for the index" kill -0 $second
kill -KILL $second
ends "the second process ends after SIGKILL" $second 1
wait_for reads_not "$long" && ok "indexing ends after both processes are killed" || not_ok "indexing ends after both processes are killed"

cat >"$TMP/handles.py" <<'PYTHON'
import os, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.siginterrupt(signal.SIGUSR1, True)
open(sys.argv[2], "w").close()
print(os.stat(sys.argv[1]).st_size)
PYTHON
python3 "$TMP/handles.py" "$M/refs/medium/rootfs/zeros" "$TMP/ready" >"$TMP/size" 2>&1 &
reader=$!
# Without pauses: a fast machine reads it in half a second.
until reads "$medium" || has_ended $reader; do :; done
has_ended $reader && not_ok "the server reads the layer of medium size"
kill -USR1 $reader
wait $reader
same "a signal with a handler does not interrupt stat(2)" "0 1073741824" "$? $(cat "$TMP/size")"

python3 "$TMP/handles.py" "$M/refs/long/rootfs/zeros" "$TMP/ready" >/dev/null 2>&1 &
reader=$!
wait_for reads "$long" || not_ok "the server reads the layer for a process with a signal handler"
kill -USR1 $reader
sleep 0.3
kill -KILL $reader
ends "a process with a signal handler ends after SIGKILL" $reader 2
wait_for reads_not "$long" && ok "indexing ends after the process with a signal handler is killed" || not_ok "indexing ends after the process with a signal handler is killed"
same "the mount answers after all interrupts" short "$(limited cat "$M/refs/short/rootfs/name")"
unmount "$M"
wait_for has_ended "$pid"
wait "$pid"
same "the server exits with 0" 0 $?
