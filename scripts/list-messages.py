#!/usr/bin/env python3
"""Print the table of the messages in the sources of core/, fs/ and tools/: place and text, with "..." for the parts
that are filled in at run time. Read all of it after changing messages.

usage: list-messages.py [FOLDER...]       (default: core fs tools)
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/words"))
import source_text


def main():
    if any(argument in ("-h", "--help") for argument in sys.argv[1:]):
        print(__doc__)
        return
    for folder in sys.argv[1:] or ["core", "fs", "tools"]:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in (".cc", ".h"):
                for line, text in source_text.messages(file.read_text()):
                    print(f"{file.relative_to(ROOT)}:{line}\t{text}")


if __name__ == "__main__":
    main()
