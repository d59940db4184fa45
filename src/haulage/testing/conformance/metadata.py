"""The laws of a metadata store, put together."""

from typing import ClassVar

import pytest

from haulage.registry.components import MetadataStoreComponent
from haulage.testing.conformance.bench import Bench
from haulage.testing.conformance.component import ComponentTests
from haulage.testing.conformance.law import law
from haulage.testing.conformance.metadata_claiming import ClaimingLaws
from haulage.testing.conformance.metadata_finding import FindingLaws
from haulage.testing.conformance.metadata_holding import HoldingLaws
from haulage.testing.conformance.metadata_machine import ModelLaws
from haulage.testing.conformance.metadata_recording import RecordingLaws
from haulage.testing.conformance.metadata_repeating import AddingLaws, RepeatingLaws
from haulage.testing.conformance.metadata_sites import SiteLaws
from haulage.testing.conformance.metadata_stores import LONG, Stores, new
from haulage.testing.conformance.metadata_taking_in import TakingInLaws
from haulage.testing.conformance.metadata_totals import TotalsLaws


class MetadataStoreTests(
    RecordingLaws,
    HoldingLaws,
    RepeatingLaws,
    AddingLaws,
    ClaimingLaws,
    FindingLaws,
    SiteLaws,
    TotalsLaws,
    TakingInLaws,
    ModelLaws,
    ComponentTests,
):
    """The laws T1 to T8 of the metadata store's contract, and those of each of its methods.

    A class of one's own has a fixture `config`, which names an empty store for each test, and that is all::

        class TestMine(MetadataStoreTests):
            @pytest.fixture
            def config(self, tmp_path):
                return {"type": "mine", "path": str(tmp_path / "jobs")}

    Laws look through a second instance of the store, and some start a process of its own, in which the plugin is loaded
    by the same module name.

    Attributes:
        shared: Whether all instances with one config see the same jobs, in whatever process. Where this is said to be
            not so, the laws that need it are held within one instance, and that there is no sharing is a law.
        many: More jobs than the store reads in one go.
        examples: How many histories are tried against the model.
    """

    kind = MetadataStoreComponent
    shared: ClassVar[bool] = True
    many: ClassVar[int] = 1001
    examples: ClassVar[int] = 12
    open_to_authors = ComponentTests.open_to_authors | {"shared", "many", "examples"}

    @pytest.fixture
    def stores(self, bench: Bench[MetadataStoreComponent]) -> Stores:
        """Two instances of the store, which is empty."""
        stores = Stores(bench, shared=self.shared)
        told = stores.picture()
        assert not told.jobs, "the fixture `config` must name an empty store for each test"
        return stores

    @law
    def test_instances_share_their_jobs_as_is_claimed(self, stores: Stores) -> None:
        """What `shared` says is so."""
        stores.first.add([new(1)])
        seen = stores.fresh().next_due(home="here", handover=LONG) is not None
        assert seen is self.shared, "instances share their jobs otherwise than `shared` says"
