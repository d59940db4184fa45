"""The storage keeps the laws of the contract, on fake-gcs-server."""

import pytest

from haulage.testing import FaultProxy, StorageTests, faults


class TestGcs(StorageTests):
    """A bucket that fake-gcs-server keeps."""

    required_claims = frozenset({"keeps_info", "checks_content", "exclusive_create", "conditional_replace"})
    examples = 5
    meetings = 6  # in each, one of two calls waits for the other, and every call is some requests

    @pytest.fixture(scope="class")
    @classmethod
    def place_of_laws(cls, fake_gcs):
        return fake_gcs.bucket("laws")

    @pytest.fixture
    def config(self, place_of_laws, fake_gcs):
        return {"type": "gcs", "bucket": place_of_laws, "token": "anon", "endpoint_url": fake_gcs.endpoint_url}

    @pytest.fixture
    def witness(self, place_of_laws, fake_gcs, new_witness):
        found = new_witness(fake_gcs.endpoint_url, place_of_laws)
        return lambda folder: {name: found.content(name) for name in found.names(f"{folder}/")}

    @pytest.fixture
    def tampering(self, config, fake_gcs):
        with FaultProxy(fake_gcs.endpoint_url) as proxy:
            proxy.on("PUT", "upload_id", faults.FlipRequest(0))
            yield {**config, "endpoint_url": proxy.url}
