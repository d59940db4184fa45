"""Real servers for tests, run from wheels on free ports of 127.0.0.1: nothing has to be installed beside Python."""

from haulage.testing.servers.fake_gcs import FakeGcs
from haulage.testing.servers.moto import Moto
from haulage.testing.servers.postgres import Postgres
from haulage.testing.servers.program import ServerProgram
from haulage.testing.servers.seaweed import Seaweed

__all__ = ["FakeGcs", "Moto", "Postgres", "Seaweed", "ServerProgram"]
