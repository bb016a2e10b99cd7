"""Runs and times commands alternately, mounts and unmounts, and describes the machine."""
import atexit
import contextlib
import json
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

PATIENCE = 900  # seconds that any one command may take
DROP_CACHES = "/proc/sys/vm/drop_caches"


class Failed(Exception):
    pass


def say(sentence):
    print(sentence, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- commands


def run(*command, cpus=None, allow=(0,), stdout=subprocess.DEVNULL):
    """Returns the seconds that the command takes; `cpus`: the CPUs to use, else all."""
    command = [str(word) for word in command]
    if cpus is not None:
        command = ["taskset", "-c", ",".join(map(str, cpus)), *command]
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise Failed("%s: not done after %d s" % (" ".join(command), PATIENCE)) from None
    took = time.perf_counter() - start
    if done.returncode not in allow:
        what = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise Failed("%s: exit code %d: %s" % (" ".join(command), done.returncode, " ".join(what)))
    return took


def results_of(*command, input=""):
    """Returns the JSON document that the command prints."""
    command = [str(word) for word in command]
    done = subprocess.run(command, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE, text=True)
    if done.returncode != 0:
        raise Failed("%s: exit code %d: %s" % (" ".join(command), done.returncode, done.stderr.strip()[-300:]))
    return json.loads(done.stdout)


def output(*command):
    """Returns the first line of the command's output; empty if there is no such command."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60
        )
    except OSError:
        return ""
    return (done.stdout.decode(errors="replace").strip().splitlines() or [""])[0]


# ---------------------------------------------------------------- measurements


class Sample:
    """Measurements of one quantity, in one unit."""

    def __init__(self, values, unit):
        self.values, self.unit = list(values), unit

    @property
    def median(self):
        return statistics.median(self.values)

    def percentile(self, percent):
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]

    def at(self, percent):
        """Returns a sample of this percentile alone."""
        return Sample([self.percentile(percent)], self.unit)

    def as_json(self):
        return {
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "unit": self.unit,
            "runs": len(self.values),
        }


def by_turns(rounds, **sides):
    """Calls each side once per round, A B A B ... Returns a Sample of each side's results, in seconds.

    A slow side can be (number of rounds, function).
    """
    values = {name: [] for name in sides}
    for number in range(rounds):
        for name, side in sides.items():
            most, function = side if isinstance(side, tuple) else (rounds, side)
            if number < most:
                values[name].append(function())
    return {name: Sample(measured, "s") for name, measured in values.items()}


# ---------------------------------------------------------------- the page cache


class PageCache:
    """Drops the whole page cache if that is permitted; otherwise, or if it would affect others, only the given files."""

    def __init__(self, gently):
        self.is_whole = not gently and os.access(DROP_CACHES, os.W_OK)
        self.how = "echo 3 > drop_caches" if self.is_whole else "posix_fadvise(POSIX_FADV_DONTNEED) on the files read"

    def drop(self, *paths):
        if self.is_whole:
            os.sync()
            pathlib.Path(DROP_CACHES).write_text("3\n")
        for path in paths:
            forget(path)


def forget(path):
    """Drops a file, or all files below a directory, from the page cache."""
    files = [path] if os.path.isfile(path) else [file for file in pathlib.Path(path).rglob("*") if file.is_file()]
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        with contextlib.suppress(OSError):  # EROFS has nothing to write, and no fsync(2)
            os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


# ---------------------------------------------------------------- mounts

_mounted = []


def is_mounted(at):
    with open("/proc/self/mountinfo") as mounts:
        return any(line.split()[4] == str(at) for line in mounts)


def unmount(at):
    for command in (["umount", at], ["umount", at], ["umount", "-l", at]):
        if not is_mounted(at):
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(list(map(str, command)), stderr=subprocess.DEVNULL, timeout=30)
        if is_mounted(at):
            time.sleep(0.5)


@contextlib.contextmanager
def mounted(at, *command, cpus=None):
    """Mounts while the block runs. The value is the duration of the mount command in seconds."""
    _mounted.append(at)
    try:
        took = run(*command, cpus=cpus)
        if not is_mounted(at):
            raise Failed("%s: not mounted" % " ".join(map(str, command)))
        yield took
    finally:
        unmount(at)
        _mounted.remove(at)


@contextlib.contextmanager
def work_directory(prefix, directory):
    """Makes a directory for the block. After an interruption, a server may write its last files while they are removed."""
    work = tempfile.mkdtemp(prefix=prefix, dir=directory)
    try:
        yield pathlib.Path(work)
    finally:
        for _ in range(100):
            shutil.rmtree(work, ignore_errors=True)
            if not os.path.exists(work):
                break
            time.sleep(0.1)


def statistics_of(at):
    """Returns the statistics of a mount that FUSE shows."""
    return json.loads(os.getxattr(at, "user.layoutfs.stats"))


def leave_nothing_mounted():
    """Unmounts the remaining mounts on every exit."""
    atexit.register(lambda: [unmount(at) for at in reversed(_mounted)])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: sys.exit(128 + received))


# ---------------------------------------------------------------- the machine


def first_field(path, key):
    with contextlib.suppress(OSError):
        for line in open(path):
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
    return ""


def package_version(name):
    version = output("dpkg-query", "-W", "-f", "${Version}", name)
    return version if version[:1].isdigit() else "absent"


def machine(layoutfs):
    packages = ("umoci", "skopeo", "podman", "squashfuse", "tar", "pigz", "zstd", "openssl", "libisal2", "libzstd1", "libssl3", "libfuse3-3")
    return {
        "cpu": first_field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memoryBytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "system": output("sh", "-c", '. /etc/os-release; echo "$PRETTY_NAME"'),
        "loadAtStart": os.getloadavg()[0],
        "versions": {
            "layoutfs": output(layoutfs, "--version"),
            "commit": output("git", "-C", os.path.dirname(__file__), "describe", "--always", "--dirty"),
            **{name: package_version(name) for name in packages},
        },
    }
