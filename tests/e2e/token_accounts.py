"""Users of a token server, and the requests for tokens of both protocols of Docker: GET with basic credentials, and POST as in OAuth2
(grant_type=password, and grant_type=refresh_token for identity tokens).
"""
import base64
import binascii
import collections
import secrets
import urllib.parse

# The user is None for a request without credentials. The scopes are texts as repository:NAME:pull,push.
TokenRequest = collections.namedtuple("TokenRequest", "user scopes service wants_identity is_oauth")


class Denied(Exception):
    pass


class Accounts:
    def __init__(self, users=(), readers=(), identities=(), anonymous=False):
        """users and readers are texts NAME:PASSWORD, identities NAME:TOKEN. Readers may only pull. If anonymous is true, everybody
        may pull."""
        self.passwords = dict(text.split(":", 1) for text in [*users, *readers])
        self.readers = {text.split(":", 1)[0] for text in readers}
        self.identities = {token: name for name, token in (text.split(":", 1) for text in identities)}
        self.anonymous = anonymous

    def check(self, name, password):
        if name is None or self.passwords.get(name) != password:
            raise Denied("wrong user name or password")
        return name

    def new_identity(self, user):
        token = secrets.token_urlsafe(12)
        self.identities[token] = user
        return token

    def request(self, handler):
        """Reads a request for a token. Denied if its credentials are wrong or missing."""
        fields = urllib.parse.parse_qs(urllib.parse.urlsplit(handler.path).query)
        is_oauth = handler.command == "POST"
        if is_oauth:
            fields = urllib.parse.parse_qs(handler.read_body().decode())

        def first(name):
            return fields.get(name, [None])[0]

        if first("grant_type") == "refresh_token":
            user = self.identities.get(first("refresh_token"))
            if user is None:
                raise Denied("unknown identity token")
        elif is_oauth:
            user = self.check(first("username"), first("password"))
        elif "Authorization" in handler.headers:
            user = self.check(*basic_credentials(handler.headers["Authorization"]))
        elif self.anonymous:
            user = None
        else:
            raise Denied("credentials are required")
        scopes = [scope for text in fields.get("scope", []) for scope in text.split()]
        wants_identity = first("offline_token") == "true" or first("access_type") == "offline"
        return TokenRequest(user, scopes, first("service"), wants_identity, is_oauth)

    def granted(self, user, scopes):
        """Returns the access as in the claims of a token: a list of objects with type, name and actions."""
        access = []
        for scope in scopes:
            kind, rest = scope.split(":", 1)
            name, actions = rest.rsplit(":", 1)
            actions = actions.split(",")
            if user is None or user in self.readers:
                actions = [action for action in actions if action == "pull"]
            access.append({"type": kind, "name": name, "actions": actions})
        return access


def basic_credentials(header):
    """Returns name and password of a field Authorization. Denied if it has none."""
    method, _, encoded = header.partition(" ")
    try:
        name, separator, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        separator = ""
    if method.lower() != "basic" or not separator:
        raise Denied("no basic credentials")
    return name, password


def add_arguments(parser):
    parser.add_argument("--user", action="append", default=[], metavar="NAME:PASSWORD", help="a user that may do everything")
    parser.add_argument("--reader", action="append", default=[], metavar="NAME:PASSWORD", help="a user that may only pull")
    parser.add_argument("--identity", action="append", default=[], metavar="NAME:TOKEN", help="an identity token of a user")
    parser.add_argument("--anonymous", action="store_true", help="let everybody pull")


def from_arguments(arguments):
    return Accounts(arguments.user, arguments.reader, arguments.identity, arguments.anonymous)
