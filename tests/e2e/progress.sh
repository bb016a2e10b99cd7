#!/usr/bin/env bash
# The progress line of a terminal: it is gone when a signal ends the program.
. "$(dirname "$0")/lib.sh"
need python3 strace
make_layouts sample
# terminal ARGUMENT...: layoutfs on a terminal, with reads that take long, and Ctrl-C as soon as the line shows. Prints the signal
# that ended it, and whether the line is gone.
terminal() {
  limited python3 - "$LAYOUTFS" "$@" <<'PYTHON'
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("strace", ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pread64", "-e", "inject=pread64:delay_enter=400000", *sys.argv[1:]])
shown = b""
def more():
    global shown
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        return False
    shown += piece
    return bool(piece)
while b" left" not in shown and more():
    pass
os.write(terminal, b"\x03")
while more():
    pass
status = os.waitpid(pid, 0)[1]
print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}",
      "cleared" if b" left" in shown and b"\x1b[K" in shown[shown.rindex(b" left"):] else repr(shown[-300:]))
PYTHON
}
for command in "ls" "cat" "extract"; do
  case $command in
    ls) arguments=() ;;
    cat) arguments=(var/text) ;;
    extract) arguments=("$TMP/out") ;;
  esac
  said=$(terminal $command --cache-dir "$TMP/cache-$command" "$TMP/layouts/sample:app:1.0" "${arguments[@]}")
  # extract tidies up first, and ends with 128 and the signal's number.
  same "Ctrl-C ends $command, and the line is gone" "cleared" "$(sed 's/^2 //; s/^exit 130 //' <<<"$said")"
done
finish
