"""The laws of a storage, put together."""

from collections.abc import Iterator
from typing import ClassVar

import pytest

from haulage.registry.components import StorageComponent
from haulage.testing.conformance.bench import Bench
from haulage.testing.conformance.component import ComponentTests
from haulage.testing.conformance.place import Instances, Leftovers, Place, Witness
from haulage.testing.conformance.storage_cancel import CancelLaws
from haulage.testing.conformance.storage_claims import ClaimLaws
from haulage.testing.conformance.storage_concurrency import ConcurrencyLaws
from haulage.testing.conformance.storage_integrity import IntegrityLaws
from haulage.testing.conformance.storage_keys import KeyLaws
from haulage.testing.conformance.storage_listing import ListingLaws
from haulage.testing.conformance.storage_machine import ModelLaws
from haulage.testing.conformance.storage_optional import OptionalLaws
from haulage.testing.conformance.storage_secrets import SecretLaws
from haulage.testing.conformance.storage_versions import VersionLaws
from haulage.testing.conformance.storage_visibility import VisibilityLaws


class StorageTests(
    VisibilityLaws,
    IntegrityLaws,
    VersionLaws,
    KeyLaws,
    ListingLaws,
    ConcurrencyLaws,
    CancelLaws,
    ClaimLaws,
    SecretLaws,
    OptionalLaws,
    ModelLaws,
    ComponentTests,
):
    """The laws of the storage contract, one test each.

    A class of one's own has a fixture `config`, and that is all::

        class TestMine(StorageTests):
            @pytest.fixture
            def config(self, tmp_path):
                return {"type": "mine", "path": str(tmp_path)}

    All that is written lies below one folder, `haulage-check-<random>`, and is deleted again: the storage may hold
    other things. Laws look through a second instance of the storage, and through the witness where there is one.

    Attributes:
        part: Bytes after which the storage sends what it was given; objects are made a little smaller, larger, and
            several times as large.
        many: More objects than the service lists on one page.
        examples: How many histories are tried against the model.
        meetings: In how many places of one call another call comes in between.
        required_claims: Names of capabilities that the record must claim.
    """

    kind = StorageComponent
    part: ClassVar[int] = 8 << 20
    many: ClassVar[int] = 1001
    examples: ClassVar[int] = 15
    meetings: ClassVar[int] = 30
    required_claims: ClassVar[frozenset[str]] = frozenset()
    open_to_authors = ComponentTests.open_to_authors | {
        "part",
        "many",
        "examples",
        "meetings",
        "required_claims",
        "witness",
        "leftovers",
        "tampering",
    }

    @pytest.fixture
    def witness(self) -> Witness | None:
        """Lists what lies below a folder, by key with its bytes, by other means than the storage; None is none.

        What it finds with a part of its name that begins with a dot counts as unfinished.
        """
        return None

    @pytest.fixture
    def leftovers(self) -> Leftovers | None:
        """Likewise lists what unfinished uploads to keys below a folder left: open multipart uploads, say."""
        return None

    @pytest.fixture
    def tampering(self) -> object:
        """A `config` for the same place, but on the way there a byte of every object's is changed; None is none."""
        return None

    @pytest.fixture(scope="class")
    @classmethod
    def _kept(cls) -> dict[int, Instances]:
        return {}

    @pytest.fixture
    def instances(self, bench: Bench[StorageComponent], _kept: dict[int, Instances]) -> Instances:
        """Two instances of the storage; those of the last law where the config is the same."""
        if id(bench) not in _kept:
            _kept.clear()
            _kept[id(bench)] = Instances(bench)
        return _kept[id(bench)]

    @pytest.fixture
    def place(self, instances: Instances, witness: Witness | None, leftovers: Leftovers | None) -> Iterator[Place]:
        """An empty folder in the storage."""
        place = Place(instances, self.part, witness, leftovers)
        yield place
        place.clear()
