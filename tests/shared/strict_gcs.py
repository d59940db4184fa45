"""A server that holds to what Google documents where fake-gcs-server does not."""

import base64
import contextlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from attrs import define, field

QUANTUM = 1 << 18
_TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = _byte >> 1 ^ (0x82F63B78 if _byte & 1 else 0)
    _TABLE.append(_byte)


def crc32c(data: bytes) -> str:
    """The CRC32C as Google writes it, computed by hand."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return base64.b64encode((value ^ 0xFFFFFFFF).to_bytes(4, "big")).decode()


@define
class Asked:
    """One request, as a strict server got it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@define
class Strict:
    """A server that holds to what Google documents where fake-gcs-server does not, and does as a test sets it.

    It knows one bucket, honours preconditions and checksums, and refuses chunks that are not where they should be.
    """

    token: str = ""
    """Who does not carry it is refused, unless it is empty."""
    keeps: int | None = None
    """How many bytes it keeps of a chunk that is not the last; None is all."""
    page: int = 1000
    granted: tuple[str, ...] | None = None
    payer: str = ""
    refuse: tuple[str, int, str, str] | None = None
    """Which requests of the storage API to refuse, by an expression for method and path; status, reason, message."""
    token_answer: tuple[int, dict[str, Any]] = (200, {"access_token": "t1", "expires_in": 3600, "token_type": "Bearer"})
    rewrites: int = 1
    """How many requests a rewrite takes."""
    asked: list[Asked] = field(factory=list)
    objects: dict[str, dict[str, Any]] = field(factory=dict)
    sessions: dict[str, dict[str, Any]] = field(factory=dict)
    url: str = ""
    _made: int = 0

    def paths(self, method: str) -> list[str]:
        """The paths that were asked for by a method."""
        return [each.path for each in self.asked if each.method == method]

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """What to answer."""
        if asked.path.startswith("/computeMetadata/") or asked.headers.get("metadata-flavor"):
            return self.metadata(asked)
        if asked.path == "/token":
            return self.token_answer[0], {}, json.dumps(self.token_answer[1]).encode()
        if self.refuse and re.search(self.refuse[0], f"{asked.method} {asked.path}"):
            return self.error(*self.refuse[1:])
        if "upload_id" in asked.query:
            return self.session(asked)
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return self.error(401, "authError", "Invalid Credentials")
        if self.payer and asked.query.get("userProject") != self.payer:
            return self.error(400, "required", "Bucket is a requester pays bucket but no user project provided.")
        found = re.fullmatch(r"(?:/upload)?/storage/v1/b/([^/]+)/(.*)", asked.path)
        if not found or found[1] != "videos":
            return self.error(404, "notFound", "The specified bucket does not exist.")
        return self.bucket(asked, *found[2].partition("/")[::2])

    def metadata(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """What the metadata server of a machine of Google's says."""
        told: Any = {"email": "vm@project", "scopes": ["all"], "aliases": ["default"]}
        if asked.path.endswith("/token"):
            told = self.token_answer[1]
        return 200, {"Metadata-Flavor": "Google", "Content-Type": "application/json"}, json.dumps(told).encode()

    def bucket(self, asked: Asked, what: str, rest: str) -> tuple[int, dict[str, str], bytes]:
        if what == "iam":
            wanted = parse_qs("&".join(f"permissions={each}" for each in asked.query["permissions"].split(",")))
            return self.good({"permissions": [each for each in wanted["permissions"] if each in (self.granted or ())]})
        if asked.query.get("uploadType") == "resumable":
            name = f"s{len(self.sessions)}"
            self.sessions[name] = {"asked": asked, "data": b""}
            return 200, {"Location": f"http://elsewhere.invalid{asked.path}?upload_id={name}"}, b"{}"
        if not rest:
            return self.listed(asked)
        source, _, target = rest.partition("/rewriteTo/b/videos/o/")
        there = self.objects.get(unquote(source))
        if there is None or asked.query.get("generation", there["generation"]) != there["generation"]:
            return self.error(404, "notFound", f"No such object: videos/{unquote(source)}")
        if target:
            return self.rewritten(asked, there, unquote(target))
        if asked.method == "DELETE":
            if asked.query.get("ifGenerationMatch", there["generation"]) != there["generation"]:
                return self.error(412, "conditionNotMet", "A pre-condition you specified did not hold.")
            del self.objects[unquote(source)]
            return 204, {}, b""
        return (200, {}, there["data"]) if asked.query.get("alt") == "media" else self.good(there)

    def listed(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        names = sorted(each for each in self.objects if each.startswith(asked.query["prefix"]))
        start = int(asked.query.get("pageToken", 0))
        more = {"nextPageToken": str(start + self.page)} if len(names) > start + self.page else {}
        items = {"items": [self.objects[each] for each in names[start : start + self.page]]} if names else {}
        kind = {"kind": "storage#objects"} if "kind" in asked.query["fields"] else {}
        return self.good({**kind, **items, **more})

    def rewritten(self, asked: Asked, there: dict[str, Any], target: str) -> tuple[int, dict[str, str], bytes]:
        step = int(asked.query.get("rewriteToken", 0)) + 1
        if step < self.rewrites:
            return self.good({"done": False, "rewriteToken": str(step)})
        return self.put(target, there["data"], asked, wrap=True)

    def session(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        session = self.sessions.get(asked.query["upload_id"])
        if session is None:
            return self.error(410, "gone", "")
        if asked.method == "DELETE":
            del self.sessions[asked.query["upload_id"]]
            return self.error(499, "", "")
        span = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", asked.headers["content-range"])
        assert span, asked.headers["content-range"]
        start = int(span[1]) if span[1] else 0
        assert start == len(session["data"]), "a chunk begins where the one before ended"
        assert len(asked.body) == (int(span[2]) - start + 1 if span[1] else 0)
        if span[3] == "*":
            assert len(asked.body) % QUANTUM == 0, "chunks are multiples of 256 KiB"
            session["data"] += asked.body[: self.keeps]
            held = len(session["data"])
            return 308, {"Range": f"bytes=0-{held - 1}"} if held else {}, b""
        session["data"] += asked.body
        del self.sessions[asked.query["upload_id"]]
        if asked.headers.get("x-goog-hash") != f"crc32c={crc32c(session['data'])}":
            return self.error(400, "invalid", "Provided CRC32C does not match calculated CRC32C.")
        return self.put(session["asked"].query["name"], session["data"], session["asked"])

    def put(self, name: str, data: bytes, asked: Asked, *, wrap: bool = False) -> tuple[int, dict[str, str], bytes]:
        there = self.objects.get(name)
        if asked.query["ifGenerationMatch"] != (there["generation"] if there else "0"):
            return self.error(412, "conditionNotMet", "A pre-condition you specified did not hold.")
        self._made += 1
        told = {"name": name, "size": str(len(data)), "generation": str(self._made), "crc32c": crc32c(data)}
        self.objects[name] = {**asked.json, **told, "data": data, "updated": "2026-01-02T03:04:05.678Z"}
        return self.good({"done": True, "resource": self.shown(name)} if wrap else self.objects[name])

    def shown(self, name: str) -> dict[str, Any]:
        return {key: value for key, value in self.objects[name].items() if key != "data"}

    def good(self, told: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, json.dumps(told, default=lambda _: None).encode()

    def error(self, status: int, reason: str, message: str) -> tuple[int, dict[str, str], bytes]:
        told = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
        return status, {}, json.dumps(told).encode()


@contextlib.contextmanager
def strict_server() -> Iterator[Strict]:
    """A strict server with the bucket "videos", for as long as a block lasts."""
    state = Strict()

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.close_connection = True
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                return
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = {name: ",".join(values) for name, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            asked = Asked(self.command, parts.path, query, headers, body)
            state.asked.append(asked)
            status, answered, content = state.answer(asked)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **answered}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
