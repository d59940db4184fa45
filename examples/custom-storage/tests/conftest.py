"""A server for the tests, on this machine."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen


@frozen
class SftpServer:
    """An SFTP server on this machine.

    Attributes:
        port: Where it listens.
        folder: Holds its files; what clients call "/".
        known_hosts: Tells clients its key.
    """

    port: int
    folder: Path
    known_hosts: Path


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """One server for all tests, which lets everybody in; each test has a folder of its own in it."""
    import asyncssh

    connections: list[asyncssh.SSHServerConnection] = []

    class Everybody(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            connections.append(conn)

        def begin_auth(self, username: str) -> bool:
            return False

    top = tmp_path_factory.mktemp("sftp")
    folder, known_hosts = top / "files", top / "known_hosts"
    folder.mkdir()
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Everybody,
            server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder)),
        )

    async def close() -> None:
        acceptor.close()
        await acceptor.wait_closed()
        for connection in connections:
            connection.close()
            await connection.wait_closed()

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    port = acceptor.get_port()
    known_hosts.write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
    yield SftpServer(port, folder, known_hosts)
    asyncio.run_coroutine_threadsafe(close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
