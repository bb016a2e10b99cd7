#!/usr/bin/env python3
"""Every file-system call of every change of a registry fails, as in faults_test.py; and the order of writes to disk.

Environment: STORE_ACTIONS, the program that changes registries; FAULTS, the library that makes calls fail.
"""
import os
import unittest

import actions
import faults_test
import layout_state
import order_test

UPLOAD = "0123456789abcdef" * 2
UPLOAD_FILE = f"blobs/uploads/{UPLOAD}"
INDEX = b'{ "schemaVersion": 2, "manifests": [] }'
CONTENT, KNOWN, EMPTY = (actions.digest_of(content) for content in (actions.CONTENT, actions.KNOWN, b""))


def write_with_upload(path):
    actions.write_layout(path)
    actions.write(f"{path}/{UPLOAD_FILE}", actions.CONTENT)


def write_with_known_upload(path):
    actions.write_layout(path)
    actions.write(f"{path}/{UPLOAD_FILE}", actions.KNOWN)


def push(name, content, *arguments, **more):
    return actions.Action(name, arguments, stdin=content, **more)


ACTIONS = [
    push("push a blob", actions.CONTENT, "push-blob", CONTENT, str(len(actions.CONTENT))),
    push("push the empty blob", b"", "push-blob", EMPTY, "0"),
    push("push a blob where there is no layout", actions.CONTENT, "push-blob", CONTENT, str(len(actions.CONTENT)),
         prepare=actions.write_nothing),
    push("push a manifest", INDEX, "push-manifest"),
    push("push a manifest with tags", INDEX, "push-manifest", "new", "newer"),
    push("move a tag", INDEX, "push-manifest", "old"),
    push("push a manifest where there is no layout", INDEX, "push-manifest", "new", prepare=actions.write_nothing),
    push("push a manifest where a crash has left pieces", INDEX, "push-manifest", "new",
         prepare=actions.write_unfinished),
    actions.Action("delete a tag", ("delete-tag", "old"), again=1),
    actions.Action("delete a manifest", ("delete-manifest", KNOWN), again=1),
    actions.Action("commit an upload", ("commit", UPLOAD, CONTENT), write_with_upload, again=1),
    actions.Action("commit an upload of what is there", ("commit", UPLOAD, KNOWN), write_with_known_upload, again=1),
    actions.Action("commit an upload where there are no links", ("commit", UPLOAD, CONTENT), write_with_upload,
                   rules=("linkat:1:EPERM:on",), again=1),
    actions.Action("cancel an upload", ("cancel", UPLOAD), write_with_upload, again=1),
]


class RegistryFaults(faults_test.FaultyRuns):
    def check_state(self, base, layout):
        """Checks that the state is the old or the new one, except for blobs, which may precede the entries with their digests."""
        tree = layout_state.tree_of(layout)
        if "oci-layout" not in tree:
            self.assertLessEqual(tree.keys(), base.old.keys() | base.new.keys())
            if "index.json" in tree:
                self.assertEqual(layout_state.references_of(layout), {})
            return
        self.assertEqual(list(layout_state.problems_of(layout)), [])
        blobs, references = faults_test.parts_of(tree)
        old_blobs, old_references = faults_test.parts_of(base.old)
        new_blobs, new_references = faults_test.parts_of(base.new)
        # In a layout that was just made there are no entries at all.
        if old_references:
            self.assertIn(references, (old_references, new_references))
        elif references != new_references:
            self.assertEqual(layout_state.references_of(layout), {})
        self.assertLessEqual(blobs, old_blobs | new_blobs)
        self.assertLessEqual(old_blobs - {UPLOAD_FILE}, blobs)
        if base.action.arguments[0] == "push-manifest" and references == new_references:
            self.assertLessEqual(new_blobs, blobs)
        if base.action.arguments[0] == "commit":
            self.assertTrue(blobs & {UPLOAD_FILE, actions.blob_file(base.action.arguments[2])}, "the upload is lost")
        if UPLOAD_FILE in tree:
            self.assertEqual(tree[UPLOAD_FILE], base.old[UPLOAD_FILE])


faults_test.add_tests(RegistryFaults, ACTIONS)


class RegistryOrder(order_test.LoggedRuns):
    def test_everything_is_on_disk_before_it_has_a_name_and_its_name_before_the_end(self):
        for number, action in enumerate(ACTIONS):
            with self.subTest(action.name):
                self.assertEqual(self.disk_after(action, number).problems, [])

    def test_entries_are_read_again_under_the_lock_before_they_change(self):
        changes = [action for action in ACTIONS
                   if action.arguments[0] in ("push-manifest", "delete-tag", "delete-manifest")
                   and action.prepare == actions.write_layout]
        self.assertEqual(len(changes), 5)
        for number, action in enumerate(changes):
            with self.subTest(action.name):
                events = self.disk_after(action, number).events
                self.assertEqual(events.count("written"), 1, "in one step")
                written = events.index("written")
                locked = len(events) - 1 - events[::-1].index("locked", len(events) - written)
                self.assertIn("read", events[locked:written])

    def test_an_upload_is_on_disk_before_it_is_a_blob(self):
        # Its writer may not have waited for the disk.
        for number, action in enumerate(one for one in ACTIONS if one.name.startswith("commit an upload")):
            with self.subTest(action.name):
                self.disk_after(action, number)
                layout = f"{self.directory}/{number}/layout"
                blob, synced, is_blob = f"{layout}/{actions.blob_file(action.arguments[2])}", set(), False
                for call in actions.read_log(f"{self.directory}/{number}.log"):
                    if call.error:
                        continue
                    if call.name in ("fsync", "fdatasync"):
                        synced.add(call.path)
                    if call.name in ("linkat", "renameat", "renameat2") and call.more == blob:
                        is_blob = True
                        self.assertIn(call.path, synced)
                self.assertTrue(is_blob or blob in synced, "neither given its name nor found there")


if __name__ == "__main__":
    unittest.main()
