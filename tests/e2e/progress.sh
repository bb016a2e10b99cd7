#!/usr/bin/env bash
# A signal that ends the program clears the progress line on a terminal.
. "$(dirname "$0")/lib.sh"
need python3 strace
make_layouts sample
# terminal ARGUMENT...: runs layoutfs on a terminal with slow reads, and types Ctrl-C when the progress line appears.
# Prints the signal that ended it, and whether the line is cleared.
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
  # extract cleans up first, and exits with 128 plus the number of the signal.
  same "Ctrl-C ends $command and clears the progress line" "cleared" "$(sed 's/^2 //; s/^exit 130 //' <<<"$said")"
done
finish
