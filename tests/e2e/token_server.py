#!/usr/bin/env python3
"""Give tokens for docker-registry (auth: token): JSON web tokens (RFC 7519) with signatures RS256 (RFC 7518, 3.3) by openssl.

usage: token_server.py --key FILE --certificate FILE --issuer NAME --ports FILE [OPTION...]

Writes url=URL into the file of --ports when it listens; tokens are at that URL. Serves until a signal ends it. The file of --log gets a line for each request: method, user or "-", status, and the scopes.
"""
import argparse
import base64
import json
import math
import re
import secrets
import subprocess
import time

import loopback_server
import token_accounts

# docker-registry accepts a token for so many seconds after its claim `exp`.
LEEWAY = 60


def encoded(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=")


class Signer:
    """Signs claims with an RSA key. The header of a token has the certificate, which docker-registry compares with its
    rootcertbundle."""

    def __init__(self, key, certificate):
        self.key = key
        text = open(certificate, encoding="ascii").read()
        found = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", text, re.DOTALL)
        self.header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(found[1].split())]}

    def token(self, claims):
        content = b".".join(encoded(json.dumps(part).encode()) for part in (self.header, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=content, stdout=subprocess.PIPE, timeout=20,
                                   check=True).stdout
        return (content + b"." + encoded(signature)).decode()


class Handler(loopback_server.LoopbackHandler):
    def do_GET(self):
        options = self.server.options
        scopes = []
        user = "-"
        try:
            request = self.server.accounts.request(self)
            scopes, user = request.scopes, request.user or "-"
            status, answer = 200, self.token_for(request)
        except token_accounts.Denied as error:
            status, answer = 401, {"errors": [{"code": "UNAUTHORIZED", "message": str(error)}]}
        with self.server.lock, open(options.log or "/dev/null", "a", encoding="utf-8") as log:
            log.write(" ".join([self.command, user, str(status), *scopes]) + "\n")
        challenge = [("WWW-Authenticate", f'Basic realm="{options.issuer}"')] if status == 401 else []
        self.answer(status, answer, challenge)

    do_POST = do_GET

    def token_for(self, request):
        options = self.server.options
        now = time.time()
        token = self.server.signer.token({
            "iss": options.issuer, "sub": request.user or "", "aud": request.service or "", "jti": secrets.token_hex(8),
            "iat": int(now), "nbf": int(now) - 1, "exp": math.ceil(now + options.lifetime) - LEEWAY,
            "access": self.server.accounts.granted(request.user, request.scopes),
        })
        answer = {"access_token" if request.is_oauth else "token": token}
        if not options.terse:
            answer["expires_in"] = options.lifetime
            answer["issued_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        if request.wants_identity and request.user:
            answer["refresh_token"] = self.server.accounts.new_identity(request.user)
        return answer


def main():
    parser = argparse.ArgumentParser(description="Give tokens for docker-registry.")
    parser.add_argument("--key", required=True, help="RSA key, PEM")
    parser.add_argument("--certificate", required=True, help="certificate of that key, PEM")
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--lifetime", type=int, default=300, metavar="SECONDS", help="lifetime of tokens (default: 300)")
    parser.add_argument("--terse", action="store_true", help="do not tell clients the lifetime")
    parser.add_argument("--ports", required=True, metavar="FILE")
    parser.add_argument("--log", metavar="FILE")
    token_accounts.add_arguments(parser)
    options = parser.parse_args()
    server = loopback_server.LoopbackServer(Handler)
    server.options = options
    server.accounts = token_accounts.from_arguments(options)
    server.signer = Signer(options.key, options.certificate)
    server.start()
    loopback_server.write_ports(options.ports, {"url": server.url + "/token"})
    loopback_server.wait_for_end()


if __name__ == "__main__":
    main()
