#!/usr/bin/env python3
"""Mount every case with a command, or list it, and compare the result with expected.json.

usage: run-cases.py --mount COMMAND [--umount COMMAND] [--ignore KEYS] [--slack FACTOR]
                    CASES_DIR [PATTERN...]
       run-cases.py --program PROGRAM [--ignore KEYS] [--slack FACTOR] CASES_DIR [PATTERN...]

COMMAND is for sh.  Its environment has LAYOUT (a directory) and AT (the mount point), and REF and
PLATFORM if the case has them.  It may stay in the foreground or return after it has mounted.  To
refuse, it must exit with an error: a signal, a time-out or a missing mount are failures.  FACTOR
multiplies the limits of time and memory, for a program with sanitizers or without optimization.
With --program, checks the output of `ls -R --json` and `cat` of PROGRAM, a layoutfs, and mounts
nothing.  Example:

  run-cases.py --mount 'umoci unpack --image "$LAYOUT:${REF-latest}" "$AT.b" &&
      mount --bind "$AT.b/rootfs" "$AT"' --ignore dir-mtime CASES links
"""
import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from listed import Listed, Refused, TooSlow

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("check_tree", HERE / "check-tree.py")
check_tree = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_tree)


def mounted(at):
    """Returns whether path is a mount point; os.path.ismount does not see bind mounts."""
    with open("/proc/self/mountinfo", "rb") as f:
        return os.fsencode(at) in [line.split()[4] for line in f]


def peak_mib(pid):
    """Returns the peak memory of the process, if it still exists."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return next((int(line.split()[1]) // 1024 for line in f if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def outcome(mount, walk, ignore):
    """Returns (outcome, differences) of walk's result."""
    if "tree" not in mount:
        walk({"tree": {}})  # a program that lists refuses here, if it does
        return "tree", ["it was not refused"]
    found = walk(mount)
    differences = list(check_tree.compare(mount, found, ignore))
    if differences and "or_tree" in mount:
        other = {**mount, "tree": mount["or_tree"]}
        if not list(check_tree.compare(other, walk(other), ignore)):
            return "tree", []
    if differences and all(" sha256 is unreadable" in d for d in differences):
        return "read-error", []
    return "tree", differences


def verdict(mount, got, differences, message):
    """Returns None, or the problem."""
    if differences:
        more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
        return differences[0] + more
    if got not in mount["outcome"]:
        return f"outcome is {got}, expected {' or '.join(mount['outcome'])}; {message}"
    return None


def by_listing(case, mount, limits, args, ignore):
    """Returns None, or the problem in the program's output."""
    patience, message, differences = limits.get("seconds", 30) * args.slack, "", []
    image = Listed(args.program, case / "oci", mount.get("ref"), mount.get("platform"), patience)
    try:
        got, differences = outcome(mount, image.walk, ignore)
    except Refused as err:
        got, message = "refuse", err.message
        if err.code < 0 or err.code >= 128:
            return f"killed by a signal ({err.code})"
    except TooSlow as err:
        return str(err)
    if image.peak_mib > limits.get("rss_mib", 1 << 20) * args.slack:
        return f"used {image.peak_mib} MiB of memory, {limits['rss_mib']} are allowed"
    return verdict(mount, got, differences, message)


def by_mount(case, mount, limits, args, ignore):
    """Returns None, or the problem of the mount."""
    tmp = pathlib.Path(tempfile.mkdtemp(prefix="case"))
    at, patience = tmp / "at", limits.get("seconds", 30) * args.slack
    at.mkdir()
    env = {k: v for k, v in os.environ.items() if k not in ("REF", "PLATFORM")}
    env.update(LAYOUT=str(case / "oci"), AT=str(at))
    for key in "ref", "platform":
        if mount.get(key) is not None:
            env[key.upper()] = mount[key]
    end = time.monotonic() + patience
    with open(tmp / "log", "wb") as log:
        process = subprocess.Popen(["sh", "-c", args.mount], env=env, stdout=log, stderr=log)
    try:
        while not mounted(at) and process.poll() is None:
            if time.monotonic() > end:
                return f"neither mounted nor refused in {patience} s"
            time.sleep(0.01)
        if mounted(at):
            got, differences = outcome(mount, lambda m: check_tree.walk(at, m), ignore)
        elif process.returncode < 0 or process.returncode >= 128:
            return f"killed by a signal ({process.returncode})"
        elif process.returncode == 0:
            return "says that it mounted, but did not"
        else:
            got, differences = "refuse", []
        if time.monotonic() > end:
            return f"took more than {patience} s"
        if peak_mib(process.pid) > limits.get("rss_mib", 1 << 20) * args.slack:
            return f"used {peak_mib(process.pid)} MiB of memory, {limits['rss_mib']} are allowed"
        if process.poll() not in (None, 0) and got != "refuse":
            return "the process died"
        tail = (tmp / "log").read_bytes().decode(errors="replace").strip().splitlines()[-1:]
        return verdict(mount, got, differences, "".join(tail))
    except OSError as err:
        return f"{err.strerror}: {err.filename!r}"
    finally:
        if mounted(at):
            subprocess.run(["sh", "-c", args.umount], env=env, stderr=subprocess.DEVNULL)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if mounted(at):
            subprocess.run(["umount", "-l", at])
        shutil.rmtree(tmp, ignore_errors=True)


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    way = ap.add_mutually_exclusive_group(required=True)
    way.add_argument("--mount")
    way.add_argument("--program")
    ap.add_argument("--umount", default='umount "$AT"')
    ap.add_argument("--ignore", default="")
    ap.add_argument("--slack", type=int, default=1)
    ap.add_argument("cases", type=pathlib.Path)
    ap.add_argument("patterns", nargs="*")
    args = ap.parse_args()
    passed = failed = 0
    for path in sorted(args.cases.glob("*/expected.json")):
        if args.patterns and not any(p in path.parent.name for p in args.patterns):
            continue
        case = json.loads(path.read_text())
        for mount in case["mounts"]:
            limits = case.get("limits", {})
            one = by_listing if args.program else by_mount
            wrong = one(path.parent, mount, limits, args, args.ignore.split(","))
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong:
                where = " ".join(filter(None, (case["case"], mount["ref"], mount.get("platform"))))
                print(f"FAIL {where[:100]}: {wrong[:300]}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed) or not passed)


if __name__ == "__main__":
    main()
