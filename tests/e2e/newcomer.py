#!/usr/bin/env python3
"""Run the commands of README.md in a root filesystem, from top to bottom.

usage: newcomer.py ROOT CHECKOUT

Runs in its own mount and process namespace, as process 1. Lines that are indented by four spaces are commands, up to their
comment, and must succeed. Sessions (sessions.py) must print the documented output. All of them run in CHECKOUT, below ROOT.
"""
import difflib
import os
import pathlib
import re
import subprocess
import sys

import sessions

BLOCK = re.compile(r"(?:^    \S.*\n)+", re.M)
SECONDS = 1500


def steps(text):
    """Yields (place, command, expected lines or None) in the order of the page."""
    for found in BLOCK.finditer(text):
        for line in found.group().splitlines():
            yield found.start(), line.split("  #")[0].strip(), None
    for found in sessions.FENCE.finditer(text):
        for session in sessions.sessions(found.group()):
            for command, expected in session:
                yield found.start(), command, expected


def mount(root):
    # The root directory of a system is a mount point.
    subprocess.run(["mount", "--bind", root, root], check=True)
    for kind, at in ("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "tmp"), ("tmpfs", "mnt"):
        subprocess.run(["mount", "-t", kind, kind, root / at], check=True)
    subprocess.run(["mount", "--rbind", "/dev", root / "dev"], check=True)


def main():
    root, checkout = pathlib.Path(sys.argv[1]), sys.argv[2]
    mount(root)
    page = (root / checkout.lstrip("/") / "README.md").read_text()
    environment = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    environment.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME="/root", LC_ALL="C",
                       DEBIAN_FRONTEND="noninteractive", TERM="dumb")  # fmt: skip
    failed = 0
    for _, command, expected in sorted(steps(page), key=lambda step: step[0]):
        print("#", command, flush=True)
        done = subprocess.run(["chroot", root, "/bin/bash", "-c", f"cd {checkout} && {command}"], env=environment, timeout=SECONDS,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")  # fmt: skip
        printed = done.stdout.splitlines()
        if expected is None and done.returncode:
            print(*printed[-30:], f"NOT OK: exit code {done.returncode}", sep="\n")
            return 1
        if expected is not None and printed != expected:
            failed += 1
            print("NOT OK:", *difflib.unified_diff(expected, printed, "documented", "printed", lineterm=""), sep="\n  ")
    return int(failed > 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main())
