"""moto: S3 that is quick, and lenient."""

import importlib.util
import sys
from collections.abc import Sequence
from typing import ClassVar

from haulage.testing.servers.program import ServerProgram, ask, missing
from haulage.testing.servers.s3 import create_bucket


class Moto(ServerProgram):
    """A moto server for S3, in a process of its own.

    It keeps its objects in memory, so they are lost with `stop`. It lets pass what S3 refuses: wrong digests, wrong
    credentials, keys that are too long, and a multipart upload that may only create.

    Attributes:
        endpoint_url: Where it serves.
        access_key: Names its identity; any other would do as well.
        secret_key: Goes with `access_key`.
    """

    name: ClassVar[str] = "moto"
    access_key: ClassVar[str] = "moto"
    secret_key: ClassVar[str] = "moto-secret"

    @property
    def endpoint_url(self) -> str:  # noqa: D102 - among the attributes
        return f"http://127.0.0.1:{self.ports[0]}"

    def bucket(self, name: str) -> str:
        """Create a bucket with boto3, and return its name."""
        return create_bucket(name, self.endpoint_url, self.access_key, self.secret_key)

    def reset(self) -> None:
        """Forget all that was stored."""
        ask(f"{self.endpoint_url}/moto-api/reset", b"")

    def command(self) -> Sequence[str]:
        """Say what to run."""
        if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
            raise missing(self.name, "moto[server]")
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.ports[0])]

    def ask(self) -> None:
        """Return if it serves."""
        ask(f"{self.endpoint_url}/moto-api/")
