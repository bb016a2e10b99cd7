#!/usr/bin/env python3
"""Every file-system call of sharing a blob with another repository of a tree fails, as in faults_test.py.

Environment: STORE_ACTIONS, the program that changes registries; FAULTS, the library that makes calls fail.
"""
import os
import unittest

import actions
import faults_test
import layout_state
import order_test

SHOP, STORE = "work/shop", "other/store"
# Some of it is left when a write falls short.
BLOB = actions.CONTENT[:600_000]
DIGEST = actions.digest_of(BLOB)
CLONES = ("ioctl:1:works:on",)


def write_shop(path):
    """Makes a tree with one repository, which has the blob."""
    actions.write_layout(f"{path}/{SHOP}")
    actions.write(f"{path}/{SHOP}/{actions.blob_file(DIGEST)}", BLOB)


def write_both(path):
    write_shop(path)
    actions.write_layout(f"{path}/{STORE}")


def write_both_with_blob(path):
    write_both(path)
    actions.write(f"{path}/{STORE}/{actions.blob_file(DIGEST)}", BLOB)


def write_beginning(path):
    """Makes the remains of the other repository after a crash."""
    write_shop(path)
    actions.write_unfinished(f"{path}/{STORE}")


def mount(name, prepare, **more):
    return actions.Action(name, ("mount", SHOP, STORE, DIGEST), prepare, **more)


ACTIONS = [
    mount("mount a blob", write_both),
    mount("mount a blob where files are cloned", write_both, rules=CLONES),
    mount("mount a blob where there is no repository", write_shop),
    mount("mount a blob where a crash has left pieces", write_beginning),
    mount("mount a blob where there are no links", write_both, rules=("linkat:1:EPERM:on",)),
    mount("mount what is there", write_both_with_blob),
    # A layout that counts as missing would be created again, without its tags.
    mount("mount a blob where it cannot be told what is a layout", write_both, rules=("faccessat:1:EIO:on",)),
]


class MountFaults(faults_test.FaultyRuns):
    def layouts_in(self, path):
        return [f"{path}/{name}" for name in (SHOP, STORE) if os.path.exists(f"{path}/{name}/oci-layout")]

    def left_beside(self, layout):
        above = (os.path.dirname(layout), layout, f"{layout}/work", f"{layout}/other")
        return [name for folder in above if os.path.exists(folder) for name in os.listdir(folder)
                if layout_state.is_temporary(name)]

    def check_state(self, base, layout):
        """Checks that the blob is complete or absent, and that nothing else has changed."""
        tree = layout_state.tree_of(layout)
        self.assertEqual(layout_state.difference(base.old, {path: tree.get(path) for path in base.old}), [])
        # Including its content: neither half of the blob nor another index.
        added = {path: entry for path, entry in tree.items() if path not in base.old}
        self.assertLessEqual(added.items(), base.new.items())
        for one in self.layouts_in(layout):
            self.assertEqual(list(layout_state.problems_of(one)), [])
        self.assertEqual(layout_state.litter_of(f"{layout}/{SHOP}"), [])


faults_test.add_tests(MountFaults, ACTIONS)


class MountOrder(order_test.LoggedRuns):
    def test_everything_is_on_disk_before_it_has_a_name_and_its_name_before_the_end(self):
        for number, action in enumerate(ACTIONS):
            with self.subTest(action.name):
                self.assertEqual(self.disk_after(action, number).problems, [])

    def test_files_are_cloned_where_they_can_be(self):
        for number, action in enumerate(ACTIONS):
            if action.prepare == write_both_with_blob:
                continue
            with self.subTest(action.name):
                self.disk_after(action, number)
                calls = actions.read_log(f"{self.directory}/{number}.log")
                self.assertIn("ioctl", [call.name for call in calls])
                writes = [call for call in calls if call.name == "pwrite" and f"/{STORE}/.oci-" in call.path]
                has_cloned = any(call.name == "ioctl" and call.error == 0 for call in calls)
                self.assertTrue(has_cloned or action.rules != CLONES)
                self.assertEqual(has_cloned, len(writes) == 0)


if __name__ == "__main__":
    unittest.main()
