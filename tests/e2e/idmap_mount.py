#!/usr/bin/env python3
"""Mount a directory again, with other owners: mount -o bind,X-mount.idmap of util-linux 2.39, by system calls.

usage: idmap_mount.py SOURCE TARGET INSIDE OUTSIDE COUNT

The users and groups from INSIDE on, COUNT of them, appear as those from OUTSIDE on. Exit code 2: the kernel or the
filesystem refuses (EINVAL).
"""
import ctypes
import errno
import os
import signal
import sys

OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442  # the same on all machines but alpha
AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH = 1, 4
MOUNT_ATTR_IDMAP = 0x00100000
CLONE_NEWUSER = 0x10000000
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


class MountAttr(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def user_namespace(mapping):
    """Returns a descriptor of a new user namespace with these users and groups."""
    child = os.fork()
    if child == 0:
        if libc.unshare(CLONE_NEWUSER) == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(1)
    try:
        if not os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1]):
            raise OSError(errno.EPERM, "cannot create a user namespace")
        for file in "uid_map", "gid_map":
            with open(f"/proc/{child}/{file}", "w") as out:
                out.write(mapping)
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def main():
    source, target, *numbers = sys.argv[1:]
    namespace = user_namespace(" ".join(numbers))
    tree = call(OPEN_TREE, AT_FDCWD, os.fsencode(source), OPEN_TREE_CLONE | os.O_CLOEXEC)
    attributes = MountAttr(set=MOUNT_ATTR_IDMAP, userns=namespace)
    try:
        call(MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH, ctypes.byref(attributes), ctypes.sizeof(attributes))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        sys.exit(2)
    call(MOVE_MOUNT, tree, b"", AT_FDCWD, os.fsencode(target), MOVE_MOUNT_F_EMPTY_PATH)


if __name__ == "__main__":
    main()
