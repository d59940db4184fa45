"""What the tests of the storage share: the servers that are asked, witnesses, and ways to store."""

import base64
import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from attrs import define
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from strict_gcs import Strict, strict_server

from haulage.plugin import BuildContext, ObjectInfo, Size, Storage, StoredObject
from haulage.testing import Call, FaultProxy
from haulage.testing.servers import FakeGcs
from haulage.testing.servers.fixtures import fake_gcs  # noqa: F401 - a fixture
from haulage_gcs.options import GcsOptions
from haulage_gcs.plugin import haulage_storages


@pytest.fixture
def strict() -> Iterator[Strict]:
    """A strict server with the bucket "videos"."""
    with strict_server() as server:
        yield server


class Witness:
    """Asks a server by plain HTTP, without a library of Google's or of ours."""

    def __init__(self, endpoint_url: str, bucket: str) -> None:
        self._objects = f"{endpoint_url}/storage/v1/b/{bucket}/o"

    def get(self, query: str) -> bytes | None:
        try:
            with urllib.request.urlopen(self._objects + query, timeout=10) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 404:
                    raise
            return None

    def content(self, name: str) -> bytes | None:
        """The bytes of an object."""
        return self.get(f"/{quote(name, safe='')}?alt=media")

    def told(self, name: str) -> Any:
        """What the server tells of an object."""
        found = self.get(f"/{quote(name, safe='')}")
        return None if found is None else json.loads(found)

    def names(self, prefix: str = "") -> list[str]:
        """The names of all objects that begin so."""
        found, mark = [], ""
        while True:
            page = json.loads(self.get(f"?prefix={quote(prefix, safe='')}&pageToken={quote(mark, safe='')}") or b"{}")
            found += [each["name"] for each in page.get("items", [])]
            mark = page.get("nextPageToken", "")
            if not mark:
                return found

    def put(self, name: str, data: bytes) -> None:
        """Store an object as a stranger does."""
        url = self._objects.replace("/storage/", "/upload/storage/") + f"?uploadType=media&name={quote(name, safe='')}"
        headers = {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(url, data, headers, method="POST"), timeout=10).close()

    def delete(self, name: str) -> None:
        """Delete an object as a stranger does."""
        url = f"{self._objects}/{quote(name, safe='')}"
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10).close()


_numbers = iter(range(10**6))


@pytest.fixture
def bucket(fake_gcs: FakeGcs) -> str:  # noqa: F811
    """A bucket of this test's own."""
    return fake_gcs.bucket(f"test-{next(_numbers)}")


@pytest.fixture
def new_witness() -> type[Witness]:
    """Makes those who look into other buckets."""
    return Witness


@pytest.fixture
def witness(fake_gcs: FakeGcs, bucket: str) -> Witness:  # noqa: F811
    """Looks into the bucket."""
    return Witness(fake_gcs.endpoint_url, bucket)


@pytest.fixture
def build() -> Iterator[Callable[..., Storage]]:
    """Makes storages as core does, from options and an environment."""
    made: list[Storage] = []
    (component,) = haulage_storages()

    def make(*, folder: Path = Path(), environ: dict[str, str] | None = None, **options: Any) -> Storage:
        options.setdefault("buffer", Size(128 << 20))
        made.append(component.build(GcsOptions(**options), BuildContext("archive", folder, environ or {})))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def storage(build: Callable[..., Storage], fake_gcs: FakeGcs, bucket: str) -> Storage:  # noqa: F811
    """The bucket, below the prefix "p"."""
    return build(bucket=bucket, prefix="p", token="anon", endpoint_url=fake_gcs.endpoint_url)


@pytest.fixture(scope="session")
def shared_proxy(fake_gcs: FakeGcs) -> Iterator[FaultProxy]:  # noqa: F811
    """One proxy for all."""
    with FaultProxy(fake_gcs.endpoint_url) as proxy:
        yield proxy


@pytest.fixture
def proxy(shared_proxy: FaultProxy) -> FaultProxy:
    """The proxy before fake-gcs-server, without rules and requests."""
    shared_proxy.clear()
    return shared_proxy


@pytest.fixture
def proxied(build: Callable[..., Storage], proxy: FaultProxy, bucket: str) -> Callable[..., Storage]:
    """Makes the bucket's storage behind the proxy; options may be given."""
    return lambda **options: build(bucket=bucket, prefix="p", token="anon", endpoint_url=proxy.url, **options)


def _store(
    storage: Storage,
    data: bytes,
    key: str = "c/v.mp4",
    *,
    call: Call | None = None,
    replaces: StoredObject | None = None,
    known: bool = True,
) -> StoredObject:
    call = call or Call()
    sha256 = hashlib.sha256(data).hexdigest()
    info = ObjectInfo("video/mp4", call.attempt, "generic 1 ü", sha256 if known else None)
    with storage.begin(key, info, call, replaces=replaces, size=len(data) if known else None) as upload:
        for start in range(0, len(data), 1 << 20):
            upload.write(data[start : start + (1 << 20)])
        return upload.commit(size=len(data), sha256=sha256)


@pytest.fixture
def store() -> Callable[..., StoredObject]:
    """Stores bytes as core does."""
    return _store


@pytest.fixture
def clock() -> Callable[[], float]:
    """Seconds since it was asked for."""
    began = time.monotonic()
    return lambda: time.monotonic() - began


@define
class Account:
    """A service account whose tokens the strict server gives."""

    key: dict[str, str]
    public: Any

    def claims(self, assertion: str) -> Any:
        """What a JWT claims, if this account signed it."""
        head, claims, signature = assertion.split(".")
        self.verify(_decoded(signature), f"{head}.{claims}".encode())
        return json.loads(_decoded(claims))

    def verify(self, signature: bytes, text: bytes) -> None:
        """Fail if this account did not sign the text."""
        self.public.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture(scope="session")
def private_key() -> rsa.RSAPrivateKey:
    """One for all, since it takes its time to make."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def account(private_key: rsa.RSAPrivateKey, strict: Strict) -> Account:
    """An account whose key says that the strict server gives its tokens; the server wants the one that it gives."""
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    strict.token = "t1"
    key = {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "id",
        "private_key": pem.decode(),
        "client_email": "hauler@project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{strict.url}/token",
    }
    return Account(key, private_key.public_key())
