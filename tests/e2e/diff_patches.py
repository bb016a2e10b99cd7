#!/usr/bin/env python3
"""`git apply` makes the second image of the first one with a patch of `layoutfs diff -p`, for random text files.

usage: diff_patches.py PROGRAM WORK_DIR

LAYOUTFS_TEST_FULL=1 takes more seeds, LAYOUTFS_TEST_SEED=N one.
"""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))
import ocilib  # noqa: E402

NAMES = [b"a", b"b", b"two words", b'"quoted"', b"back\\slash", b"tab\there", b"new\nline", b"\xc3\xbc", b"caf\xe9", b"-x", b"a b/c d"]


class Maker:
    def __init__(self, seed):
        self.rnd = random.Random(seed)

    def chance(self, one_in):
        return self.rnd.randrange(one_in) == 0

    def lines(self):
        rnd = self.rnd
        text = b"".join(b"%d" % rnd.randrange(12) * rnd.randrange(4) + b"\n" for _ in range(rnd.choice([0, 1, 5, 60])))
        return text[:-1] if self.chance(4) else text

    def file(self):
        if self.chance(4):
            return "symlink", self.rnd.choice(NAMES) + b"/%d" % self.rnd.randrange(9), 0o777
        return "file", self.lines(), self.rnd.choice([0o644, 0o755])

    def tree(self):
        return {b"%s/%s" % (self.rnd.choice(NAMES[:4]), each): self.file() for each in self.rnd.sample(NAMES, 7)}

    def changed(self, tree):
        found = {}
        for path, (kind, text, mode) in tree.items():
            if self.chance(7):
                continue
            if self.chance(8):
                found[path] = self.file()
                continue
            if self.chance(6) and kind == "file":
                mode ^= 0o111
            if self.chance(2) and kind == "file":
                lines = text.split(b"\n")
                for _ in range(self.rnd.randrange(4)):
                    lines[self.rnd.randrange(len(lines))] = b"changed"
                    del lines[self.rnd.randrange(len(lines))]
                    lines.insert(self.rnd.randrange(len(lines) + 1), b"new")
                text = b"\n".join(lines)
            found[path] = kind, text, mode
        found.update({path: each for path, each in self.tree().items() if path not in found and self.chance(5)})
        return found


def layer(tree):
    tar = ocilib.Tar()
    for path, (kind, text, mode) in tree.items():
        tar.symlink(path, text) if kind == "symlink" else tar.file(path, text, mode=mode)
    return tar


def write(root, tree):
    root.mkdir()
    for path, (kind, text, mode) in tree.items():
        name = os.path.join(os.fsencode(root), path)
        os.makedirs(os.path.dirname(name), exist_ok=True)
        if kind == "symlink":
            os.symlink(text, name)
        else:
            with open(name, "wb") as file:
                file.write(text)
            os.chmod(name, mode)


def read(root):
    found, root = {}, os.fsencode(root)
    for where, directories, names in os.walk(root):
        for name in names + [each for each in directories if os.path.islink(os.path.join(where, each))]:
            path = os.path.join(where, name)
            if os.path.islink(path):
                found[os.path.relpath(path, root)] = "symlink", os.readlink(path), 0o777
            else:
                with open(path, "rb") as file:
                    # git knows only whether a file is executable.
                    found[os.path.relpath(path, root)] = "file", file.read(), 0o755 if os.stat(path).st_mode & 0o100 else 0o644
    return found


def check(program, work, seed):
    """Returns a problem, or None."""
    maker, layout = Maker(seed), ocilib.Layout()
    before = maker.tree()
    after = maker.changed(before)
    layout.tag("a", layout.image([layer(before)]))
    layout.tag("b", layout.image([layer(after)]))
    layout.write(work / "oci")
    write(work / "tree", before)
    command = [program, "diff", "-p", "--ignore-mtime", f"{work}/oci:a", f"{work}/oci:b"]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if made.returncode > 1 or made.stderr or (made.returncode == 0) != (before == after):
        return f"exit code {made.returncode}: {made.stderr}"
    if before == after:
        return None
    environment = {**os.environ, "GIT_DIR": str(work / "none"), "HOME": str(work), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "apply", "--whitespace=nowarn", "-"]
    done = subprocess.run(command, cwd=work / "tree", env=environment, input=made.stdout, stderr=subprocess.PIPE, timeout=60)
    if done.returncode:
        return f"git: {done.stderr}"
    found = read(work / "tree")
    wrong = sorted(path for path in found.keys() | after.keys() if found.get(path) != after.get(path))
    return f"{wrong[0]}: expected {after.get(wrong[0])}, got {found.get(wrong[0])}" if wrong else None


def main(program, work):
    is_full, only = bool(os.environ.get("LAYOUTFS_TEST_FULL")), os.environ.get("LAYOUTFS_TEST_SEED")
    first = int(only) if only else time.time_ns() // 1000 % 10**9
    seeds = range(first, first + (1 if only else 500 if is_full else 40))
    print(f"seeds: {seeds.start} to {seeds.stop - 1}", flush=True)
    failed = 0
    for seed in seeds:
        here = pathlib.Path(work) / str(seed)
        here.mkdir()
        problem = check(program, here, seed)
        shutil.rmtree(here)
        if problem:
            failed += 1
            print(f"FAIL seed {seed} (LAYOUTFS_TEST_SEED={seed} repeats it)\n  {problem[:500]}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
