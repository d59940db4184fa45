"""What a fault proxy does to a request: one class each, named for what befalls the request or its answer.

Offsets count bytes of the body as it was sent, without the framing of a chunked one, from zero. A body that is shorter
passes unharmed.
"""

from collections.abc import Mapping

from attrs import field, frozen


@frozen
class Fault:
    """The base of all faults."""


@frozen
class Pass(Fault):
    """Nothing: the request reaches the server and the answer the client."""


@frozen
class Drop(Fault):
    """The connection is closed; the server hears nothing of the request."""


@frozen
class DropAnswer(Fault):
    """The server does as it was asked, and the connection is closed in place of its answer."""


@frozen
class Delay(Fault):
    """The request waits before it is handed on; then all goes its way.

    Attributes:
        seconds: How long.
    """

    seconds: float


@frozen
class Silence(Fault):
    """The connection stays open, and no more is read from it nor sent to it; the server hears nothing."""


@frozen
class Trickle(Fault):
    """The body of the request and the whole of the answer pass a byte at a time; else all goes its way.

    Attributes:
        pause: Seconds after each byte.
    """

    pause: float = 1.0


@frozen
class CutRequest(Fault):
    """The server gets the beginning of the request's body, and then both connections are closed.

    Attributes:
        at: How many bytes of it.
        silent: Stay open and silent there, in place of closing.
    """

    at: int
    silent: bool = False


@frozen
class CutAnswer(Fault):
    """The client gets the head of the answer and the beginning of its body, and then both connections are closed.

    Attributes:
        at: How many bytes of it.
        silent: Stay open and silent there, in place of closing.
    """

    at: int
    silent: bool = False


@frozen
class FlipRequest(Fault):
    """The lowest bit of one byte of the request's body is the other one when it reaches the server.

    Attributes:
        at: Which byte.
    """

    at: int


@frozen
class FlipAnswer(Fault):
    """The lowest bit of one byte of the answer's body is the other one when it reaches the client.

    Attributes:
        at: Which byte.
    """

    at: int


@frozen
class Reset(Fault):
    """The client's connection is reset (RST), as when a machine goes away; the server hears nothing."""


@frozen
class Answer(Fault):
    """The client gets this answer; the server hears nothing.

    Attributes:
        status: Its status code.
        headers: More headers than the length of the body.
        body: What follows them.
    """

    status: int
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
