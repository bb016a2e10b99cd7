#!/usr/bin/env python3
"""Check that scripts omit parts of themselves only by the functions of lib.sh, so that the whole counts as skipped.

usage: skips.py DIRECTORY
"""
import pathlib
import re
import sys

# A condition that prints nothing if it fails: for a program, a device, root, or a layout.
SILENT = re.compile(
    r"""^\s*(if|elif|!|\[|\[\[).*(
        command\ -v\ .*>/dev/null | type\ -P\  | \[\ -c\ /dev/ | id\ -u\)"?\ = | oci-layout"?\ \] )""",
    re.VERBOSE,
)
SAID = re.compile(r"left_out|skip |not_ok|need")


def main():
    wrong = 0
    for script in sorted(pathlib.Path(sys.argv[1]).rglob("*.sh")):
        if script.name == "lib.sh":
            continue
        for number, line in enumerate(script.read_text().splitlines(), 1):
            if SILENT.search(line) and not SAID.search(line):
                wrong += 1
                print(f"{script}:{number}: leaves a part out in silence: {line.strip()}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
