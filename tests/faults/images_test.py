#!/usr/bin/env python3
"""A store of names with failing system calls, killed writers, and many concurrent writers.

Environment: STORE_ACTIONS, the program that changes stores of names; FAULTS, the library that makes calls fail;
LAYOUTFS_TEST_FULL=1 for more rounds; LAYOUTFS_TEST_SEED to repeat the moments of another run.
"""
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
import unittest

import actions
import faults_test
import layout_state
import order_test

FILE = "default.json"
TIME = "2027-01-15T08:00:00.000000000Z"
ROUNDS = 300 if os.environ.get("LAYOUTFS_TEST_FULL") else 40
WORKERS = 3


def write_names(path):
    """Makes a store with one image, as another program would write it."""
    image = {"name": "old", "labels": {"who": "somebody"}, "createdAt": TIME, "updatedAt": TIME,
             "target": {**actions.descriptor_of(actions.KNOWN), "extra": 1}}
    actions.write(f"{path}/{FILE}", json.dumps({"version": 1, "images": [image]}).encode())


def write_littered(path):
    write_names(path)
    actions.write(f"{path}/.oci-0123456789abcdef/b-0", b"half of a")


def images_of(path):
    """Returns {name: image}."""
    document = json.loads(layout_state.read(f"{path}/{FILE}"))
    assert document["version"] == 1
    images = {image["name"]: image for image in document["images"]}
    assert list(images) == sorted(images) and len(images) == len(document["images"])
    return images


def action(name, *arguments, prepare=write_names, **more):
    return actions.Action(name, arguments, prepare, **more)


ACTIONS = [
    action("create an image", "create", "new", "content", again=1),
    action("create the first image", "create", "new", "content", prepare=os.makedirs, again=1),
    action("create an image where there is no store", "create", "new", "content", prepare=actions.write_nothing, again=1),
    action("create an image where somebody was ended", "create", "new", "content", prepare=write_littered, again=1),
    action("create an image where there are no locks", "create", "new", "content", rules=("flock:1:ENOLCK",), again=1),
    action("change a label", "label", "old", "who", "another", again=1),
    action("remove an image", "remove", "old", again=1),
]


class ImageFaults(faults_test.FaultyRuns):
    def problems_in(self, path):
        images_of(path)
        return [name for name in layout_state.tree_of(path) if name != FILE]

    def check_state(self, base, layout):
        tree = layout_state.tree_of(layout)
        if tree != {}:
            self.assertIn(tree, (base.old, base.new))
        else:
            self.assertEqual(base.old, {})


faults_test.add_tests(ImageFaults, ACTIONS)


class ImageOrder(order_test.LoggedRuns):
    def test_the_names_are_on_disk_before_they_are_seen_and_read_again_under_the_lock(self):
        for number, one in enumerate(ACTIONS):
            with self.subTest(one.name):
                self.assertEqual(self.disk_after(one, number).problems, [])
                directory = f"{self.directory}/{number}/layout"
                names = f"{directory}/{FILE}"
                locks = (directory, f"{directory}/{layout_state.LOCK}")
                calls = [call for call in actions.read_log(f"{self.directory}/{number}.log") if call.error in (0, 2)]
                locked = [i for i, call in enumerate(calls) if call.name == "flock" and call.path in locks]
                read = [i for i, call in enumerate(calls) if call.name == "openat" and call.path == names]
                written = [i for i, call in enumerate(calls) if call.name == "renameat" and call.more == names]
                self.assertEqual(len(written), 1, "in one step")
                self.assertLess(locked[-1], read[-1])
                self.assertLess(read[-1], written[0])


class Writers(unittest.TestCase):
    def setUp(self):
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="layoutfs-images-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.store = f"{self.directory}/names"

    def start(self, *arguments):
        """Starts a process that records its actions in a file."""
        said = tempfile.NamedTemporaryFile(dir=self.directory, prefix="said-")
        self.addCleanup(said.close)
        process = subprocess.Popen([actions.PROGRAM, self.store, *arguments], stdout=said, stderr=subprocess.PIPE)
        return process, said.name

    def names_after(self, said):
        """Returns the names that exist according to a process."""
        names = set()
        for line in layout_state.read(said).decode().split():
            names = names - {line[1:]} if line.startswith("-") else names | {line}
        return names

    def test_many_processes_lose_nothing(self):
        count = 60
        started = [self.start("create-many", f"of-{i}", str(count)) for i in range(4)]
        for process, said in started:
            errors = process.communicate(timeout=actions.PATIENCE)[1]
            self.assertEqual((process.returncode, errors), (0, b""))
        expected = set().union(*(self.names_after(said) for _, said in started))
        self.assertEqual(len(expected), 4 * count * 2 // 3)
        self.assertEqual(set(images_of(self.store)), expected)
        self.assertEqual(os.listdir(self.store), [FILE])

    def test_whoever_is_killed_leaves_all_that_it_has_said(self):
        seed = os.environ.get("LAYOUTFS_TEST_SEED") or str(random.SystemRandom().randrange(1 << 32))
        print(f"LAYOUTFS_TEST_SEED={seed}", flush=True)
        moments = random.Random(seed)
        changed = littered = 0
        for number in range(ROUNDS):
            started = [self.start("work", f"of-{number}-{i}") for i in range(WORKERS)]
            for process, _ in started:
                time.sleep(moments.uniform(0, 0.05))
                process.kill()
            for process, _ in started:
                self.assertEqual((process.communicate()[1], process.returncode), (b"", -9))
            littered += bool(layout_state.litter_of(self.store))
            names = set(images_of(self.store)) if os.path.exists(f"{self.store}/{FILE}") else set()
            for i, (_, said) in enumerate(started):
                said_names = self.names_after(said)
                changed += len(said_names)
                own = {name for name in names if name.startswith(f"of-{number}-{i}-")}
                # One more change may have been made that was not said any more.
                self.assertLessEqual(len(own ^ said_names), 1, f"round {number}")
        print(f"{ROUNDS} rounds: {changed} names, {littered} times with something left behind")
        self.assertGreater(changed, 0)
        self.assertGreater(littered, 0)
        done = actions.run(self.store, ("create", "last", "content"))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn("last", images_of(self.store))
        self.assertEqual(layout_state.litter_of(self.store), [])


if __name__ == "__main__":
    unittest.main()
