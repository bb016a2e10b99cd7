"""Type each line of standard input into an interactive shell, then a tab, then END, and print the resulting words of the
shell as JSON: type_in_shell.py DIRECTORY SHELL [ARGUMENT...]. DIRECTORY is for temporary files."""
import fcntl
import os
import pty
import struct
import sys
import termios
import threading
import time

PATIENCE = float(os.environ.get("LAYOUTFS_TEST_PATIENCE", "60"))
TO_BEGINNING_OF_LINE = "\x01"
directory, *shell = sys.argv[1:]
heard = os.path.join(directory, "words")
tell = os.path.join(directory, "tell")
with open(tell, "w") as program:
    program.write(f"#!{sys.executable}\nimport json, os, sys\n")
    program.write(f"text = json.dumps(sys.argv[1:])\nopen({heard!r} + '.new', 'w').write(text)\n")
    program.write(f"os.rename({heard!r} + '.new', {heard!r})\n")
os.chmod(tell, 0o755)

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(shell[0], shell)
# Wide enough to keep every line in one row.
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 1000, 0, 0))

shown = bytearray()


def listen():
    try:
        while data := os.read(terminal, 65536):
            shown.extend(data)
    except OSError:
        pass  # the shell has ended


threading.Thread(target=listen, daemon=True).start()


def words_of(keys):
    os.write(terminal, keys.encode() + b"\r")
    end = time.monotonic() + PATIENCE
    while not os.path.exists(heard):
        if time.monotonic() > end:
            os.kill(pid, 9)
            sys.exit(f"{keys!r}: no answer; the terminal shows {bytes(shown[-2000:])!r}")
        time.sleep(0.01)
    with open(heard) as answer:
        text = answer.read()
    os.unlink(heard)
    return text


words_of(tell)  # the shell answers after it has read its configuration
for line in sys.stdin:
    print(words_of(line.rstrip("\n") + "\tEND" + TO_BEGINNING_OF_LINE + tell + " "), flush=True)
os.kill(pid, 9)
