#!/usr/bin/env python3
"""Serve OCI image layouts as repositories of a registry that misbehaves on demand.

usage: hostile_registry.py --ports FILE [OPTION...] REPOSITORY=LAYOUT...

There are three servers on 127.0.0.1: the registry, the "cdn" to which it can redirect blobs, and the control. The file of --ports gets a
line for each when all listen: registry=HOST:PORT, cdn=HOST:PORT, control=URL. Without faults and settings, the registry is well-behaved.

The control has no faults. GET /stats prints counters (Stats in registry_faults.py), if possible at a moment without requests. POST /control takes a JSON object with any of
  rates, limits, settings  objects with the values of --rate, --limit and --set
  down                     {"seconds": N, "mode": "reset" | "closed" | "silent"}: no network for N seconds
  delete_tags              a list of REPOSITORY:TAG
  reset_stats              true
"""
import argparse
import base64
import hashlib
import hmac
import json
import re
import secrets
import sys
import time
import urllib.parse

import hostile_answers
import loopback_server
import registry_content
import registry_faults
import registry_uploads
import token_accounts

NAME = r"([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
PAGE = 1000


class State:
    """Everything that the three servers share."""

    def __init__(self, options):
        self.settings = registry_faults.Settings(options.seed)
        for assignment, change in ((options.rate, self.settings.set_rate), (options.limit, self.settings.set_limit), (options.set, self.settings.set)):
            for text in assignment:
                change(*text.split("=", 1))
        self.stats = registry_faults.Stats()
        self.repositories = {}
        for text in options.repositories:
            name, path = text.split("=", 1)
            self.repositories[name] = registry_content.Repository(path, options.writable)
        self.accounts = token_accounts.from_arguments(options)
        self.uploads = registry_uploads.Uploads(options.ports + ".uploads")
        self.secret = secrets.token_bytes(16)

    def signature(self, text):
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()

    def new_token(self, access):
        text = base64.urlsafe_b64encode(json.dumps({"until": time.time() + self.settings.tokens, "access": access}).encode()).decode()
        return f"{text}.{self.signature(text)}"

    def access_of(self, token):
        """Returns the access that a token grants, or None if it is forged or expired."""
        text, _, signature = token.partition(".")
        if not hmac.compare_digest(signature, self.signature(text)):
            return None
        content = json.loads(base64.urlsafe_b64decode(text))
        return content["access"] if time.time() < content["until"] else None


class RegistryHandler(registry_uploads.UploadRoutes, hostile_answers.HostileHandler):
    ROUTES = [
        (rf"/v2/{NAME}/blobs/uploads/([0-9a-f]*)", "uploads", "push"),
        (rf"/v2/{NAME}/blobs/([^/]+)", "blob", "pull"),
        (rf"/v2/{NAME}/manifests/([^/]+)", "manifest", None),
        (rf"/v2/{NAME}/tags/list", "tags", "pull"),
        (rf"/v2/{NAME}/referrers/([^/]+)", "referrers", "pull"),
    ]

    def respond(self):
        if self.route == "/token":
            return self.token()
        if self.route in ("/v2", "/v2/"):
            return self.is_allowed(None) and self.answer(200, {})
        if self.route == "/v2/_catalog":
            return self.is_allowed("registry:catalog:*") and self.page("repositories", {}, sorted(self.state.repositories))
        for pattern, method, action in self.ROUTES:
            found = re.fullmatch(pattern, self.route)
            if found:
                action = action or ("pull" if self.command in ("GET", "HEAD") else "push")
                if not self.is_allowed(f"repository:{found[1]}:{action}"):
                    return None
                if found[1] not in self.state.repositories:
                    return self.refuse(404, "NAME_UNKNOWN", "no such repository")
                return getattr(self, method)(*found.groups())
        return self.refuse(404, "UNSUPPORTED", "no such resource")

    def is_allowed(self, scope):
        """Returns true if the request has a token for the scope, or needs none. Otherwise answers with a challenge."""
        if not self.state.settings.tokens:
            return True
        method, _, token = self.headers.get("Authorization", "").partition(" ")
        access = self.state.access_of(token) if method.lower() == "bearer" else None
        error = ',error="invalid_token"' if token else ""
        if access is not None:
            kind, name, action = scope.split(":") if scope else (None, None, None)
            if not scope or any(one["type"] == kind and one["name"] == name and action in one["actions"] for one in access):
                return True
            error = ',error="insufficient_scope"'
        scope = f',scope="{scope.replace(":push", ":pull,push")}"' if scope else ""
        self.refuse(401, "UNAUTHORIZED", "authentication required",
                    [("WWW-Authenticate", f'Bearer realm="{self.server.url}/token",service="hostile"{scope}{error}')])
        return False

    def token(self):
        accounts = self.state.accounts
        accounts.anonymous = accounts.anonymous or not accounts.passwords
        try:
            request = accounts.request(self)
        except token_accounts.Denied as denied:
            return self.refuse(401, "UNAUTHORIZED", str(denied), [("WWW-Authenticate", 'Basic realm="hostile"')])
        is_open = not accounts.passwords
        answer = {"token": self.state.new_token(accounts.granted("anybody" if is_open else request.user, request.scopes))}
        if request.is_oauth:
            answer = {"access_token": answer["token"]}
        lifetime = self.state.settings.expires_in
        if lifetime:
            answer["expires_in"] = lifetime if lifetime > 0 else int(self.state.settings.tokens)
        return self.answer(200, answer)

    def blob(self, name, digest):
        path = self.state.repositories[name].blob(digest)
        if not path or (self.command == "HEAD" and self.draw.has("no_head")):
            return self.refuse(404, "BLOB_UNKNOWN", "no such blob")
        if self.state.settings.redirect:
            route = f"/blobs/{name}/{digest}"
            expires = str(time.time() + self.state.settings.links)
            query = urllib.parse.urlencode({"expires": expires, "signature": self.state.signature(f"{route} {expires}")})
            return self.answer(307, headers=[("Location", f"{self.server.cdn.url}{route}?{query}")])
        return self.send_blob(path, digest)

    def manifest(self, name, reference):
        repository = self.state.repositories[name]
        if self.command == "PUT":
            return self.put_manifest(name, repository, reference)
        if self.command == "DELETE":
            return self.delete_manifest(repository, reference)
        if self.command == "GET" and self.draw.has("endless_manifest"):
            return self.send_endlessly()
        found = repository.manifest(reference)
        if not found or (self.command == "HEAD" and self.draw.has("no_head")):
            return self.refuse(404, "MANIFEST_UNKNOWN", "no such manifest")
        digest, kind, content = found
        stated = registry_content.digest_of(b"another") if self.draw.has("wrong_digest") else digest
        return self.send_content(200, [("Docker-Content-Digest", stated)], kind, lambda at, size: content[at : at + size], 0, len(content), digest)

    def send_endlessly(self):
        self.send_response(200)
        self.send_header("Content-Type", registry_content.MANIFEST)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.write(b'1\r\n{\r\n')
        while True:
            self.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
            time.sleep(0.002)

    def put_manifest(self, name, repository, reference):
        if not repository.writable:
            return self.refuse(405, "UNSUPPORTED", "this repository is read-only")
        content = self.read_body()
        try:
            digest = repository.put_manifest(reference, self.headers.get("Content-Type"), content)
            subject = json.loads(content).get("subject", {}).get("digest")
        except ValueError as error:
            return self.refuse(400, "MANIFEST_INVALID", str(error))
        headers = [("Location", f"/v2/{name}/manifests/{digest}"), ("Docker-Content-Digest", digest)]
        if subject and self.state.settings.referrers:
            headers.append(("OCI-Subject", subject))
        return self.answer(201, headers=headers)

    def delete_manifest(self, repository, reference):
        if not repository.writable or reference not in repository.tags:
            return self.refuse(405, "UNSUPPORTED", "only tags of a writable repository can be deleted")
        repository.delete_tag(reference)
        return self.answer(202)

    def tags(self, name):
        return self.page("tags", {"name": name}, sorted(self.state.repositories[name].tags))

    def page(self, field, document, values):
        """Answers with a page of a list. The request has its length and the last value of the page before."""
        count = int(self.query.get("n", [PAGE])[0])
        last = self.query.get("last", [""])[0]
        left = [value for value in values if value > last]
        headers = []
        if self.draw.has("endless_tags"):
            headers = [("Link", f'<{self.path}>; rel="next"')]
        elif len(left) > count > 0:
            query = urllib.parse.urlencode({"n": count, "last": left[count - 1]})
            headers = [("Link", f'<{self.route}?{query}>; rel="next"')]
        return self.answer(200, {**document, field: left[:count]}, headers)

    def referrers(self, name, digest):
        if not self.state.settings.referrers:
            return self.refuse(404, "UNSUPPORTED", "no referrers API")
        wanted = self.query.get("artifactType", [None])[0]
        document = {"schemaVersion": 2, "mediaType": registry_content.INDEX, "manifests": self.state.repositories[name].referrers(digest, wanted)}
        headers = [("Content-Type", registry_content.INDEX)] + ([("OCI-Filters-Applied", "artifactType")] if wanted else [])
        return self.answer(200, document, headers)


class ControlHandler(loopback_server.LoopbackHandler):
    def do_GET(self):
        self.server.state.stats.wait_for_counters(2)
        document = self.server.state.stats.document()
        document["connections"] = {server.role: server.accepted for server in self.server.servers}
        self.answer(200, document)

    def do_POST(self):
        try:
            self.change(json.loads(self.read_body()))
            self.answer(200, {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.answer(400, {"error": repr(error)})

    def change(self, document):
        state = self.server.state
        for field, value in document.items():
            if field in ("rates", "limits", "settings"):
                change = {"rates": state.settings.set_rate, "limits": state.settings.set_limit, "settings": state.settings.set}[field]
                for name, one in value.items():
                    change(name, one)
            elif field == "down":
                for server in self.server.servers:
                    server.take_down(value["seconds"], value.get("mode", "reset"))
            elif field == "delete_tags":
                for name, tag in (text.rsplit(":", 1) for text in value):
                    state.repositories[name].delete_tag(tag)
            elif field == "reset_stats":
                state.stats.reset()
                for server in self.server.servers:
                    server.accepted = 0
            else:
                raise ValueError(f"unknown field {field!r}")


def fields(table):
    return "\n".join(f"  {name:17} {text}" for name, text in table)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Serve OCI image layouts as repositories of a registry that misbehaves on demand.",
        epilog="faults:\n" + fields([*registry_faults.FAULTS.items(), ("transient", "those that end when the client repeats its request")])
        + "\n\nsettings:\n" + fields((name, f"{text} (default: {value})") for name, (value, text) in registry_faults.SETTINGS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+", metavar="REPOSITORY=LAYOUT")
    parser.add_argument("--ports", required=True, metavar="FILE", help="write the addresses into this file; uploads are in FILE.uploads")
    parser.add_argument("--seed", type=int, default=1, help="choose other requests for faults")
    parser.add_argument("--rate", action="append", default=[], metavar="FAULT=PERCENT", help="per cent of requests with a fault")
    parser.add_argument("--limit", action="append", default=[], metavar="FAULT=COUNT", help="at most this number of times")
    parser.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help="HTTPS")
    parser.add_argument("--client-authority", metavar="FILE", help="demand certificates of clients, signed by this one")
    parser.add_argument("--writable", action="store_true", help="accept pushes, and write them to the layouts")
    token_accounts.add_arguments(parser)
    return parser.parse_args()


def main():
    options = parse_arguments()
    try:
        state = State(options)
    except (ValueError, KeyError, OSError) as error:
        sys.exit(f"hostile_registry.py: {error}")
    tls = loopback_server.tls_context(*options.tls, options.client_authority) if options.tls else None
    registry, cdn, control = (loopback_server.LoopbackServer(handler, context)
                              for handler, context in ((RegistryHandler, tls), (hostile_answers.CdnHandler, tls), (ControlHandler, None)))
    registry.role, cdn.role = "registry", "cdn"
    registry.cdn = cdn
    control.servers = [registry, cdn]
    for server in (registry, cdn, control):
        server.state = state
        server.start()
    loopback_server.write_ports(options.ports, {"registry": registry.host, "cdn": cdn.host, "control": control.url})
    loopback_server.wait_for_end()


if __name__ == "__main__":
    main()
