#!/usr/bin/env python3
"""The state of the disk after a power failure: content is fsynced before it gets a name, and the name after that.

Reads the logs of whole runs. Environment: STORE_ACTIONS, the program that changes layouts; FAULTS, the library that
writes the log.
"""
import os
import shutil
import tempfile
import unittest

import actions
import layout_state

LOCK_EX = "2"


def is_hidden(path, below=""):
    """Returns whether readers ignore the part of the path after `below`."""
    return any(layout_state.is_temporary(name) for name in path[len(below) :].split("/"))


class Disk:
    """Tracks files and directories with changes that are only in memory, and the broken rules."""

    def __init__(self):
        self.unsynced = set()
        self.published = set()  # temporary files that have a name in the layout, too
        self.problems = []
        self.events = []  # of the references: locked, read, written

    def change_name(self, path):
        """Handles a name that was added, removed or replaced."""
        if not layout_state.is_temporary(os.path.basename(path)):
            self.unsynced.add(os.path.dirname(path))

    def move(self, old, new, keeps_old):
        pending = {path for path in self.unsynced if path == old or path.startswith(old + "/")}
        if not is_hidden(new):
            visible = sorted(path for path in pending if not is_hidden(path, old))
            self.problems += [f"{path} gets the name {new} before it is on disk" for path in visible]
        if keeps_old:
            self.published.add(old)
        else:
            self.unsynced -= pending
            # The new name is on disk only together with the end of the old one.
            if f"/blobs/{layout_state.UPLOADS}/" not in old:
                self.change_name(old)
        self.unsynced |= {new + path[len(old) :] for path in pending}
        self.change_name(new)

    def apply(self, call, layout):
        is_reference = call.path == f"{layout}/index.json" or call.path.startswith(f"{layout}/refs/")
        if call.name in ("write", "pwrite", "copy_file_range", "ioctl"):
            self.unsynced.add(call.path)
            if not is_hidden(call.path) or call.path in self.published:
                self.problems.append(f"{call.path} is written in place")
        elif call.name in ("fsync", "fdatasync"):
            self.unsynced.discard(call.path)
        elif call.name == "syncfs":
            self.unsynced.clear()
        elif call.name == "mkdirat":
            self.change_name(call.path)
        elif call.name == "unlinkat":
            self.unsynced.discard(call.path)
            # A blob that comes back after a crash does no harm.
            if "/blobs/" not in call.path:
                self.change_name(call.path)
        elif call.name in ("linkat", "renameat", "renameat2"):
            self.move(call.path, call.more, call.name == "linkat")
            is_reference = call.more == f"{layout}/index.json" or call.more.startswith(f"{layout}/refs/")
        elif call.name == "flock" and call.more == LOCK_EX and call.path in (layout, f"{layout}/{layout_state.LOCK}"):
            self.events.append("locked")
        elif call.name == "openat" and is_reference:
            self.events.append("read")
        if is_reference and call.name in ("linkat", "renameat", "renameat2", "unlinkat"):
            self.events.append("written")

    def finish(self):
        self.problems += [f"{path} is not on disk" for path in sorted(self.unsynced) if not is_hidden(path)]


class LoggedRuns(unittest.TestCase):
    """Common code of the runs of all lists of actions."""

    def setUp(self):
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="layoutfs-order-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def disk_after(self, action, number):
        layout, log = f"{self.directory}/{number}/layout", f"{self.directory}/{number}.log"
        os.makedirs(os.path.dirname(layout))
        action.write_template(layout)
        done = actions.run(layout, action.arguments, action.stdin, action.rules, log)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        disk = Disk()
        calls = [call for call in actions.read_log(log) if call.error == 0]
        self.assertGreater(len(calls), 5)
        for call in calls:
            disk.apply(call, layout)
        disk.finish()
        return disk


class Order(LoggedRuns):
    def test_everything_is_on_disk_before_it_has_a_name_and_its_name_before_the_end(self):
        for number, action in enumerate(actions.ACTIONS):
            with self.subTest(action.name):
                self.assertEqual(self.disk_after(action, number).problems, [])

    def test_a_blob_that_is_there_already_is_on_disk_too(self):
        # Its writer may not have waited for the disk.
        action = next(one for one in actions.ACTIONS if one.name == "put what is there")
        self.disk_after(action, "there")
        calls = actions.read_log(f"{self.directory}/there.log")
        blob = f"{self.directory}/there/layout/blobs/" + actions.digest_of(actions.KNOWN).replace(":", "/")
        self.assertIn(("fsync", blob), [(call.name, call.path) for call in calls])

    def test_references_are_read_again_under_the_lock_before_they_change(self):
        checked = 0
        for number, action in enumerate(actions.ACTIONS):
            if action.arguments[0] not in ("put-ref", "replace-ref", "delete-ref"):
                continue
            checked += 1
            with self.subTest(action.name):
                events = self.disk_after(action, number).events
                self.assertEqual(events.count("written"), 1)
                under_lock = events[events.index("locked") : events.index("written")]
                # A file of `refs/` can be deleted even if it is invalid, and is new if there was none.
                if not action.has_refs_dir or action.arguments[0] == "replace-ref":
                    self.assertIn("read", under_lock)
        self.assertEqual(checked, 7)


if __name__ == "__main__":
    unittest.main()
