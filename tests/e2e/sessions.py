#!/usr/bin/env python3
"""Run the terminal sessions of Markdown files, and compare their output.

usage: sessions.py DIRECTORY FILE...

A session is a fenced block that begins with "# ". bash runs each line "# COMMAND" in DIRECTORY, and the lines up to the
next command are its expected output, standard output and standard error together. The sessions of one file run in their order,
in a separate copy of the layout `debian` of DIRECTORY. A file without a session is an error.
"""
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys

FENCE = re.compile(r"^```\w*\n(# .*?)^```$", re.S | re.M)
SECONDS = 60


def sessions(text):
    """Yields [command, expected lines] of each session."""
    for block in FENCE.findall(text):
        steps = []
        for line in block.splitlines():
            if line.startswith("# "):
                steps.append([line[2:], []])
            else:
                steps[-1][1].append(line)
        yield steps


def run(command, place):
    try:
        done = subprocess.run(["bash", "-c", "umask 022\n" + command], cwd=place, stdin=subprocess.DEVNULL, timeout=SECONDS,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")  # fmt: skip
    except subprocess.TimeoutExpired:
        return ["(takes longer than %d s)" % SECONDS]
    return done.stdout.splitlines()


def main():
    place, files = pathlib.Path(sys.argv[1]), sys.argv[2:]
    if not files:
        sys.exit(__doc__)
    failed = 0
    for file in files:
        own = place / (pathlib.Path(file).stem + ".sessions")
        own.mkdir()
        shutil.copytree(place / "debian", own / "debian", symlinks=True)
        os.environ["LAYOUTFS_STORE"] = str(own / ".names")
        count = 0
        for steps in sessions(pathlib.Path(file).read_text()):
            for command, expected in steps:
                count += 1
                printed = run(command, own)
                if printed != expected:
                    failed += 1
                    print(f"NOT OK: {file}: {command}")
                    print("\n".join("  " + line for line in difflib.unified_diff(expected, printed, "documented", "printed", lineterm="")))
        if not count:
            failed += 1
            print(f"NOT OK: {file}: no session")
        print(f"{file}: {count} commands")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
