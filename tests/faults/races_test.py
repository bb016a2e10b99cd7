#!/usr/bin/env python3
"""One process stops before one of its file-system calls, and another one does all of its work meanwhile.

For each pair of actions and each call of the first, the outputs and the layout must be as if one had run after the other, in
either order. Environment: STORE_ACTIONS, the program that changes layouts; FAULTS, the library that stops it.
"""
import collections
import concurrent.futures
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import actions
import layout_state

CLOCK_REALTIME_COARSE = 5  # no file gets an earlier time
LONG_ENOUGH = 1  # seconds for the second process, if waiting for the first one is not observable
KNOWN, OTHER = (actions.digest_of(content) for content in (actions.KNOWN, actions.OTHER))


class Step:
    """An action with its input. LIMIT among its arguments stands for a time after the layout was made."""

    def __init__(self, *arguments, stdin=b""):
        self.arguments, self.stdin = arguments, stdin

    def at(self, limit):
        return [str(limit) if argument == "LIMIT" else argument for argument in self.arguments]


PUT_KNOWN, PUT_NEW = Step("put", stdin=actions.KNOWN), Step("put", stdin=b"new")
DELETE_KNOWN, SWEEP_KNOWN = Step("delete-blob", KNOWN), Step("sweep", KNOWN, "LIMIT")
SWEEP_OTHER, CLEAN = Step("sweep", OTHER, "LIMIT"), Step("clean")
NEW_REFERENCE, NEW_CLAIM = Step("put-ref", "new", OTHER, "27"), Step("put-ref", "new", KNOWN, "20")
SECOND_REFERENCE, REPLACE_OLD = Step("put-ref", "second", OTHER, "27"), Step("replace-ref", "old", OTHER, "27")
REPLACE_ALSO, DELETE_OLD = Step("replace-ref", "old", OTHER, "28"), Step("delete-ref", "old")
COMPLETE, CREATE = Step("complete"), Step("create")

LAYOUT, EMPTY, NOTHING = actions.write_littered, os.makedirs, actions.write_nothing
PAIRS = [
    (LAYOUT, PUT_KNOWN, PUT_KNOWN),
    (LAYOUT, PUT_KNOWN, DELETE_KNOWN),
    (LAYOUT, DELETE_KNOWN, PUT_KNOWN),
    (LAYOUT, PUT_KNOWN, SWEEP_KNOWN),
    (LAYOUT, SWEEP_KNOWN, PUT_KNOWN),
    (LAYOUT, SWEEP_KNOWN, DELETE_KNOWN),
    (LAYOUT, PUT_NEW, PUT_NEW),
    (LAYOUT, PUT_NEW, CLEAN),
    (LAYOUT, CLEAN, PUT_NEW),
    (LAYOUT, CLEAN, CLEAN),
    (LAYOUT, NEW_REFERENCE, CLEAN),
    (LAYOUT, NEW_REFERENCE, NEW_CLAIM),
    (LAYOUT, NEW_REFERENCE, SECOND_REFERENCE),
    (LAYOUT, NEW_REFERENCE, DELETE_OLD),
    (LAYOUT, REPLACE_OLD, REPLACE_ALSO),
    (LAYOUT, REPLACE_OLD, DELETE_OLD),
    (LAYOUT, DELETE_OLD, REPLACE_OLD),
    (LAYOUT, DELETE_OLD, NEW_REFERENCE),
    (LAYOUT, SWEEP_OTHER, NEW_REFERENCE),
    (LAYOUT, NEW_REFERENCE, SWEEP_OTHER),
    (actions.write_without_blob_folder, PUT_NEW, PUT_KNOWN),
    (EMPTY, COMPLETE, COMPLETE),
    (NOTHING, CREATE, CREATE),
    (NOTHING, CREATE, COMPLETE),
    (NOTHING, COMPLETE, CREATE),
]


def is_waiting_for_a_lock(pid):
    with open("/proc/locks", encoding="utf-8") as file:
        return any(" -> " in line and line.split()[5] == str(pid) for line in file)


def result_of(done):
    """Returns exit code and output of a process, without the path, which differs from run to run."""
    return done.returncode, done.stdout, done.stderr.split(b":")[-1]


def describe(outcome, allowed):
    """Returns a sentence for a forbidden outcome."""
    first, second, tree = outcome
    alternatives = [
        f"{one} and {two} with {layout_state.difference(expected, tree) or 'this layout'}" for one, two, expected in allowed
    ]
    return f"{first} and {second}, instead of " + " or ".join(alternatives)


def pauses_at(calls):
    """Returns a rule that pauses at each of the calls."""
    counts = collections.Counter(call.name for call in calls)
    return [f"{name}:{number}:pause" for name, count in counts.items() for number in range(1, count + 1)]


class Races(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        cls.directory = os.path.realpath(tempfile.mkdtemp(prefix="layoutfs-races-", dir=memory))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.numbers = iter(range(1_000_000))
        cls.lock = threading.Lock()

    def prepare(self, prepare, has_refs_dir):
        """Makes a fresh layout, and returns a time that is later than all times in it."""
        with self.lock:
            folder = f"{self.directory}/{next(self.numbers)}"
        os.mkdir(folder)
        layout = f"{folder}/layout"
        if prepare is LAYOUT:
            prepare(layout, has_refs_dir)
        else:
            prepare(layout)
        limit = time.time_ns() + 1
        while time.clock_gettime_ns(CLOCK_REALTIME_COARSE) < limit:
            time.sleep(0.001)
        return layout, limit

    def run_in_order(self, pair, has_refs_dir, is_reversed):
        """Returns the results of the first and the second action of the pair, and the final layout."""
        layout, limit = self.prepare(pair[0], has_refs_dir)
        results = {}
        for position in (2, 1) if is_reversed else (1, 2):
            step = pair[position]
            results[position] = result_of(actions.run(layout, step.at(limit), step.stdin))
        return results[1], results[2], layout_state.tree_of(layout)

    def run_alone(self, pair, position, has_refs_dir):
        """Returns the result of one of the actions, the final layout, and its calls."""
        layout, limit = self.prepare(pair[0], has_refs_dir)
        log = os.path.dirname(layout) + ".log"
        step = pair[position]
        result = result_of(actions.run(layout, step.at(limit), step.stdin, log=log))
        return result, layout_state.tree_of(layout), actions.read_log(log)

    def run_at_once(self, pair, has_refs_dir, rule):
        """As run_in_order, but the first action stops according to `rule`."""
        layout, limit = self.prepare(pair[0], has_refs_dir)
        first, pause = self.start_and_pause(pair[1], layout, limit, rule)
        has_paused = os.path.exists(pause)
        second = self.start(pair[2], layout, limit, dict(os.environ))
        patience = time.monotonic() + LONG_ENOUGH
        while second.poll() is None and not is_waiting_for_a_lock(second.pid) and time.monotonic() < patience:
            time.sleep(0.0005)
        if has_paused:
            os.unlink(pause)
        results = [self.finish(process) for process in (first, second)]
        self.assertEqual(list(layout_state.problems_of(layout)), [])
        self.assertLessEqual(set(layout_state.litter_of(layout)), {".oci-0123456789abcdef", ".oci-fedcba9876543210",
                                                                   "index.json.tmp-1"})
        outcome = (*results, layout_state.tree_of(layout))
        shutil.rmtree(os.path.dirname(layout))
        return has_paused, outcome

    def start_and_pause(self, step, layout, limit, rule):
        """Starts a process that stops according to `rule` until a file is removed. Returns both."""
        pause = os.path.dirname(layout) + ".pause"
        environment = actions.environment_of(layout, (rule,)) | {"LAYOUTFS_FAULT_PAUSE": pause}
        process = self.start(step, layout, limit, environment)
        while not os.path.exists(pause) and process.poll() is None:
            time.sleep(0.0005)
        return process, pause

    @staticmethod
    def start(step, layout, limit, environment):
        process = subprocess.Popen([actions.PROGRAM, layout, *step.at(limit)], env=environment, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Less than a pipe holds, and nothing more is said there.
        process.stdin.write(step.stdin)
        process.stdin.close()
        process.stdin = None
        return process

    @staticmethod
    def finish(process):
        output, errors = process.communicate(timeout=actions.PATIENCE)
        return result_of(subprocess.CompletedProcess((), process.returncode, output, errors))

    def check_pair(self, pair, has_refs_dir):
        allowed = [self.run_in_order(pair, has_refs_dir, is_reversed) for is_reversed in (False, True)]
        first, after_first, calls = self.run_alone(pair, 1, has_refs_dir)
        rules = pauses_at(calls)
        second, after_second, _ = self.run_alone(pair, 2, has_refs_dir)
        # A sweep uses the references at its start, and does nothing if they have changed.
        unswept = (0, b"references changed\n", b"")
        if pair[1].arguments[0] == "sweep":
            allowed.append((unswept, second, after_second))
        if pair[2].arguments[0] == "sweep":
            allowed.append((first, unswept, after_first))

        paused = []

        def problem_of(rule):
            try:
                has_paused, outcome = self.run_at_once(pair, has_refs_dir, rule)
                paused.append(has_paused)
                return None if outcome in allowed else f"{rule}: {describe(outcome, allowed)}"
            except Exception as problem:  # of a thread: reported below, all of them
                return f"{rule}: {problem}"

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            problems = [problem for problem in pool.map(problem_of, rules) if problem]
        self.assertFalse(problems, "\n".join(problems))
        self.assertEqual(sum(paused), len(rules))
        return len(rules)

    def test_two_processes_are_as_one_after_the_other(self):
        count = 0
        for pair in PAIRS:
            names_references = any("-ref" in step.arguments[0] for step in pair[1:])
            for has_refs_dir in (False, True) if names_references else (False,):
                words = [" ".join(step.arguments[:2]) for step in pair[1:]]
                with self.subTest(first=words[0], second=words[1], has_refs_dir=has_refs_dir):
                    count += self.check_pair(pair, has_refs_dir)
        print(f"{count} interleavings")
        self.assertGreater(count, 500)

    def pauses_of(self, layout, step):
        """Runs the action, and returns the rules that pause at each of its calls."""
        log = os.path.dirname(layout) + ".log"
        actions.run(layout, step.arguments, step.stdin, log=log)
        return pauses_at(actions.read_log(log))

    def test_what_is_outside_stays_as_it_is_when_a_blob_becomes_a_symlink(self):
        layout, _ = self.prepare(actions.write_layout, False)
        for rule in self.pauses_of(layout, PUT_KNOWN):
            with self.subTest(rule):
                layout, _ = self.prepare(actions.write_layout, False)
                outside = os.path.dirname(layout) + ".outside"
                actions.write(outside, actions.KNOWN)
                os.chmod(outside, 0o600)
                process, pause = self.start_and_pause(PUT_KNOWN, layout, 0, rule)
                blob = f"{layout}/blobs/" + KNOWN.replace(":", "/")
                os.unlink(blob)
                os.symlink(outside, blob)
                os.unlink(pause)
                self.finish(process)
                self.assertEqual((os.stat(outside).st_mode & 0o7777, layout_state.read(outside)), (0o600, actions.KNOWN))

    def test_a_layout_in_the_making_is_no_litter_of_the_one_that_it_is_made_in(self):
        outer, _ = self.prepare(actions.write_layout, False)
        for number, rule in enumerate(self.pauses_of(f"{outer}/made", CREATE)):
            with self.subTest(rule):
                inner = f"{outer}/{number}"
                process, pause = self.start_and_pause(CREATE, inner, 0, rule)
                self.assertEqual(actions.run(outer, CLEAN.arguments).returncode, 0)
                os.unlink(pause)
                self.assertEqual(self.finish(process), (0, b"", b""))
                self.assertEqual(list(layout_state.problems_of(inner)), [])


if __name__ == "__main__":
    unittest.main()
