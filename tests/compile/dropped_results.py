#!/usr/bin/env python3
"""Check that the compiler refuses exactly the lines of a source that end with the name of a warning as a comment.

usage: dropped_results.py SOURCE COMPILER [OPTION...]
"""
import re
import subprocess
import sys


def main(source, *command):
    with open(source, encoding="utf-8") as file:
        lines = list(enumerate(file, 1))
    expected = {(number, mark[1]) for number, line in lines if (mark := re.search(r"// -W([a-z-]+)$", line))}
    done = subprocess.run([*command, source], capture_output=True, text=True, check=False)
    # As g++ has it, and clang++.
    got = {(int(number), warning or "something else") for name, number, warning in
           re.findall(r"^([^:\n]*):(\d+):.* error: .*?(?:\[-Werror[=,](?:-W)?([a-z-]+)\])?$", done.stderr, re.MULTILINE)
           if name == source}
    if got == expected and expected and done.returncode != 0:
        return 0
    print(done.stderr)
    for number, warning in sorted(got ^ expected):
        print(f"{source}:{number}: {'unexpected' if (number, warning) in got else 'missing'}: {warning}")
    return 1


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
