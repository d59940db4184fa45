"""The storage keeps the laws of haulage, on a real server."""

import os
from pathlib import Path

import pytest

from haulage.testing import StorageTests


class TestSftp(StorageTests):
    """Files on an SFTP server."""

    part = 1 << 16
    many = 3
    examples = 5
    meetings = 5

    @pytest.fixture
    def config(self, sftp_server):
        return {
            "type": "sftp",
            "host": "127.0.0.1",
            "port": sftp_server.port,
            "user": "videos",
            "path": "/videos",
            "known_hosts": str(sftp_server.known_hosts),
        }

    @pytest.fixture
    def witness(self, sftp_server):
        """What lies below a folder, as the server's own disk tells."""
        top = sftp_server.folder / "videos"

        def walk(folder):
            return {
                Path(parent, name).relative_to(top).as_posix(): Path(parent, name).read_bytes()
                for parent, _, names in os.walk(top / folder)
                for name in names
            }

        return walk
