"""Answers of the hostile registry: faults that any request can have, bodies that arrive with faults, and the second host of its blobs."""
import email.utils
import hmac
import os
import re
import time
import urllib.parse

import loopback_server
import registry_faults


class HostileHandler(loopback_server.LoopbackHandler):
    """The common part of the registry and the cdn: counters, faults of any request, and bodies with faults."""

    def serve(self):
        self.state = self.server.state
        url = urllib.parse.urlsplit(self.path)
        self.route = urllib.parse.unquote(url.path)
        self.query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        host = self.server.role
        key = f"{host} {self.command} {self.route} {self.headers.get('Range')}"
        number = self.state.stats.begin(host, self.route, key, "Authorization" in self.headers)
        self.draw = registry_faults.Draw(self.state.settings, self.state.stats, self.route, key, number)
        try:
            self.wait_while_silent()
            time.sleep(self.state.settings.latency)
            if not self.fails_at_once():
                self.respond()
        finally:
            self.state.stats.end(host)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def fails_at_once(self):
        settings = self.state.settings
        if self.draw.has("drop"):
            self.close_connection = True
        elif self.draw.has("not_a_registry"):
            self.refuse(200, None, b"<!DOCTYPE html><title>Welcome</title>", kind="text/html")
        elif self.draw.has("busy"):
            after = email.utils.formatdate(time.time() + settings.retry_after, usegmt=True) if settings.retry_date else settings.retry_after
            self.refuse(429, "TOOMANYREQUESTS", "too many requests", [("Retry-After", str(after))])
        elif self.draw.has("unavailable"):
            self.refuse(self.draw.choice("status", [500, 502, 503]), None, b"<html>an error of a proxy</html>", kind="text/html")
        else:
            return False
        return True

    def send_response(self, code, message=None):
        self.state.stats.answered(self.server.role, code)
        super().send_response(code, message)

    def write(self, content):
        self.wait_while_silent()
        self.wfile.write(content)
        self.state.stats.sent(self.server.role, self.route, len(content))
        if self.state.settings.bandwidth:
            time.sleep(len(content) / self.state.settings.bandwidth)

    def refuse(self, status, code, message, headers=(), kind="application/json"):
        """Reads the rest of the request, and answers with an error of the distribution specification, or with any page."""
        for _ in self.body_pieces():
            pass
        body = {"errors": [{"code": code, "message": message, "detail": None}]} if code else message
        self.answer(status, body, headers, kind)

    def send_blob(self, path, digest):
        """Answers with a blob, or with the range that was asked for."""
        total = os.path.getsize(path)
        headers = [("Docker-Content-Digest", digest), ("Accept-Ranges", "bytes")]
        asked = asked_range(self.headers.get("Range"), total) if self.command == "GET" else None
        if asked == (total, 0):
            return self.refuse(416, "RANGE_INVALID", "no such range", [("Content-Range", f"bytes */{total}")])
        if asked and self.draw.has("whole"):
            asked = None
        if asked and (others := other_ranges(*asked, total)) and self.draw.has("wrong_range"):
            asked = self.draw.choice("range", others)
        status = 200
        if asked:
            status = 206
            headers.append(("Content-Range", f"bytes {asked[0]}-{sum(asked) - 1}/{total}"))
        with open(path, "rb") as file:
            return self.send_content(status, headers, "application/octet-stream", lambda at, size: os.pread(file.fileno(), size, at),
                                     *(asked or (0, total)), digest)

    def send_content(self, status, headers, kind, read, offset, size, digest):
        """Sends `size` bytes from `offset` of read(offset, size), with the faults of bodies. Its parts are counted for the digest."""
        draw = self.draw
        has = draw.has if self.command == "GET" else lambda _: False
        end, cut = size, None
        for fault in ("reset", "truncate"):
            if size and not cut and has(fault):
                end, cut = int(size * draw.fraction("cut")), fault
        wrong = offset + int(size * draw.fraction("wrong")) if size and has("flip") else -1
        is_chunked = has("chunked")
        self.send_response(status)
        for name, value in [*headers, ("Content-Type", "text/plain" if has("wrong_type") else kind),
                            ("Transfer-Encoding", "chunked") if is_chunked else ("Content-Length", str(size))]:
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        slow_until = time.monotonic() + self.state.settings.drip_seconds if has("drip") else 0
        at = offset
        try:
            while at < offset + end:
                slow = time.monotonic() < slow_until
                piece = bytearray(read(at, min(7 if slow else 65536, offset + end - at)))
                if at <= wrong < at + len(piece):
                    piece[wrong - at] ^= 1 << int(8 * draw.fraction("bit"))
                self.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
                at += len(piece)
                if slow:
                    time.sleep(0.02)
        finally:
            self.state.stats.sent_range(digest, offset, at - offset)
        if cut == "reset":
            self.break_off()
        elif cut:
            self.close_connection = True
        elif is_chunked:
            self.write(b"0\r\n\r\n")


class CdnHandler(HostileHandler):
    """Serves blobs by links that expire, and accepts neither credentials nor HEAD nor small ranges."""

    def respond(self):
        state = self.state
        if "Authorization" in self.headers:
            return self.refuse(400, None, b"<Error><Code>InvalidArgument</Code></Error>", kind="application/xml")
        if self.command != "GET":
            return self.refuse(405, None, b"<Error><Code>MethodNotAllowed</Code></Error>", [("Allow", "GET")], kind="application/xml")
        expires = self.query.get("expires", ["0"])[0]
        signature = self.query.get("signature", [""])[0]
        if not hmac.compare_digest(signature, state.signature(f"{self.route} {expires}")) or time.time() > float(expires):
            return self.refuse(state.settings.expired_status, None, b"<Error><Code>AccessDenied</Code></Error>", kind="application/xml")
        name, digest = self.route.removeprefix("/blobs/").rsplit("/", 1)
        path = state.repositories[name].blob(digest)
        asked = asked_range(self.headers.get("Range"), os.path.getsize(path))
        if asked and 0 < asked[1] < state.settings.smallest_range:
            return self.refuse(state.settings.small_status, None, b"<Error><Code>InvalidRange</Code></Error>",
                               [("Content-Range", f"bytes */{os.path.getsize(path)}")], kind="application/xml")
        return self.send_blob(path, digest)


def asked_range(field, total):
    """Returns offset and size of a field Range with one range of bytes (RFC 9110, 14.2), (total, 0) if the blob has no such bytes, and
    None for other fields, which a server may ignore."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", field or "")
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        size = min(int(last), total)
        return (total - size, size)
    if last and int(last) < int(first):
        return None
    offset = min(int(first), total)
    return offset, max(0, min(int(last or total), total - 1) - offset + 1)


def other_ranges(offset, size, total):
    """Returns ranges that a broken server could send instead: later, shorter, earlier, and longer ones."""
    others = [(offset + (size + 1) // 2, size // 2), (offset, size // 2), (offset // 2, size), (offset, min(total - offset, size + 100))]
    return [other for other in others if other != (offset, size) and other[1]]
