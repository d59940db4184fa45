"""The metadata stores of the core keep the laws of the contract, on every database."""

import pytest

from haulage.testing import MetadataStoreTests


class TestSqlite(MetadataStoreTests):
    """A file that the processes of one machine share."""

    @pytest.fixture
    def config(self, tmp_path):
        return f"sqlite:///{tmp_path}/haulage.db"


class TestMemory(MetadataStoreTests):
    """The memory of this process."""

    shared = False
    examples = 5

    @pytest.fixture
    def config(self, tmp_path):
        return {"type": "memory"}


class TestPostgres(MetadataStoreTests):
    """A server that the processes of many machines share."""

    many = 501
    examples = 5

    @pytest.fixture
    def config(self, postgres):
        return postgres.database()
