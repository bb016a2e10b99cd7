#!/usr/bin/env python3
"""Every file-system call of an upload in pieces fails, as in faults_test.py; then the upload is resumed.

Environment: STORE_ACTIONS, the program that changes registries; FAULTS, the library that makes calls fail.
"""
import os
import shutil
import signal
import time
import unittest

import actions
import faults_test
import layout_state
import order_test

FOLDER = f"blobs/{layout_state.UPLOADS}"
ID, ANOTHER = "0123456789abcdef" * 2, "f" * 32
# More than one piece, the last one shorter than a piece of the hash.
BLOB = actions.CONTENT[:700_000]
BEGINNING = BLOB[:250_000]
REST = BLOB[len(BEGINNING):]
DIGEST = actions.digest_of(BLOB)
NEW = f"{FOLDER}/new"  # in trees: an upload that was not there before
A_WEEK = 7 * 24 * 3600


def write_with_uploads(path):
    """Makes an upload to resume, and an unrelated one."""
    actions.write_layout(path)
    actions.write(f"{path}/{FOLDER}/{ID}", BEGINNING)
    actions.write(f"{path}/{FOLDER}/{ANOTHER}", b"the beginning of something else")


def write_with_empty_upload(path):
    write_with_uploads(path)
    actions.write(f"{path}/{FOLDER}/{ID}", b"")


def upload(name, *arguments, stdin=b"", prepare=write_with_uploads, **more):
    return actions.Action(name, arguments, prepare, stdin=stdin, **more)


OFFSET = str(len(BEGINNING))
ACTIONS = [
    upload("begin an upload", "upload"),
    upload("begin the first upload", "upload", prepare=actions.write_layout),
    upload("begin an upload where there is no layout", "upload", prepare=actions.write_nothing),
    upload("begin an upload where there are no locks", "upload", rules=("flock:1:ENOLCK:on",)),
    upload("begin an upload and write", "upload", stdin=BLOB),
    upload("upload a blob in pieces", "upload", DIGEST, stdin=BLOB),
    upload("resume an upload", "append", ID, OFFSET),
    upload("append to an upload", "append", ID, OFFSET, stdin=REST),
    upload("append to an upload wherever it ends", "append", ID, "-1", stdin=REST),
    upload("append to an upload that is empty", "append", ID, "0", stdin=BLOB, prepare=write_with_empty_upload),
    upload("append to an upload where a write falls short", "append", ID, OFFSET, stdin=REST,
           rules=("pwrite:1:short",)),
    upload("append to an upload and commit", "append", ID, OFFSET, DIGEST, stdin=REST),
]


class Told:
    """The upload in the output of a run, which may be incomplete."""

    def __init__(self, output):
        self.lines = output.decode().splitlines()
        self.id = self.lines[0].removeprefix("upload ") if self.lines else None
        self.size = next((int(line.split()[1]) for line in self.lines[::-1] if line.startswith("has ")), None)


class UploadFaults(faults_test.FaultyRuns):
    def check(self, base, rule):
        layout, done = self.broken_run(base, rule)
        told = Told(done.stdout)
        self.check_told(base, done, told, rule)
        if done.returncode == 0:
            self.assertEqual(self.files_of(layout), self.files_of_tree(base.new))
        self.check_state(base, layout)
        self.check_uploads(base, done, told, layout)
        if not rule.endswith((":on", *faults_test.DEADLY)):
            self.assertEqual(self.left_beside(layout), [])
        self.go_on(base, layout, told.id)
        shutil.rmtree(os.path.dirname(layout))
        return done.returncode == 0

    def check_told(self, base, done, told, rule):
        _, _, way = rule.split(":", 2)
        right = Told(base.output).lines
        if told.lines and base.action.arguments[0] == "upload":
            self.assertRegex(told.id, r"\A[0-9a-f]{32}\Z")
            self.assertNotIn(told.id, (ID, ANOTHER))
            right[0] = told.lines[0]
        if way in faults_test.DEADLY:
            self.assertEqual((done.returncode, done.stderr), (-signal.SIGKILL, b""))
            self.assertEqual(told.lines, right[: len(told.lines)])
            return
        self.check_reported(done, rule)
        if done.returncode == 0:
            self.assertEqual(told.lines, right)
            return
        # A client that reads this starts again.
        self.assertNotIn("no upload", done.stderr.decode())
        # The last size is how far a piece came that could not be written.
        self.assertLessEqual(len(told.lines), len(right))
        self.assertEqual(told.lines[:-1], right[: len(told.lines[:-1])])

    def check_state(self, base, layout):
        """Checks everything except the uploads: the blob is complete after its commit, and nothing else has changed."""
        tree, old, new = ({path: entry for path, entry in one.items() if not path.startswith(f"{FOLDER}/")}
                          for one in (layout_state.tree_of(layout), base.old, base.new))
        if "oci-layout" in tree:
            self.assertEqual(list(layout_state.problems_of(layout)), [])
        self.assertLessEqual(old.items(), tree.items())
        self.assertLessEqual(tree.items(), new.items())

    def uploads_in(self, layout):
        """Returns {id: content}."""
        folder = f"{layout}/{FOLDER}"
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return {name: layout_state.read(f"{folder}/{name}") for name in names}

    def others_of(self, base):
        """Returns the uploads that the action does not touch."""
        mine = {ID} if base.action.arguments[0] == "append" else set()
        return {name: content for name, content in self.uploads_in(base.template).items() if name not in mine}

    def check_uploads(self, base, done, told, layout):
        """Checks that each upload is unchanged, or has grown by a part of the content, and by at least the printed size."""
        uploads, before, others = self.uploads_in(layout), self.uploads_in(base.template), self.others_of(base)
        self.assertEqual(uploads | others, uploads)
        blob = f"{layout}/{actions.blob_file(DIGEST)}"
        is_committed = DIGEST in base.action.arguments and os.path.exists(blob)
        if is_committed:
            self.assertEqual(layout_state.read(blob), BLOB)
        mine = [name for name in uploads if name not in others]
        # No upload is lost before it is a blob, and only one is started.
        self.assertLessEqual(len(mine), 1)
        if base.action.arguments[0] == "append" or told.id:
            self.assertTrue(is_committed or mine == [told.id or ID], "the upload is lost")
        for name in mine:
            self.assertRegex(name, r"\A[0-9a-f]{32}\Z")
            self.assertTrue(BLOB.startswith(uploads[name]))
            self.assertGreaterEqual(len(uploads[name]), max(told.size or 0, len(before.get(name, b""))))
            # A client that resumes it was given a size, which must be right.
            if done.returncode == 1 and told.size is not None:
                self.assertEqual(len(uploads[name]), told.size)

    def go_on(self, base, layout, told_id):
        """Completes the upload, or starts a new one. Then only unrelated uploads are left."""
        uploads, others = self.uploads_in(layout), self.others_of(base)
        mine = told_id if told_id in uploads else next((name for name in uploads if name not in others), None)
        if mine:
            size = len(uploads[mine])
            arguments, stdin = ("append", mine, str(size), DIGEST), BLOB[size:]
        else:
            arguments, stdin = ("upload", DIGEST), BLOB
        if not os.path.exists(f"{layout}/{actions.blob_file(DIGEST)}") or mine:
            again = actions.run(layout, arguments, stdin)
            self.assertEqual((again.returncode, again.stderr), (0, b""), "gone on with")
        self.assertEqual(list(layout_state.problems_of(layout)), [])
        self.assertEqual(layout_state.read(f"{layout}/{actions.blob_file(DIGEST)}"), BLOB)
        self.assertEqual(self.uploads_in(layout), others)
        if layout_state.litter_of(layout):
            self.clean(layout)
            self.assertEqual(self.uploads_in(layout), others)

    def clean(self, layout):
        cleaned = actions.run(layout, ("clean",))
        self.assertEqual((cleaned.returncode, cleaned.stderr), (0, b""), "clean")
        self.assertEqual(layout_state.litter_of(layout), [])

    def files_of(self, layout):
        return self.files_of_tree(self.tree_of(layout))

    @staticmethod
    def files_of_tree(tree):
        """Returns the tree with NEW as the name of every new upload."""
        return {NEW if path.startswith(f"{FOLDER}/") and not path.endswith((ID, ANOTHER)) else path: entry
                for path, entry in tree.items()}

    def run_with(self, rules, *arguments, stdin=b""):
        layout = self.folder() + "/layout"
        write_with_uploads(layout)
        return layout, actions.run(layout, arguments, stdin, rules)

    def test_what_cannot_be_taken_back_of_a_piece_is_a_part_of_it(self):
        layout, done = self.run_with(("pwrite:1:short", "pwrite:2:ENOSPC:on", "ftruncate:1:EIO"), "append", ID, OFFSET,
                                     stdin=REST)
        self.assertEqual((done.returncode, Told(done.stdout).size), (1, len(BEGINNING)))
        left = self.uploads_in(layout)[ID]
        self.assertGreater(len(left), len(BEGINNING))
        self.assertTrue(BLOB.startswith(left))
        # At the printed size nobody can resume; at its end everybody can.
        refused = actions.run(layout, ("append", ID, OFFSET), b"")
        self.assertEqual(refused.returncode, 1)
        self.assertIn(f"the upload has {len(left)} bytes", refused.stderr.decode())
        done = actions.run(layout, ("append", ID, "-1", DIGEST), BLOB[len(left):])
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(layout_state.read(f"{layout}/{actions.blob_file(DIGEST)}"), BLOB)

    def test_what_a_failed_piece_has_left_is_taken_back(self):
        layout, done = self.run_with(("pwrite:1:short", "pwrite:2:ENOSPC:on"), "append", ID, OFFSET, stdin=REST)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.uploads_in(layout)[ID], BEGINNING)

    def test_clean_removes_what_nobody_goes_on_with_and_nothing_else(self):
        layout, done = self.run_with(("pwrite:2:kill",), "upload", stdin=BLOB)
        self.assertEqual(done.returncode, -signal.SIGKILL)
        mine = Told(done.stdout).id
        uploads = self.uploads_in(layout)
        self.assertEqual(uploads.keys(), {ID, ANOTHER, mine})
        self.clean(layout)
        self.assertEqual(self.uploads_in(layout), uploads)
        before = time.time() - A_WEEK
        os.utime(f"{layout}/{FOLDER}/{mine}", (before, before))
        self.clean(layout)
        del uploads[mine]
        self.assertEqual(self.uploads_in(layout), uploads)


faults_test.add_tests(UploadFaults, ACTIONS)


class UploadOrder(order_test.LoggedRuns):
    def test_everything_is_on_disk_before_it_has_a_name_and_its_name_before_the_end(self):
        for number, action in enumerate(ACTIONS):
            with self.subTest(action.name):
                problems = self.disk_after(action, number).problems
                # Only a blob is promised to be on disk.
                self.assertEqual([one for one in problems if f"/{FOLDER}/" not in one.split()[0]], [])
                blob = f"{self.directory}/{number}/layout/{actions.blob_file(DIGEST)}"
                self.assertEqual(os.path.exists(blob), DIGEST in action.arguments)


if __name__ == "__main__":
    unittest.main()
