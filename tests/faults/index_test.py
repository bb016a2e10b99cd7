#!/usr/bin/env python3
"""Interrupts `layoutfs index build` at each of its file-system calls in the index cache, or makes the call fail.

Remaining files must be right and complete, the next process must get the right image, and all missing files must be
built again. In each run a call fails with one error, chosen at random; with LAYOUTFS_TEST_FULL=1 with each error.
Environment: LAYOUTFS, the program; FAULTS, the library that stops it; LAYOUTFS_TEST_SEED, to repeat the errors of another
run.
"""
import collections
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import actions
import faults_test

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))
from ocilib import Layout, Tar, noise  # noqa: E402

LAYOUTFS = os.environ["LAYOUTFS"]
ERRORS = ("EIO", "ENOSPC", "EACCES")
FILES = 3  # two indexes and a tree


class Index(unittest.TestCase):
    def setUp(self):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="layoutfs-index-", dir=memory))
        self.addCleanup(shutil.rmtree, self.directory)
        self.layout, self.cache = f"{self.directory}/layout", f"{self.directory}/cache"
        made = Layout()
        tars = [Tar().file("lower", noise(200_000, 1)), Tar().file("upper", noise(100_000, 2)).whiteout("lower")]
        made.tag("image", made.image(tars))
        made.write(pathlib.Path(self.layout))
        self.right = self.list_files().stdout
        self.assertIn(b"upper", self.right)
        shutil.rmtree(self.cache)

    def run_layoutfs(self, *arguments, rules=(), log=None):
        command = [LAYOUTFS, *arguments, "--cache-dir", self.cache, f"{self.layout}:image"]
        command += ["--platform", "linux/amd64"]
        environment = actions.environment_of(f"{self.cache}/", rules, log)
        return subprocess.run(command, env=environment, capture_output=True, timeout=actions.PATIENCE, check=False)

    def build(self, **faults):
        return self.run_layoutfs("index", "build", **faults)

    def list_files(self, **faults):
        return self.run_layoutfs("ls", "-l", **faults)

    def calls(self):
        """Returns the number of times of each call."""
        log = f"{self.directory}/log"
        self.assertEqual(self.build(log=log).returncode, 0)
        shutil.rmtree(self.cache)
        counted = collections.Counter(call.name for call in actions.read_log(log))
        for name in ("openat", "write", "fsync", "renameat"):
            self.assertGreaterEqual(counted[name], FILES, name)
        return [(name, number) for name, count in counted.items() for number in range(1, count + 1)]

    def check_what_is_left(self):
        """Checks that the next run completes the cache."""
        done = self.run_layoutfs("index", "verify")
        self.assertEqual((done.returncode, done.stdout), (0, b""), done.stderr)
        listed = self.run_layoutfs("index", "ls", "--json")
        # Unusable entries have a member of this name.
        self.assertNotIn(b'"problem":', listed.stdout)
        self.assertEqual(json.loads(listed.stdout)["version"], 1)
        done = self.list_files()
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, self.right, b""))
        self.assertEqual(self.build().returncode, 0)
        done = self.run_layoutfs("index", "verify", "--json")
        report = json.loads(done.stdout)
        self.assertEqual((report["indexes"], report["trees"], report["missing"]), (2, 1, 0))

    def litter(self):
        return [str(path) for path in pathlib.Path(self.cache).rglob(".tmp-*")]

    def kill_before(self, name, number):
        pause = f"{self.directory}/pause"
        environment = actions.environment_of(f"{self.cache}/", (f"{name}:{number}:pause",))
        environment["LAYOUTFS_FAULT_PAUSE"] = pause
        command = [LAYOUTFS, "index", "build", "--cache-dir", self.cache, self.layout]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            deadline = time.monotonic() + actions.PATIENCE
            # The number of entries in a directory depends on the progress of other threads: the last calls
            # may not happen.
            while not os.path.exists(pause) and process.poll() is None:
                self.assertLess(time.monotonic(), deadline, "it hangs")
                time.sleep(0.001)
            process.kill()
        pathlib.Path(pause).unlink(missing_ok=True)
        self.assertIn(process.returncode, (0, -9))

    def test_whoever_is_killed_leaves_only_what_is_right(self):
        littered = 0
        for name, number in self.calls():
            with self.subTest(call=name, number=number):
                self.kill_before(name, number)
                # At most one for each thread.
                self.assertLessEqual(len(self.litter()), FILES)
                littered += bool(self.litter())
                self.check_what_is_left()
                shutil.rmtree(self.cache)
        self.assertGreater(littered, 0, "none was killed while it wrote")

    def test_a_call_that_fails_is_told_or_makes_no_difference(self):
        refused = tried = 0
        chance = random.Random(faults_test.SEED)
        print(f"LAYOUTFS_TEST_SEED={faults_test.SEED}", flush=True)
        for name, number in self.calls():
            for error in ERRORS if faults_test.IS_FULL else chance.sample(ERRORS, 1):
                tried += 1
                with self.subTest(call=name, number=number, error=error):
                    rules = (f"{name}:{number}:{error}",)
                    done = self.build(rules=rules)
                    self.assertIn(done.returncode, (0, 9), done.stderr)
                    lines = done.stderr.decode().splitlines()
                    self.assertEqual(len(lines), 1, lines)
                    if done.returncode == 9:
                        refused += 1
                        self.assertTrue(lines[0].startswith("layoutfs: index cache: "), lines)
                    self.assertEqual(self.litter(), [])
                    self.check_what_is_left()
                    shutil.rmtree(self.cache)

                    done = self.list_files(rules=rules)
                    self.assertEqual((done.returncode, done.stdout), (0, self.right), done.stderr)
                    self.assertLessEqual(len(done.stderr.splitlines()), 1, done.stderr)
                    self.check_what_is_left()
                    shutil.rmtree(self.cache)
        print(f"{tried} faults, {refused} of them refused")
        self.assertGreater(refused, FILES * (len(ERRORS) if faults_test.IS_FULL else 1))


if __name__ == "__main__":
    unittest.main()
