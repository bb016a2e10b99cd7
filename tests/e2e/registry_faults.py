"""Faults of a registry: their rates in per cent, settings, and counters.

Whether a request has a fault depends on the seed, on the request, and on the number of equal requests before it. Therefore threads do not
change the result, and a repeated request may succeed.
"""
import collections
import hashlib
import re
import threading
import time

FAULTS = {
    "busy": "429 with Retry-After",
    "unavailable": "500, 502 or 503",
    "drop": "close the connection without an answer",
    "reset": "reset the connection in the middle of the body, also of an uploaded one",
    "truncate": "close the connection before the end of the body",
    "flip": "one wrong byte in the body of a manifest or blob",
    "drip": "a few bytes at a time, with pauses, at the start of the body",
    "wrong_range": "206 with another range than asked",
    "whole": "200 with the whole blob for a range",
    "chunked": "chunked encoding, without Content-Length",
    "no_head": "404 for HEAD",
    "wrong_type": "text/plain as Content-Type of manifests and blobs",
    "wrong_digest": "Docker-Content-Digest of another content",
    "endless_manifest": "a manifest without an end",
    "endless_tags": "lists of tags and repositories with links to themselves",
    "not_a_registry": "a page of HTML for everything",
}
# A client that repeats its request often enough gets every byte.
TRANSIENT = ["busy", "unavailable", "drop", "reset", "truncate", "flip", "drip", "wrong_range", "whole", "chunked"]

SETTINGS = {
    "only": ("", "faults apply only to paths with this regular expression"),
    "tokens": (0.0, "lifetime in seconds of the bearer tokens that are required; 0: none are"),
    "expires_in": (-1, "lifetime that the token server states; 0: none; -1: the right one"),
    "redirect": (False, "redirect blobs to the second host"),
    "links": (5.0, "lifetime in seconds of these redirects"),
    "expired_status": (403, "status of the second host for an expired link"),
    "smallest_range": (0, "the second host refuses ranges of fewer bytes"),
    "small_status": (416, "status for these"),
    "retry_after": (1, "seconds in Retry-After"),
    "retry_date": (False, "a date in Retry-After"),
    "drip_seconds": (0.3, "duration of a drip; after that the body has full speed"),
    "latency": (0.0, "seconds before each answer"),
    "bandwidth": (0, "bytes per second of each connection; 0: no limit"),
    "referrers": (True, "the referrers API exists"),
    "chunk_minimum": (0, "smallest chunk of an upload in bytes, in OCI-Chunk-Min-Length"),
}


class Settings:
    def __init__(self, seed):
        self.seed = seed
        self.rates = dict.fromkeys(FAULTS, 0.0)
        self.limits = {}
        for name, (value, _) in SETTINGS.items():
            setattr(self, name, value)

    def set_rate(self, name, percent):
        if name == "transient":
            for fault in TRANSIENT:
                self.rates[fault] = float(percent) / len(TRANSIENT)
        elif name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; known: transient, {', '.join(FAULTS)}")
        else:
            self.rates[name] = float(percent)

    def set_limit(self, name, count):
        """From now on the fault happens at most this number of times."""
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
        self.limits[name] = int(count)

    def set(self, name, value):
        if name not in SETTINGS:
            raise ValueError(f"unknown setting {name!r}; known: {', '.join(SETTINGS)}")
        kind = type(SETTINGS[name][0])
        if kind is bool and not isinstance(value, bool):
            value = {"yes": True, "true": True, "no": False, "false": False}[str(value)]
        setattr(self, name, kind(value))


class Draw:
    """The faults of one request."""

    def __init__(self, settings, stats, path, key, number):
        self.settings = settings
        self.stats = stats
        self.path = path
        self.key = f"{settings.seed} {key} {number}"

    def fraction(self, name):
        """Returns a number from 0 to 1 (exclusive)."""
        return int.from_bytes(hashlib.blake2b(f"{self.key} {name}".encode(), digest_size=6).digest(), "big") / (1 << 48)

    def has(self, name):
        """Decides about a fault that is possible for this request, and counts it."""
        settings = self.settings
        rate = settings.rates[name]
        if not rate or (settings.only and not re.search(settings.only, self.path)) or self.fraction(name) * 100 >= rate:
            return False
        with self.stats.lock:
            left = settings.limits.get(name, 1)
            if name in settings.limits:
                settings.limits[name] = max(0, left - 1)
            if left:
                self.stats.faults[name] += 1
        return left > 0

    def choice(self, name, values):
        return values[int(self.fraction(name) * len(values))]


class Stats:
    """Counters, most of them by HOST PATH without the query. HOST is "registry" or "cdn"."""

    def __init__(self):
        self.lock = threading.Lock()
        self.repeats = collections.Counter()
        self.in_flight = collections.Counter()
        self.reset()

    def reset(self):
        self.requests = collections.Counter()
        self.bytes = collections.Counter()
        self.statuses = collections.Counter()
        self.faults = collections.Counter()
        self.authorizations = collections.Counter()
        self.ranges = collections.defaultdict(list)
        self.uploaded = collections.Counter()
        self.most_in_flight = collections.Counter()

    def begin(self, host, path, key, has_authorization):
        """Counts a request. Returns the number of equal requests before it."""
        with self.lock:
            self.requests[f"{host} {path}"] += 1
            if has_authorization:
                self.authorizations[host] += 1
            self.in_flight[host] += 1
            self.most_in_flight[host] = max(self.most_in_flight[host], self.in_flight[host])
            self.repeats[key] += 1
            return self.repeats[key] - 1

    def end(self, host):
        with self.lock:
            self.in_flight[host] -= 1

    def wait_for_counters(self, seconds):
        """Waits until no request is being answered: a client has its last byte before that is counted. A request may take longer."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with self.lock:
                if not any(self.in_flight.values()):
                    return
            time.sleep(0.005)

    def sent(self, host, path, size):
        with self.lock:
            self.bytes[f"{host} {path}"] += size

    def received(self, path, size):
        with self.lock:
            self.uploaded[path] += size

    def answered(self, host, status):
        with self.lock:
            self.statuses[f"{host} {status}"] += 1

    def sent_range(self, digest, offset, size):
        if size:
            with self.lock:
                self.ranges[digest].append([offset, size])

    def document(self):
        """Returns everything as JSON has it. `ranges` has [offset, size] of the bytes sent, by the digest of their blob."""
        with self.lock:
            names = ("requests", "bytes", "statuses", "faults", "authorizations", "most_in_flight", "ranges", "uploaded")
            document = {name: dict(getattr(self, name)) for name in names}
            document["total"] = {"requests": sum(self.requests.values()), "bytes": sum(self.bytes.values()),
                                 "blob_bytes": sum(size for ranges in self.ranges.values() for _, size in ranges)}
            return document
