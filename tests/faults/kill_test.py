#!/usr/bin/env python3
"""Kills processes that change a layout by SIGKILL at random moments, and checks the result.

Environment: STORE_ACTIONS, the program that changes layouts; LAYOUTFS, the program, with its gc and fsck;
LAYOUTFS_TEST_FULL=1 for more rounds; LAYOUTFS_TEST_SEED to repeat the moments of another run, except for the timing of the
machine. umoci and skopeo read the layouts; if one is not installed, the rest runs and counts as skipped.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import actions
import layout_state

ROUNDS = 500 if os.environ.get("LAYOUTFS_TEST_FULL") else 60
ROUNDS_A_LAYOUT = 12
WORKERS = 3
LONGEST = 0.03  # seconds until a process is killed; more if workers make no progress
FIRST = "first-0"  # a reference that no worker touches
LAYOUTFS = os.environ.get("LAYOUTFS", "")
OTHERS = [name for name in ("umoci", "skopeo") if shutil.which(name)]


def output_of(*command):
    """Returns the output of a program that must succeed."""
    done = subprocess.run(command, capture_output=True, timeout=actions.PATIENCE, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


def has_command(name):
    return bool(LAYOUTFS) and subprocess.run([LAYOUTFS, name, "--help"], capture_output=True, check=False).returncode == 0


class Process:
    """A program that runs until it is killed."""

    def __init__(self, *command):
        self.command = " ".join(command)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def wait_until_ready(self):
        line = self.process.stdout.readline()
        if line != b"ready\n":
            raise AssertionError(f"{self.command}: {line} {self.process.communicate()[1]}")

    def kill(self):
        """Kills it. Returns whether it was still running; if not, it must have succeeded."""
        self.process.kill()
        errors = self.process.communicate()[1].decode()
        if self.process.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(f"{self.command}: exit code {self.process.returncode}: {errors}")
        return self.process.returncode != 0


class Kill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        seed = os.environ.get("LAYOUTFS_TEST_SEED") or str(random.SystemRandom().randrange(1 << 32))
        print(f"LAYOUTFS_TEST_SEED={seed}", flush=True)
        cls.seed = seed
        cls.has_gc, cls.has_fsck = has_command("gc"), has_command("fsck")

    def setUp(self):
        self.random = random.Random(f"{self.seed} {self.id()}")
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="layoutfs-kill-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.killed = self.littered = self.named = 0
        self.longest = LONGEST

    def act(self, layout, *arguments):
        done = actions.run(layout, arguments, b"content")
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout.decode()

    def kill_soon(self, processes):
        for process in self.random.sample(processes, len(processes)):
            time.sleep(self.random.uniform(0, self.longest / len(processes)))
            self.killed += process.kill()

    def let_workers_begin(self, layout):
        """Starts workers, and sometimes a garbage collector, which finds no old garbage."""
        processes = []
        for slot in range(WORKERS):
            seed = str(self.random.randrange(1 << 63))
            processes.append(Process(actions.PROGRAM, layout, "work", f"worker-{slot}", seed))
        for process in processes:
            process.wait_until_ready()
        if self.has_gc and self.random.random() < 0.3:
            processes.append(Process(LAYOUTFS, "gc", layout))
        return processes

    def check_layout(self, layout):
        self.assertEqual(list(layout_state.problems_of(layout)), [])
        self.assertEqual(list(layout_state.incomplete_images(layout)), [])
        self.littered += bool(layout_state.litter_of(layout))

    def check_at_the_end(self, layout, has_refs_dir):
        before = layout_state.tree_of(layout)
        self.act(layout, "clean")
        self.assertEqual(layout_state.litter_of(layout), [])
        self.assertEqual(layout_state.difference(before, layout_state.tree_of(layout)), [])
        names = sorted(layout_state.references_of(layout))
        self.assertIn(FIRST, names)
        self.named += len(names) - 1
        if names == [FIRST]:
            self.longest *= 2
        if self.has_fsck:
            output_of(LAYOUTFS, "fsck", layout)
        # Others do not know references in `refs/`.
        if not has_refs_dir and "umoci" in OTHERS:
            self.assertEqual(sorted(output_of("umoci", "ls", "--layout", layout).split()), names)
        if not has_refs_dir and "skopeo" in OTHERS:
            output_of("skopeo", "inspect", f"oci:{layout}:{self.random.choice(names)}")
        digest = self.act(layout, "put").strip()
        self.act(layout, "put-ref", "last", digest, "7")
        self.assertIn("last", layout_state.references_of(layout))

    def test_whoever_is_killed_leaves_a_whole_layout(self):
        for number in range(ROUNDS):
            has_refs_dir = number // ROUNDS_A_LAYOUT % 3 == 2
            if number % ROUNDS_A_LAYOUT == 0:
                layout = f"{self.directory}/{number}"
                self.act(layout, "create", "refs" if has_refs_dir else "index")
                self.act(layout, "put-images", "first", "1")
            with self.subTest(round=number):
                self.kill_soon(self.let_workers_begin(layout))
                self.check_layout(layout)
                # Blobs of a killed worker without a name are garbage now.
                if self.has_gc and self.random.random() < 0.5:
                    self.kill_soon([Process(LAYOUTFS, "gc", "--grace", "0", layout)])
                    self.check_layout(layout)
                if number % ROUNDS_A_LAYOUT == ROUNDS_A_LAYOUT - 1 or number == ROUNDS - 1:
                    self.check_at_the_end(layout, has_refs_dir)
                    shutil.rmtree(layout)
        print(f"{ROUNDS} rounds: {self.killed} killed, {self.littered} times with something left behind, {self.named} references")
        self.assertGreaterEqual(self.killed, ROUNDS * WORKERS)
        self.assertGreater(self.littered, 0)
        self.assertGreater(self.named, 0)

    def test_whoever_is_killed_while_making_a_layout_leaves_none_or_all_of_it(self):
        whole = 0
        for number in range(ROUNDS):
            layout = f"{self.directory}/{number}/layout"
            os.makedirs(os.path.dirname(layout))
            with self.subTest(round=number):
                self.kill_soon([Process(actions.PROGRAM, layout, "create")])
                if os.path.exists(layout):
                    whole += 1
                    self.assertEqual(list(layout_state.problems_of(layout)), [])
                else:
                    self.act(layout, "create")
                self.assertEqual(self.act(layout, "delete-ref", "none"), "absent\n")
        print(f"{ROUNDS} rounds: {self.killed} killed, {whole} times the layout was there")
        self.assertGreater(self.killed, 0)

    def test_whoever_is_killed_while_completing_a_layout_leaves_what_others_complete(self):
        pieces = 0
        for number in range(ROUNDS):
            layout = f"{self.directory}/{number}"
            os.makedirs(layout)
            with self.subTest(round=number):
                self.kill_soon([Process(actions.PROGRAM, layout, "complete") for _ in range(WORKERS)])
                pieces += len(os.listdir(layout)) not in (0, 3)
                self.act(layout, "complete")
                self.act(layout, "clean")
                self.assertEqual(list(layout_state.problems_of(layout)), [])
                self.assertEqual(layout_state.litter_of(layout), [])
                self.assertEqual(sorted(os.listdir(layout)), ["blobs", "index.json", "oci-layout"])
        print(f"{ROUNDS} rounds: {self.killed} killed, {pieces} times the layout was in pieces")
        self.assertGreater(self.killed, 0)


if __name__ == "__main__":
    passed = unittest.main(exit=False).result.wasSuccessful()
    if passed and len(OTHERS) < 2:
        print(f"skipped: the rest passed, but only these read the layouts: {OTHERS}")
        sys.exit(77)
    sys.exit(not passed)
