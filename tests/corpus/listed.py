"""An image by `layoutfs ls -R --json` and `layoutfs cat`: the same result as check-tree.py's walk
of a mount, without a mount.

image = Listed("layoutfs", "path/of/layout", ref="latest", seconds=30)
found = image.walk()   # Refused, with the exit code, if the program refuses
"""
import base64
import hashlib
import json
import os
import subprocess
import tempfile
import threading

from ocilib import NS, quote

KINDS = {"directory": "dir", "character": "char"}  # others are called the same
BATCH = 50_000  # bytes of paths in one command line
FAR = 1 << 30  # reads behind this are left to the mount: cat has to print all that is before


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(f"exit code {code}: {message}")
        self.code, self.message = code, message


class TooSlow(Exception):
    pass


def raw(entry, key):
    """Returns the bytes of a member that may not be UTF-8."""
    lossless = entry.get(key + "Base64")
    return entry[key].encode() if lossless is None else base64.b64decode(lossless, validate=True)


def xattrs(entry):
    if "xattrsBase64" in entry:
        pairs = [(base64.b64decode(k), v) for k, v in entry["xattrsBase64"].items()]
    else:
        pairs = [(k.encode(), v) for k, v in entry.get("xattrs", {}).items()]
    named = {os.fsdecode(k): base64.b64decode(v, validate=True).hex() for k, v in pairs}
    hidden = ("trusted.", "security.selinux")
    return {k: v for k, v in named.items() if not k.startswith(hidden)}


def describe(entry):
    """Returns check-tree.py's description, without the content."""
    kind = KINDS.get(entry["type"], entry["type"])
    d = {
        "type": kind,
        "mode": "%04o" % entry["mode"],
        "uid": entry["uid"],
        "gid": entry["gid"],
        "mtime_ns": entry["mtime"] * NS + entry["mtimeNanoseconds"],
        "xattrs": xattrs(entry),
    }
    if kind == "file":
        d["size"] = entry["size"]
    elif kind == "symlink":
        d["target"] = quote(raw(entry, "target"))
        del d["mode"]
    elif kind in ("char", "block"):
        d["rdev"] = entry["rdev"]
    if kind != "dir":
        d["nlink"] = entry["nlink"]
    return d


class Listed:
    def __init__(self, program, layout, ref=None, platform=None, seconds=600):
        self.program, self.seconds, self.peak_mib = program, seconds, 0
        self.options = ["--layout", str(layout)]
        self.options += ["--ref", ref] if ref else []
        self.options += ["--platform", platform] if platform else []

    def run(self, command, paths, consume):
        """Passes standard output to consume, which may leave a rest.  Raises Refused on failure."""
        argv = [self.program, *command, *self.options, "--", *paths]
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log)
            timer = threading.Timer(self.seconds, process.kill)
            timer.start()
            try:
                result = consume(process.stdout)
                is_whole = not process.stdout.read(1)
                process.stdout.close()
            finally:
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                was_running = timer.is_alive()
                timer.cancel()
            self.peak_mib = max(self.peak_mib, used.ru_maxrss // 1024)
            if not was_running:
                raise TooSlow(f"{command[0]} took more than {self.seconds} s")
            if process.returncode and is_whole:
                log.seek(0)
                last = log.read().decode(errors="replace").strip().splitlines()[-1:]
                raise Refused(process.returncode, "".join(last))
        return result

    def sums(self, files):
        """Returns inode -> sha256 of the content, or the reason for its absence; files: (inode, path, size)."""

        def split(stream, batch):
            for inode, _, size in batch:
                digest, left = hashlib.sha256(), size
                while left and (chunk := stream.read(min(left, 1 << 20))):
                    digest.update(chunk)
                    left -= len(chunk)
                yield inode, digest.hexdigest() + (f" ({size - left} bytes read)" if left else "")

        found, batches, room = {}, [[]], BATCH
        for file in files:
            room -= len(file[1]) + 1
            if room < 0:
                batches.append([])
                room = BATCH - len(file[1])
            batches[-1].append(file)
        for batch in filter(None, batches):
            paths = [path for _, path, _ in batch]
            try:
                found.update(self.run(["cat"], paths, lambda out, b=batch: list(split(out, b))))
            except Refused as err:
                if len(batch) == 1:
                    found[batch[0][0]] = "unreadable: " + str(err)
                else:  # their boundary is unknown
                    for file in batch:
                        found.update(self.sums([file]))
        return found

    def pieces(self, path, reads):
        """As in check-tree.py."""
        end = max((at + len(data) // 2 for at, data in reads), default=0)
        if end > FAR:
            return reads
        try:
            content = self.run(["cat"], [path], lambda out: out.read(end))
        except Refused as err:
            return "unreadable: " + str(err)
        return [[at, content[at : at + len(data) // 2].hex()] for at, data in reads]

    def walk(self, mount=None):
        """As in check-tree.py; with a mount, reads only its files."""
        document = json.loads(self.run(["ls", "-R", "--json"], ["/"], lambda out: out.read()))
        entries = [document["directory"], *document["files"]]
        found, twins, wanted, names = {}, {}, {}, {}
        for entry in entries:
            path = raw(entry, "path")
            key, inode = quote(path) or ".", entry["inode"]
            if key in found:
                raise ValueError(f"{key} is listed twice")
            d = found[key] = describe(entry)
            if d.get("nlink", 1) > 1:
                d["same_inode"] = twins.setdefault(inode, len(twins) + 1)
            want = {"sha256": 1} if mount is None else mount["tree"].get(key, {})
            if d["type"] == "file" and "sha256" in want:
                wanted[inode] = (inode, b"/" + path, d["size"])
                names.setdefault(inode, []).append(key)
            if "reads" in want:
                d["reads"] = self.pieces(b"/" + path, want["reads"])
        for inode, digest in self.sums(wanted.values()).items():
            for key in names[inode]:
                found[key]["sha256"] = digest
        return found
