"""Rows about images in a registry on loopback (Debian's docker-registry)."""
import contextlib
import json
import os
import shutil
import socket
import socketserver
import subprocess
import threading
import time
import urllib.request

from harness import Failed, Sample, by_turns, mounted, run
from rows import faster, limited, missing, within

REPOSITORY, PATIENCE = "bench/image", 30
SETTLING = 0.3  # seconds in which requests that a command does not wait for end


@contextlib.contextmanager
def registry(work):
    """Runs a registry while the block runs. The value is HOST:PORT."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = "127.0.0.1:%d" % probe.getsockname()[1]
    configuration = work / "registry.yml"
    storage = "{filesystem: {rootdirectory: %s}}" % json.dumps(str(work / "registry"))
    configuration.write_text("version: 0.1\nlog: {level: error}\nstorage: %s\nhttp: {addr: '%s'}\n" % (storage, host))
    server = subprocess.Popen(
        ["docker-registry", "serve", configuration], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(PATIENCE * 10):
            with contextlib.suppress(OSError), urllib.request.urlopen("http://%s/v2/" % host, timeout=PATIENCE):
                break
            time.sleep(0.1)
        else:
            raise Failed("docker-registry does not answer")
        yield host
    finally:
        server.terminate()
        server.wait(PATIENCE)
        shutil.rmtree(work / "registry", ignore_errors=True)


class CountingProxy(socketserver.ThreadingTCPServer):
    """Passes connections on to the registry, and counts the bytes of its answers: what a link would have to carry."""

    daemon_threads = True

    def __init__(self, registry):
        super().__init__(("127.0.0.1", 0), Connection)
        self.registry, self.answered, self.lock = registry, 0, threading.Lock()

    @property
    def host(self):
        return "%s:%d" % self.server_address


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        host, port = self.server.registry.split(":")
        with socket.create_connection((host, int(port)), PATIENCE) as registry:
            threading.Thread(target=self.pass_on, args=(self.request, registry), daemon=True).start()
            self.pass_on(registry, self.request, counts=True)

    def pass_on(self, source, target, counts=False):
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                if counts:
                    with self.server.lock:
                        self.server.answered += len(piece)
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def counting(registry):
    """Runs a proxy while the block runs."""
    with CountingProxy(registry) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()


class Remote:
    """The sides of the comparisons."""

    def __init__(self, b, host):
        self.b, self.host = b, host
        self.copied, self.unpacked = b.work / "remote-copied", b.work / "remote-unpacked"
        self.cache, self.at = b.work / "remote-cache", b.mount_point

    def image(self, tag):
        return "docker://%s/%s:%s" % (self.host, REPOSITORY, tag)

    def ours(self, command, *words):
        return run(self.b.layoutfs, command, "--tls-verify=false", "--no-progress", "--cache-dir", self.cache, *words)

    def push(self, tag):
        self.ours("copy", self.b.image(tag), self.image(tag))

    def afresh(self, *directories):
        for directory in directories:
            shutil.rmtree(directory, ignore_errors=True)
        self.b.settle()

    def copy(self, tag):
        self.afresh(self.copied)
        return self.ours("copy", self.image(tag), self.copied)

    def skopeo(self, tag):
        self.afresh(self.copied)
        return run("skopeo", "copy", "-q", "--src-tls-verify=false", self.image(tag), "oci:%s:%s" % (self.copied, tag))

    def mount(self, tag, *options):
        options = ["-q", "--tls-verify=false", "--cache-dir", self.cache, *options]
        return mounted(self.at, self.b.layoutfs, "mount", *options, self.image(tag), self.at)

    def use(self, tag, *command):
        """Returns the seconds for mounting and a command, in the view that users get: the kernel's if it is possible."""
        start = time.perf_counter()
        with self.mount(tag):
            run(*command)
            return time.perf_counter() - start

    def fetched_bytes(self, tag, *command, options=()):
        """Returns the bytes that the registry sends for a mount and a command, if the image has an index, but no content is cached."""
        registry = self.host
        self.forget_blobs()
        with counting(registry) as proxy:
            self.host = proxy.host
            try:
                with self.mount(tag, *options):
                    run(*command)
                    time.sleep(SETTLING)
                    return proxy.answered
            finally:
                self.host = registry

    def forget_blobs(self):
        """Removes the fetched blobs, but not the indexes."""
        self.afresh(self.cache / "remote", self.cache / "remote-ranges")

    def first_listing(self, tag):
        self.afresh(self.cache)
        return self.use(tag, "ls", "-R", self.at)

    def index_pass(self, tag):
        self.afresh(self.cache)
        return run(self.b.layoutfs, "ls", "--no-progress", "-R", "--cache-dir", self.cache, self.b.image(tag), "/")

    def read_all(self, tag):
        self.afresh(self.cache)
        return self.use(tag, "tar", "-C", self.at, "-cf", "/dev/zero", ".")

    def download_and_unpack(self, tag):
        took = self.skopeo(tag)
        self.afresh(self.unpacked)
        return took + run("umoci", "unpack", "--image", "%s:%s" % (self.copied, tag), self.unpacked)


def images(b):
    if not b.has("docker-registry"):
        yield missing("remote", "an image in a registry", "docker-registry is not installed")
        return
    with registry(b.work) as host:
        remote = Remote(b, host)
        try:
            remote.push("gzip")
            yield from copies(b, remote)
            yield from mounts(b, remote)
        finally:
            remote.afresh(remote.copied, remote.unpacked, remote.cache)


def copies(b, remote):
    what = "copy an image of one gzip layer from a registry"
    if not b.has("skopeo"):
        yield missing("remote-copy", what, "skopeo is not installed")
        return
    times = by_turns(b.rounds(5), ours=lambda: remote.copy("gzip"), skopeo=lambda: remote.skopeo("gzip"))
    yield faster("remote-copy", what, times["ours"], "skopeo copy", times["skopeo"], 1)


def mounts(b, remote):
    what = "mount of an image in a registry and first `ls -R`, without an index"
    times = by_turns(
        b.rounds(5),
        ours=lambda: remote.first_listing("gzip"),
        download=lambda: remote.copy("gzip"),
        index=lambda: remote.index_pass("gzip"),
    )
    longer = max(times["download"], times["index"], key=lambda sample: sample.median)
    yield within("remote-first", what, times["ours"], "the longer of download and index pass", longer, 1.1)

    remote.first_listing("gzip")
    layer = os.path.getsize(b.blobs("gzip")[0])
    share = 100 * remote.fetched_bytes("gzip", "ls", "-R", remote.at) / layer

    def listing():
        remote.forget_blobs()
        return remote.use("gzip", "ls", "-R", remote.at)

    times = by_turns(b.rounds(5), ours=listing)
    what = "mount of an image in a registry and first `ls -R`, with an index"
    yield limited("remote-next", what, times["ours"], times["ours"].median, "s", 0.3, "fetched %.2f %% of the layer" % share, share <= 1)

    yield from program(b, remote, layer)

    what = "read all of an image in a registry through a mount, without an index"
    if not (b.has("skopeo") and b.has("umoci")):
        yield missing("remote-all", what, "skopeo or umoci is not installed")
        return
    times = by_turns(b.rounds(3), ours=lambda: remote.read_all("gzip"), unpack=lambda: remote.download_and_unpack("gzip"))
    yield within("remote-all", what, times["ours"], "skopeo copy and umoci unpack", times["unpack"], 1.05)


def program(b, remote, layer):
    """A row about bytes: how many are worth fetching depends on the link."""
    what = "bytes fetched for `python3 -c 'import json'` in a chroot of an image in a registry, with an index"
    environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "PYTHONDONTWRITEBYTECODE=1"]
    command = [*environment, "chroot", remote.at, "python3", "-c", "import json"]
    shares = {
        view: Sample([100 * remote.fetched_bytes("gzip", *command, options=options) / layer for _ in range(b.rounds(5))], "%")
        for view, options in {"kernel's view": (), "FUSE": ("--no-kernel",)}.items()
    }
    ours = max(shares.values(), key=lambda sample: sample.median)
    note = ", ".join("%s: %.2f %%" % (view, sample.median) for view, sample in shares.items())
    yield limited("remote-program", what, ours, ours.median, "%", 3, "of the layer; " + note)
