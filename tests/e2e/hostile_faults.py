"""Check each fault of hostile_registry.py, as a client: hostile_faults.py REGISTRY CONTROL LAYOUT. The layout is the repository some/app.

Prints a line for each check. The exit code is the number of failed ones.
"""
import email.utils
import hashlib
import http.client
import json
import pathlib
import sys
import time
import urllib.parse

REGISTRY, CONTROL, LAYOUT = sys.argv[1:]
MANIFESTS = "/v2/some/app/manifests/latest"
failed = 0


class Answer:
    """An answer, with its complete or truncated body. `error` is the name of the exception that ended it, or None."""

    def __init__(self, url, method="GET", headers=None, limit=None):
        url = urllib.parse.urlsplit(url)
        self.status, self.body, self.error, self.headers = None, bytearray(), None, {}
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=15)
        started = time.monotonic()
        try:
            connection.request(method, f"{url.path}?{url.query}", headers=headers or {})
            response = connection.getresponse()
            self.status, self.headers = response.status, response.headers
            while piece := response.read(65536):
                self.body += piece
                if limit and len(self.body) >= limit:
                    break
        except http.client.IncompleteRead as error:
            self.body += error.partial
            self.error = "IncompleteRead"
        except (OSError, http.client.HTTPException) as error:
            self.error = type(error).__name__
        self.seconds = time.monotonic() - started
        # http.client is silent about bodies that end before their Content-Length, if it reads them in parts.
        if not limit and method == "GET" and not self.error and "Content-Length" in self.headers:
            if len(self.body) < int(self.headers["Content-Length"]):
                self.error = "IncompleteRead"
        connection.close()


def get(path, first=None, last="", **options):
    headers = {} if first is None else {"Range": f"bytes={first}-{last}"}
    return Answer(REGISTRY + path, headers={**headers, **options.pop("headers", {})}, **options)


def control(**fields):
    request = urllib.parse.urlsplit(CONTROL)
    connection = http.client.HTTPConnection(request.hostname, request.port, timeout=15)
    connection.request("POST", "/control", json.dumps(fields))
    answer = connection.getresponse()
    if answer.status != 200:
        sys.exit(f"control: {answer.read()}")
    connection.close()


def stats():
    return json.loads(Answer(CONTROL + "/stats").body)


def expect(sentence, *holds):
    """Each of the facts must be true."""
    global failed
    if all(holds):
        print(f"ok: {sentence}")
    else:
        failed += 1
        print(f"NOT OK: {sentence}: {holds}")


class Fault:
    """Within the block, the faults happen to all requests."""

    def __init__(self, *names, **settings):
        self.names, self.settings = names, settings

    def __enter__(self):
        control(rates=dict.fromkeys(self.names, 100), settings=self.settings)

    def __exit__(self, *_):
        control(rates=dict.fromkeys(self.names, 0))


manifest = get(MANIFESTS).body
layer = max(json.loads(manifest)["layers"], key=lambda one: one["size"])
BLOB = "/v2/some/app/blobs/" + layer["digest"]
content = pathlib.Path(LAYOUT, "blobs", layer["digest"].replace(":", "/")).read_bytes()
size = len(content)


def well_behaved():
    whole = get(BLOB)
    expect("a blob arrives", whole.status == 200, whole.body == content, whole.headers["Docker-Content-Digest"] == layer["digest"])
    for first, last, expected in ((0, 0, content[:1]), (1000, 70999, content[1000:71000]), (size - 5, size + 5, content[-5:]),
                                  (size - 9, "", content[-9:]), ("", 7, content[-7:])):
        part = get(BLOB, first, last)
        offset = size - 7 if first == "" else first
        expect(f"the range {first}-{last} arrives", part.status == 206, part.body == expected,
               part.headers["Content-Range"] == f"bytes {offset}-{offset + len(expected) - 1}/{size}")
    outside = get(BLOB, size, size + 9)
    expect("a range behind the end is refused", outside.status == 416, outside.headers["Content-Range"] == f"bytes */{size}")
    head = get(BLOB, method="HEAD")
    expect("HEAD has the size", head.status == 200, head.headers["Content-Length"] == str(size), head.body == b"")
    expect("the manifest has its media type", get(MANIFESTS).headers["Content-Type"].startswith("application/vnd."))
    expect("the list has the tag", json.loads(get("/v2/some/app/tags/list").body) == {"name": "some/app", "tags": ["latest"]})
    expect("the catalog has the repository", json.loads(get("/v2/_catalog").body) == {"repositories": ["some/app"]})
    expect("no manifest has referrers", json.loads(get("/v2/some/app/referrers/" + layer["digest"]).body)["manifests"] == [])
    for path, code in (("/v2/other/tags/list", "NAME_UNKNOWN"), ("/v2/some/app/manifests/none", "MANIFEST_UNKNOWN"),
                       ("/v2/some/app/blobs/sha256:" + "0" * 64, "BLOB_UNKNOWN")):
        missing = get(path)
        expect(f"{path} is not found", missing.status == 404, json.loads(missing.body)["errors"][0]["code"] == code)


def errors_at_once():
    with Fault("busy", retry_after=7):
        answer = get(MANIFESTS)
        expect("busy: 429 with seconds", answer.status == 429, answer.headers["Retry-After"] == "7")
        control(settings={"retry_date": True})
        at = email.utils.parsedate_to_datetime(get(MANIFESTS).headers["Retry-After"]).timestamp()
        expect("busy: 429 with a date", 1 <= at - time.time() <= 8)
    with Fault("unavailable"):
        seen = {get(BLOB, i, i).status for i in range(30)}
        expect("unavailable: 500, 502 and 503", seen == {500, 502, 503})
    with Fault("drop"):
        expect("drop: no answer", get(MANIFESTS).error in ("RemoteDisconnected", "ConnectionResetError"))
    with Fault("not_a_registry"):
        answer = get("/v2/")
        expect("not_a_registry: a page", answer.status == 200, answer.headers["Content-Type"] == "text/html", b"<title>" in answer.body)
    with Fault("no_head"):
        expect("no_head: 404 for HEAD only", get(MANIFESTS, method="HEAD").status == 404, get(MANIFESTS).status == 200)


def bodies():
    with Fault("reset"):
        answer = get(BLOB)
        expect("reset: the connection is reset in the body", answer.status == 200, answer.error in ("ConnectionResetError", "IncompleteRead"),
               0 < len(answer.body) < size, content.startswith(answer.body))
    with Fault("truncate"):
        answer = get(BLOB)
        expect("truncate: the body ends early", answer.error == "IncompleteRead", len(answer.body) < size, content.startswith(answer.body))
        with Fault("chunked"):
            expect("truncate: a chunked body ends early", get(BLOB).error == "IncompleteRead")
    with Fault("chunked"):
        answer = get(BLOB)
        expect("chunked: no Content-Length", answer.headers["Content-Length"] is None, answer.body == content)
        expect("chunked: ranges too", get(BLOB, 10, 99_999).body == content[10:100_000])
    with Fault("flip"):
        for _ in range(3):
            answer = get(BLOB, 100, 299)
            wrong = [bin(a ^ b).count("1") for a, b in zip(answer.body, content[100:300]) if a != b]
            expect("flip: one bit is wrong", wrong == [1], len(answer.body) == 200)
        expect("flip: not in documents without a digest", get("/v2/some/app/tags/list").body == b'{"name": "some/app", "tags": ["latest"]}')
    with Fault("drip", drip_seconds=0.5):
        answer = get(BLOB, 0, 99_999)
        expect("drip: late and complete", 0.5 <= answer.seconds < 15, answer.body == content[:100_000])
    with Fault("wrong_range"):
        for _ in range(4):
            answer = get(BLOB, 1000, 1999)
            stated = answer.headers["Content-Range"]
            first, last = map(int, stated.split(" ")[1].split("/")[0].split("-"))
            expect("wrong_range: 206 with another range", answer.status == 206, stated != f"bytes 1000-1999/{size}",
                   answer.body == content[first : last + 1])
    with Fault("whole"):
        answer = get(BLOB, 1000, 1999)
        expect("whole: 200 with everything", answer.status == 200, answer.body == content)
    with Fault("wrong_type"):
        expect("wrong_type: text/plain", get(MANIFESTS).headers["Content-Type"] == "text/plain")
    with Fault("wrong_digest"):
        answer = get(MANIFESTS)
        expect("wrong_digest: another digest", answer.headers["Docker-Content-Digest"] != "sha256:" + hashlib.sha256(answer.body).hexdigest(),
               answer.body == manifest)
    with Fault("endless_manifest"):
        expect("endless_manifest: more than 8 MiB", len(get(MANIFESTS, limit=8 << 20).body) >= 8 << 20)
    with Fault("endless_tags"):
        answer = get("/v2/some/app/tags/list?n=5")
        expect("endless_tags: a link to itself", answer.headers["Link"] == '</v2/some/app/tags/list?n=5>; rel="next"')


def tokens():
    control(settings={"tokens": 3.2})
    refused = get(MANIFESTS)
    expect("tokens: a challenge", refused.status == 401, refused.headers["WWW-Authenticate"]
           == f'Bearer realm="{REGISTRY}/token",service="hostile",scope="repository:some/app:pull"')
    answer = json.loads(get("/token?service=hostile&scope=repository:some/app:pull&scope=repository:other:pull").body)
    bearer = {"Authorization": "Bearer " + answer["token"]}
    expect("tokens: the lifetime is stated", answer["expires_in"] == 3)
    expect("tokens: accepted", get(MANIFESTS, headers=bearer).status == 200)
    expect("tokens: forged ones are refused", get(MANIFESTS, headers={"Authorization": bearer["Authorization"] + "0"}).status == 401)
    time.sleep(3.3)
    expired = get(MANIFESTS, headers=bearer)
    expect("tokens: expired ones are refused", expired.status == 401, "invalid_token" in expired.headers["WWW-Authenticate"])
    control(settings={"tokens": 0})


def redirects():
    control(settings={"redirect": True, "links": 3, "smallest_range": 1000})
    link = get(BLOB).headers["Location"]
    expect("redirect: to another host", urllib.parse.urlsplit(link).port != urllib.parse.urlsplit(REGISTRY).port)

    def status(headers=None, method="GET", url=link):
        return Answer(url, method, headers).status

    expect("redirect: the blob arrives", Answer(link).body == content)
    expect("redirect: ranges arrive", Answer(link, headers={"Range": "bytes=5-1004"}).body == content[5:1005])
    expect("redirect: small ranges are refused", status({"Range": "bytes=5-1003"}) == 416)
    expect("redirect: credentials are refused", status({"Authorization": "Bearer token"}) == 400)
    expect("redirect: HEAD is refused", status(method="HEAD") == 405)
    expect("redirect: forged links are refused", status(url=link.replace("expires=", "expires=9")) == 403)
    time.sleep(3.1)
    expect("redirect: expired links are refused", status() == 403)
    control(settings={"expired_status": 400})
    expect("redirect: expired links are refused with 400", status() == 400)
    control(settings={"redirect": False})


def networks():
    kept = http.client.HTTPConnection(urllib.parse.urlsplit(REGISTRY).netloc, timeout=15)
    kept.request("GET", "/v2/")
    kept.getresponse().read()
    for mode, error in (("reset", "ConnectionResetError"), ("closed", "ConnectionRefusedError")):
        began = time.monotonic()
        control(down={"seconds": 2, "mode": mode})
        # The listening socket closes a moment later.
        while (seen := get("/v2/").error) != error and time.monotonic() < began + 1.5:
            time.sleep(0.05)
        expect(f"down: {mode}", seen == error)
        while get("/v2/").status != 200 and time.monotonic() < began + 30:
            time.sleep(0.05)
        expect(f"down: back after {mode}", time.monotonic() >= began + 2, get("/v2/").status == 200)
    try:
        kept.request("GET", "/v2/")
        kept.getresponse()
        broken = False
    except (ConnectionError, http.client.RemoteDisconnected):
        broken = True
    expect("down: open connections break", broken)
    control(down={"seconds": 2, "mode": "silent"})
    expect("down: silent", 0.3 < get("/v2/").seconds < 15)


def push(method, path, body=None, **headers):
    """Returns the status of a request, and its next location and range."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(REGISTRY).netloc, timeout=15)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers["Location"], answer.headers["Range"]
    except OSError:
        return None, path, None
    finally:
        connection.close()


def pushes():
    blob = bytes(range(256)) * 400
    digest = "sha256:" + hashlib.sha256(blob).hexdigest()
    _, first, _ = push("POST", "/v2/some/app/blobs/uploads/")
    status, location, reached = push("PATCH", first, blob[:1000], Content_Range="0-999")
    expect("uploads: a chunk", status == 202, reached == "0-999")
    expect("uploads: an old location is refused", push("PATCH", first, blob[1000:], Content_Range="1000-102399")[0] == 400)
    expect("uploads: a gap is refused", push("PATCH", location, blob[2000:], Content_Range="2000-102399")[0] == 416)
    with Fault("reset"):
        expect("uploads: a reset", push("PATCH", location, blob[1000:], Content_Range="1000-102399")[0] is None)
    status, location, reached = push("GET", location)
    done = int(reached.split("-")[1]) + 1
    expect("uploads: the state after a reset", status == 204, 1000 <= done < len(blob))
    expect("uploads: resumed", push("PUT", f"{location}&digest={digest}", blob[done:], Content_Range=f"{done}-102399")[0] == 201)
    expect("uploads: the blob is there", get("/v2/some/app/blobs/" + digest).body == blob)
    expect("uploads: another content is refused", push("POST", f"/v2/some/app/blobs/uploads/?digest={digest}", b"other")[0] == 400)
    expect("uploads: a mount", push("POST", f"/v2/some/app/blobs/uploads/?mount={digest}&from=some/app")[0] == 201)
    subject = {"schemaVersion": 2, "subject": {"digest": "sha256:" + hashlib.sha256(manifest).hexdigest()}, "artifactType": "test/type"}
    status, location, _ = push("PUT", "/v2/some/app/manifests/signature", json.dumps(subject), Content_Type="application/vnd.oci.image.manifest.v1+json")
    expect("uploads: a manifest", status == 201, get(location).status == 200)
    for query, count in (("", 1), ("?artifactType=test/type", 1), ("?artifactType=test/other", 0)):
        found = json.loads(get("/v2/some/app/referrers/" + subject["subject"]["digest"] + query).body)["manifests"]
        expect(f"uploads: {count} referrers{query}", len(found) == count)
    page = get("/v2/some/app/tags/list?n=1")
    rest = get(page.headers["Link"].split(">")[0][1:])
    expect("uploads: tags in two pages", json.loads(page.body)["tags"] == ["latest"], json.loads(rest.body)["tags"] == ["signature"],
           rest.headers["Link"] is None)


def choices():
    control(rates={"busy": 100}, limits={"busy": 2})
    expect("limits: twice and no more", [get(MANIFESTS).status for _ in range(4)] == [429, 429, 200, 200])
    with Fault("unavailable", only=layer["digest"]):
        expect("only: other paths have no faults", get(MANIFESTS).status == 200, get(BLOB, 0, 9).status >= 500)
    control(rates={"busy": 0}, settings={"only": ""})
    with Fault():
        control(rates={"unavailable": 30})
        share = sum(get(BLOB, i, i).status != 206 for i in range(200, 500)) / 300
        expect("rates: about as many as stated", 0.2 < share < 0.4)
        control(rates={"unavailable": 0})


def transient():
    control(rates={"transient": 50}, settings={"drip_seconds": 0.05})
    done = 0
    for number in range(60):
        first = number * 9973 % (size - 5000)
        for _ in range(30):
            answer = get(BLOB, first, first + 3999)
            if answer.status in (200, 206) and content[first : first + 4000] in (answer.body, answer.body[first : first + 4000]):
                done += 1
                break
    faults = stats()["faults"]
    expect("transient: every range arrives in the end", done == 60)
    expect("transient: nearly all kinds of faults happen", len(faults) >= 8)
    control(rates={"transient": 0})


def counters():
    control(reset_stats=True)
    get(BLOB, 0, 999)
    get(BLOB, 5000, 5999)
    seen = stats()
    expect("stats: requests, bytes and ranges", seen["requests"] == {"registry " + BLOB: 2}, seen["bytes"] == {"registry " + BLOB: 2000},
           seen["ranges"] == {layer["digest"]: [[0, 1000], [5000, 1000]]}, seen["statuses"] == {"registry 206": 2},
           seen["total"] == {"requests": 2, "bytes": 2000, "blob_bytes": 2000}, seen["connections"] == {"registry": 2, "cdn": 0})
    control(delete_tags=["some/app:latest"])
    expect("delete_tags: the tag is gone", get(MANIFESTS).status == 404)


for part in (well_behaved, errors_at_once, bodies, tokens, redirects, networks, pushes, choices, transient, counters):
    part()
sys.exit(min(failed, 100))
