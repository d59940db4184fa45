"""Capabilities: what is claimed holds, and what holds is claimed."""

import attrs
import pytest

from haulage.contracts.storage import Capabilities
from haulage.errors import HaulageError
from haulage.testing.call import Call
from haulage.testing.conformance.content import sha256
from haulage.testing.conformance.law import law
from haulage.testing.conformance.place import Place

KEY = "UC1/v1/video.mp4"
IDENTITIES = (
    "youtube v1",
    "Füße 日本語 🎬 \\ ' \" % =?utf-8?q?=",
    "tab\tnewline\nnul\0end",
    " spaces ",
    "x" * 4000,
    "",
)
"""Identities of videos in any alphabet, and longer than some services keep."""


class ClaimLaws:
    """The record says what the storage does."""

    @law
    @pytest.mark.parametrize("digest", ["digest known", "digest unknown"])
    def test_attempt_and_digest_are_kept_where_claimed(self, place: Place, digest: str) -> None:
        """Where `keeps_info` is claimed, stat returns the attempt and the digest of each version as given."""
        if not place.claims.keeps_info:
            return
        known = digest == "digest known"
        first = place.begin(KEY, b"first" if known else None, ctx=Call("1" * 32))
        self._finish(place, first, b"first")
        self._assert_kept(place, "1" * 32, sha256(b"first") if known else None)
        second = place.begin(KEY, b"the second" if known else None, ctx=Call("2" * 32), replaces=place.current(KEY))
        self._finish(place, second, b"the second")
        self._assert_kept(place, "2" * 32, sha256(b"the second") if known else None)

    def _finish(self, place: Place, upload: object, data: bytes) -> None:
        with upload:  # type: ignore[attr-defined]
            upload.write(data)  # type: ignore[attr-defined]
            place.commit(upload, KEY, data)  # type: ignore[arg-type]

    def _assert_kept(self, place: Place, attempt: str, digest: str | None) -> None:
        for storage in (place.storage, place.other):
            found = storage.stat(place.key(KEY))
            assert found is not None
            assert (found.attempt, found.sha256) == (attempt, digest), "keeps_info is claimed, and the info is lost"

    @law
    def test_claims_are_complete(self, place: Place) -> None:
        """A storage that does not claim `keeps_info` tells neither attempt nor digest: core would not rely on them."""
        if place.claims.keeps_info:
            return
        place.put(KEY, b"whole")
        found = place.current(KEY)
        assert (found.attempt, found.sha256) == (None, None), (
            "stat returns what begin was given: let the record claim Capabilities(keeps_info=True), or return None"
        )

    @law
    def test_required_claims_are_made(self, place: Place) -> None:
        """The record claims what the class says it must."""
        required: frozenset[str] = self.required_claims  # type: ignore[attr-defined]
        names = {field.name for field in attrs.fields(Capabilities)}
        assert required <= names, f"required_claims names no capability: {sorted(required - names)}"
        missing = {name for name in required if not getattr(place.claims, name)}
        assert not missing, f"the record must claim {', '.join(sorted(missing))}"

    @law
    def test_identities_of_any_alphabet_are_taken(self, place: Place) -> None:
        """Whatever a site calls a video, its object is stored."""
        for number, video in enumerate(IDENTITIES):
            try:
                place.put(f"{number}.mp4", b"whole", video=video)
            except HaulageError as error:
                raise AssertionError(f"an object cannot be stored whose video is {video[:40]!r}: {error}") from error
        place.assert_only({f"{number}.mp4": b"whole" for number in range(len(IDENTITIES))}, "objects are missing")

    @law
    def test_the_storage_is_what_the_contract_says(self, place: Place) -> None:
        """What is built is a Storage, and an upload is an Upload."""
        from haulage.contracts.storage import Storage, Upload

        assert isinstance(place.storage, Storage), f"{type(place.storage).__name__} is no Storage"
        with place.begin(KEY) as upload:
            assert isinstance(upload, Upload), f"{type(upload).__name__} is no Upload"
            assert upload.token is None or isinstance(upload.token, str), "a token is a text"
        assert isinstance(place.claims, Capabilities), "the record's capabilities are no Capabilities"
