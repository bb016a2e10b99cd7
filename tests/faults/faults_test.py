#!/usr/bin/env python3
"""Each file-system call of each change of a layout fails, and is the last one before a crash.

In each run the call fails in two ways, chosen at random; with LAYOUTFS_TEST_FULL=1 in all possible ways.
Environment: STORE_ACTIONS, the program that changes layouts; FAULTS, the library that makes calls fail;
LAYOUTFS_TEST_SEED, to repeat the choices of another run.
"""
import collections
import concurrent.futures
import dataclasses
import errno
import os
import random
import shutil
import signal
import tempfile
import threading
import unittest

import actions
import layout_state

# The kernel may interrupt these; the program then continues, and also after a short transfer.
HARMLESS = {"EINTR", "short"}
WAYS = {
    "write": ("ENOSPC", "EIO", "EINTR", "short", "ENOSPC:on"),
    "pwrite": ("ENOSPC", "EIO", "EINTR", "short", "ENOSPC:on"),
    "copy_file_range": ("ENOSPC", "EIO", "EINTR", "short"),
    "pread": ("EIO", "EINTR", "short"),
    "fsync": ("EIO", "ENOSPC", "EINTR", "EIO:on"),
    "fdatasync": ("EIO", "ENOSPC", "EINTR", "EIO:on"),
    "syncfs": ("EIO", "ENOSPC", "EINTR", "EIO:on"),
    "linkat": ("ENOSPC", "EIO", "EINTR", "EIO:on"),
    "renameat": ("ENOSPC", "EIO", "EINTR", "EIO:on"),
    "renameat2": ("ENOSPC", "EIO", "EINTR", "EIO:on"),
    "mkdirat": ("ENOSPC", "EIO", "EINTR", "EIO:on"),
    "unlinkat": ("EIO", "EACCES", "EINTR", "EIO:on"),
    "openat": ("EMFILE", "EIO", "ENOSPC", "EINTR", "EMFILE:on"),
    "flock": ("EIO", "ENOLCK", "EINTR"),
    "fstatat": ("EIO", "EIO:on"),
    "fstat": ("EIO",),
    "readdir": ("EIO",),
    "fchmod": ("EPERM", "EIO"),
    "mkdir": ("ENOSPC", "EIO", "EINTR", "EIO:on"),
    "stat": ("EIO", "EACCES", "EIO:on"),
    "lstat": ("EIO", "EACCES", "EIO:on"),
    "faccessat": ("EIO", "EIO:on"),
    "ftruncate": ("EIO",),
    "ioctl": ("EIO", "ENOSPC", "EINTR", "EIO:on"),
    "fcntl": ("EMFILE",),
    "fdopendir": ("ENOMEM",),
}
TRANSFERS = ("write", "pwrite", "copy_file_range")
IS_FULL = bool(os.environ.get("LAYOUTFS_TEST_FULL"))
SEED = int(os.environ.get("LAYOUTFS_TEST_SEED") or random.SystemRandom().randrange(1 << 30))
# The program is ended by SIGKILL before the call, or in the midst of it.
DEADLY = {"kill", "cut"}


@dataclasses.dataclass(frozen=True)
class Baseline:
    """The result of an action that ran without a fault."""
    action: actions.Action
    template: str
    old: dict  # the tree before
    new: dict
    output: bytes
    calls: list

    def rules(self):
        """Yields some of the ways in which each call can fail."""
        chance = random.Random(f"{SEED} {self.action.name}")
        for name, count in collections.Counter(call.name for call in self.calls).items():
            ways = (*WAYS[name], "kill", *(("cut",) if name in TRANSFERS else ()))
            for number in range(1, count + 1):
                for way in ways if IS_FULL else chance.sample(ways, min(2, len(ways))):
                    yield f"{name}:{number}:{way}"


def parts_of(tree):
    """Returns the meaning of a tree: blobs, and references with their annotations."""
    blobs = {path for path in tree if path.startswith("blobs/") and path.count("/") == 2}
    references = {path: entry[1] for path, entry in tree.items() if path == "index.json" or path.startswith("refs/")}
    return blobs, references


class FaultyRuns(unittest.TestCase):
    """Common code of the runs of all lists of actions."""

    @classmethod
    def setUpClass(cls):
        print(f"LAYOUTFS_TEST_SEED={SEED}", flush=True)
        # These tests do not cut the power: fsync need not wait for a disk.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        cls.directory = os.path.realpath(tempfile.mkdtemp(prefix="layoutfs-faults-", dir=memory))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.numbers = iter(range(1_000_000))
        cls.lock = threading.Lock()

    def folder(self):
        with self.lock:
            path = f"{self.directory}/{next(self.numbers)}"
        os.mkdir(path)
        return path

    def copy(self, template):
        layout = self.folder() + "/layout"
        if os.path.exists(template):
            shutil.copytree(template, layout)
        return layout

    def baseline(self, action):
        template = self.folder() + "/layout"
        action.write_template(template)
        old = self.tree_of(template)
        layout, log = self.copy(template), self.folder() + "/log"
        done = actions.run(layout, action.arguments, action.stdin, action.rules, log)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(self.problems_in(layout), [])
        new = self.tree_of(layout)
        return Baseline(action, template, old, new, done.stdout, actions.read_log(log))

    def broken_run(self, base, rule):
        """Runs the action with `rule`, in a fresh layout."""
        action = base.action
        layout = self.copy(base.template)
        return layout, actions.run(layout, action.arguments, action.stdin, (rule, *action.rules))

    def check(self, base, rule):
        """Runs once with `rule`, and returns whether it succeeded."""
        layout, done = self.broken_run(base, rule)
        self.check_outcome(base, done, rule)
        if done.returncode == 0 or done.stdout:
            self.assert_same_tree(base.new, layout)
        self.check_state(base, layout)
        if not rule.endswith((":on", *DEADLY)):
            self.assertEqual(self.left_beside(layout), [])
        self.check_once_more(base, layout)
        shutil.rmtree(os.path.dirname(layout))
        return done.returncode == 0

    def tree_of(self, path):
        return layout_state.tree_of(path)

    def layouts_in(self, path):
        return [path]

    def problems_in(self, path):
        return [problem for one in self.layouts_in(path) for problem in layout_state.problems_of(one)]

    def litter_in(self, path):
        return [name for one in self.layouts_in(path) for name in layout_state.litter_of(one)]

    def left_beside(self, layout):
        """Returns the files that do not belong to a layout."""
        return [name for name in os.listdir(os.path.dirname(layout)) if name != "layout"]

    def assert_same_tree(self, expected, layout):
        self.assertEqual(layout_state.difference(expected, self.tree_of(layout)), [])

    def check_outcome(self, base, done, rule):
        if rule.split(":")[2] in DEADLY:
            self.assertEqual((done.returncode, done.stderr), (-signal.SIGKILL, b""))
            # The output is printed after everything except cleaning up.
            self.assertIn(done.stdout, (b"", base.output))
            return
        self.check_reported(done, rule)
        self.assertEqual(done.stdout, base.output if done.returncode == 0 else b"")

    def check_reported(self, done, rule):
        """Checks that the error names the failure."""
        call, _, way = rule.split(":", 2)
        if done.returncode == 0:
            # Only this shows that the content did not reach the disk.
            self.assertTrue(call not in ("fsync", "fdatasync", "syncfs") or way in HARMLESS, "the failure is not reported")
            self.assertEqual(done.stderr, b"")
            return
        self.assertNotIn(way, HARMLESS, done.stderr)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr.decode(), rf"\A{os.path.basename(actions.PROGRAM)}: [^\n]*[^\n.]\n\Z")
        self.assertIn(os.strerror(getattr(errno, way.removesuffix(":on"))), done.stderr.decode())

    def check_state(self, base, layout):
        tree = layout_state.tree_of(layout)
        if "oci-layout" in tree:
            if base.action.prepare is actions.write_damaged:
                self.check_damaged(base, layout)
            else:
                self.assertEqual(list(layout_state.problems_of(layout)), [])
            if base.action.has_steps:
                self.assertLessEqual(parts_of(base.old)[0], parts_of(tree)[0])
                self.assertLessEqual(parts_of(tree)[0], parts_of(base.new)[0])
                return
            self.assertIn(parts_of(tree), (parts_of(base.old), parts_of(base.new)))
        elif base.action.arguments[0] == "complete":
            self.assertLessEqual(tree.items(), base.new.items(), "what is there must be a piece of the whole")
        else:
            self.assertEqual(layout_state.difference({}, tree), [])

    def check_damaged(self, base, layout):
        """Checks that each damaged blob is unchanged or repaired."""
        self.assertLessEqual(set(layout_state.problems_of(layout)), set(layout_state.problems_of(base.template)))
        path = actions.blob_file(actions.digest_of(actions.KNOWN))
        self.assertIn(layout_state.read(f"{layout}/{path}"), (bytes(len(actions.KNOWN)), actions.KNOWN))

    def check_once_more(self, base, layout):
        action = base.action
        # States equal to those before, or without the fault, continue in the same way.
        tree, litter = self.tree_of(layout), self.litter_in(layout)
        if (tree, litter) == (base.old, self.litter_in(base.template)):
            return
        if tree != base.new:
            again = actions.run(layout, action.arguments, action.stdin, action.rules)
            self.assertEqual((again.returncode, again.stderr), (0, b""), "once more")
        elif litter and action.again == 0:
            again = actions.run(layout, action.arguments, action.stdin, action.rules)
            self.assertEqual((again.returncode, again.stderr), (0, b""), "once more")
        for one in self.layouts_in(layout):
            if layout_state.litter_of(one):
                cleaned = actions.run(one, ("clean",))
                self.assertEqual((cleaned.returncode, cleaned.stderr), (0, b""), "clean")
                self.assertEqual(layout_state.litter_of(one), [])
        self.assert_same_tree(base.new, layout)

    def check_action(self, action):
        base = self.baseline(action)
        rules = list(base.rules())
        self.assertGreater(len(rules), 20)

        def outcome(rule):
            try:
                return self.check(base, rule), None
            except Exception as problem:  # of a thread: reported below, all of them
                return False, f"{rule}: {problem}"

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = list(pool.map(outcome, rules))
        failed = [problem for _, problem in outcomes if problem]
        self.assertFalse(failed, "\n".join(failed))
        succeeded = sum(is_done for is_done, _ in outcomes)
        print(f"{action.name}: {len(rules)} faults, {succeeded} of them without effect", flush=True)
        self.assertLess(succeeded, len(rules))


def test_of(action):
    return lambda self: self.check_action(action)


def add_tests(case, all_actions):
    """Adds a test for each of the actions."""
    for one in all_actions:
        setattr(case, "test_" + one.name.replace(" ", "_").replace(".", "_"), test_of(one))


class Faults(FaultyRuns):
    pass


add_tests(Faults, actions.ACTIONS)

if __name__ == "__main__":
    unittest.main()
