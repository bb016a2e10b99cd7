#!/usr/bin/env python3
"""Check the syntax of each source of a build directory alone, which finds missing includes.

usage: compile-alone.py BUILD_DIRECTORY

Configure the directory without LAYOUTFS_UNITY and LAYOUTFS_PRECOMPILE. Tests are left out, because they always have
precompiled headers. A source includes its own header first, which checks that header too. A header without a source
is compiled like a source. One compiler runs per CPU.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("include", "core", "fs", "tools")


def commands_of(build):
    """Returns the command that checks each source, by path."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        at = words.index("-o")
        path = pathlib.Path(entry["file"])
        if path.relative_to(SOURCE).parts[0] in FOLDERS:
            commands[path] = [*words[:at], *words[at + 2 : words.index("-c")], "-fsyntax-only", str(path)]
    return commands


def with_headers(commands):
    """Adds the headers without a source, each with the command of a source in the same folder."""
    headers = {path for folder in FOLDERS for path in (SOURCE / folder).rglob("*.h")}
    checked = {path.with_suffix(".h") for path in commands}
    for header in sorted(headers - checked):
        near = max(commands, key=lambda path: len(os.path.commonpath([path, header])))
        yield header, [*commands[near][:-1], "-x", "c++", "-include", str(header), "/dev/null"]
    yield from commands.items()


def main(build):
    build = pathlib.Path(build).resolve()
    rules = (build / "build.ninja").read_text()
    for generated in re.findall(r"^build (\S+_generated\.h) ", rules, re.MULTILINE):
        # Runs only the compiler. A build of the file would first build libraries that it does not need.
        last = subprocess.run(["ninja", "-C", build, "-t", "commands", "-s", generated], capture_output=True, text=True, check=True)
        subprocess.run(last.stdout.splitlines()[-1], shell=True, cwd=build, check=True)

    def check(item):
        path, command = item
        done = subprocess.run(command, cwd=build, capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else f"{path.relative_to(SOURCE)}:\n{done.stderr}"

    items = list(with_headers(commands_of(build)))
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        wrong = [said for said in pool.map(check, items) if said]
    print(*wrong, f"{len(items)} files, {len(wrong)} of them cannot be compiled alone", sep="\n")
    return 1 if wrong or not items else 0


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit()
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
