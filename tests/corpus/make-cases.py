#!/usr/bin/env python3
"""Make layouts and archives as other programs write them, each with an oddity that users reported as a bug of a program.

usage: make-cases.py OUTDIR [NAME...]

Each becomes OUTDIR/NAME, a directory or a tar file; some write a directory NAME-... beside it.  tests/e2e/cases.sh checks
the result of each.  Without a NAME, makes all; --list prints their names instead.
"""
import importlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from cases.maker import CASES  # noqa: E402

for part in "archives", "indexes", "layers", "layouts":
    importlib.import_module("cases." + part)


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(CASES))
        return
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    outdir, names = pathlib.Path(sys.argv[1]), sys.argv[2:] or list(CASES)
    if unknown := [name for name in names if name not in CASES]:
        sys.exit(f"make-cases.py: {unknown[0]}: no such case")
    outdir.mkdir(parents=True, exist_ok=True)
    for name in names:
        CASES[name](outdir / name)


if __name__ == "__main__":
    main()
