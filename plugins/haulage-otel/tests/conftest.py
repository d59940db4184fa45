"""A receiver of OTLP: a web server that reads what it is sent by the protocol's own messages."""

import gzip
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from program import Program

FAULTS = Path(__file__).parents[3] / "tests" / "faults" / "plugins"


@define
class Receiver:
    """What a collector was sent, and how it answers.

    Attributes:
        url: Its address.
        status: What it answers.
        asked: The path, the headers and the message of each request.
    """

    url: str = ""
    status: int = 200
    asked: list[tuple[str, dict[str, str], ExportTraceServiceRequest]] = field(factory=list)

    def spans(self) -> list[Any]:
        """All spans, in the order of their beginnings."""
        found = [
            span
            for _, _, message in self.asked
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return sorted(found, key=lambda span: span.start_time_unix_nano)

    def resource(self) -> dict[str, Any]:
        """What all spans are said to be of."""
        [said] = {message.resource_spans[0].resource.SerializeToString() for _, _, message in self.asked}
        assert said
        return self.about(self.asked[0][2].resource_spans[0].resource)

    def about(self, what: Any) -> dict[str, Any]:
        """The attributes of a span or a resource."""
        return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in what.attributes}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A collector that takes all that it is sent."""
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            told.asked.append((self.path, dict(self.headers), ExportTraceServiceRequest.FromString(body)))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(told.status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """A collector that takes connections and never answers: its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    """An address where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program, with a fetcher that does what a URL says."""

    def make(observer: str = "{type: otel}", **environ: str) -> Program:
        (tmp_path / "haulage.yaml").write_text(
            f"fetcher: {{type: told}}\nretry: {{attempts: 2, initial: 0.01}}\nobservers: {{traces: {observer}}}\n"
        )
        return Program(tmp_path, ("-p", "told"), FAULTS, environ)

    return make
