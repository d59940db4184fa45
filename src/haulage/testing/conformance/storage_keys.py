"""Which keys there are, and that each is one object."""

import pytest
from attrs import evolve

from haulage.contracts.storage import ObjectInfo, Storage, SupportsAnyKey
from haulage.errors import Kind, StorageError
from haulage.keys import DEFAULT_LAYOUT, LONGEST_FIELD, object_key
from haulage.testing.call import Call
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.place import ATTEMPT, Place
from haulage.values import AttemptId, Video

LAYOUTS = (DEFAULT_LAYOUT, "{video_id}.{ext}", "a/b/c/{source}/-{variant}_/{channel_id}.{video_id}.{ext}")

IDS = (
    "dQw4w9WgXcQ",
    "-leading",
    "_",
    "..",
    ".hidden",
    "trailing.",
    "a..b",
    "v.1.mp4",
    "x?versionId=2",
    "100%",
    "%2e%2e",
    "a b#c&d=e+f",
    "Title [abc]",
    "v*",
    "~",
    "con",
    "aux.txt",
    "a/b\\c",
    "Füße 日本語 🎬",
    "",
    "x" * 300,
)
"""Identities of videos such as sites give them, and worse."""

NAMES = (
    "v 1",
    "v*",
    "v?",
    "v[12]",
    "{v1,v2}",
    "v1?versionId=2",
    "v1#2",
    "v1%2F2",
    "v1\0",
    "v1\n",
    "vé1",
    "v1\\2",
    "v1:2",
)
"""Names that no layout makes; some mean others where they are taken for patterns, or for a part of a URL."""

PATHS = (
    "",
    "/",
    ".",
    "..",
    ".hidden",
    "a/.b",
    "a//b",
    "a/",
    "/etc/passwd",
    "../outside",
    "a/../../outside",
    "x" * 1025,
)
"""Likewise, and whole keys: nothing is ever deleted there."""


class KeyLaws:
    """Every key that a layout makes is an object of its own, and no other key is taken."""

    @law
    def test_every_key_that_a_layout_makes_is_kept(self, place: Place) -> None:
        """Whatever a site calls its videos, each of their keys holds what was written there."""
        videos = [Video("youtube", each, "", "https://example.com", channel_id=each) for each in IDS]
        keys = {object_key(DEFAULT_LAYOUT, video, "mp4") for video in videos}
        for layout in LAYOUTS:
            keys |= {object_key(layout, evolve(video, variant="720p"), "en.vtt") for video in videos[::4]}
        # Only one layout at a time is in use: none of its keys is a folder of another.
        keys = {key for key in keys if not any(other.startswith(f"{key}/") for other in keys)}
        objects = {key: b"of %d" % number for number, key in enumerate(sorted(keys))}
        place.put_all(objects)
        place.assert_only(objects, "an object is not there under the key that its layout made")

    @law
    def test_the_longest_names_are_kept(self, place: Place) -> None:
        """A part of a key may be as long as a layout makes it."""
        longest = "x" * (LONGEST_FIELD + len("-01234567"))
        names = [f"{longest}/{longest}/{longest}.{longest}", f"{longest}/{longest}/{longest}.{longest[:-1]}y"]
        for name in names:
            place.put(name, name[-1:].encode())
        place.assert_only({name: name[-1:].encode() for name in names}, "keys were cut")

    @law
    def test_keys_that_differ_in_case_are_two(self, place: Place) -> None:
        """Identities of videos differ in upper and lower case."""
        objects = {"UC1/abc.mp4": b"lower", "UC1/ABC.mp4": b"upper", "uc1/abc.mp4": b"folder"}
        for name, data in objects.items():
            place.put(name, data)
        place.assert_only(objects, "objects whose keys differ in upper and lower case are one")
        assert place.names("uc1") == ["uc1/abc.mp4"], "a folder lists that of another case"

    @law
    @pytest.mark.parametrize("call", ["begin", "stat", "read", "delete", "list"])
    def test_no_other_key_is_accepted(self, place: Place, call: str) -> None:
        """No call takes a key for a pattern, or reaches anything under a name that no layout makes."""
        objects = {name: name.encode() for name in ("v1", "v2", "v", "other")}
        for name, data in objects.items():
            place.put(name, data)
        keys = [place.key(name) for name in NAMES]
        if call != "delete":
            keys += PATHS
        for key in keys:
            if call == "list":
                self._list(place, key)
            else:
                with refused(f"{call} took {key[:60]!r} for a key", StorageError, Kind.CONFIG):
                    self._use(place.storage, call, key)
        place.assert_only(objects, f"{call} with what is no key changed what is stored")

    def _use(self, storage: Storage, call: str, key: str) -> None:
        if call == "begin":
            storage.begin(key, ObjectInfo("video/mp4", AttemptId(ATTEMPT), "youtube v1", None), Call(ATTEMPT)).abort()
        elif call == "stat":
            storage.stat(key)
        elif call == "read":
            with storage.read(key, Call(ATTEMPT)):
                pass
        else:
            storage.delete(key)

    def _list(self, place: Place, folder: str) -> None:
        if folder in ("", "/", "."):
            return  # all there is, or refused
        try:
            found = [each.key for each in place.storage.list(folder)]
        except StorageError:
            return
        assert found == [], f"list took {folder[:60]!r} for other folders than the one of that name"

    @law
    def test_names_of_others_mean_themselves(self, place: Place) -> None:
        """Who reads what others wrote finds ours under their own keys alone, and writes and deletes nothing."""
        if not isinstance(place.storage, SupportsAnyKey):
            return
        objects = {name: name.encode() for name in ("v1", "v2", "v", "other")}
        for name, data in objects.items():
            place.put(name, data)
        reader = place.storage.for_any_key()
        assert reader.stat(place.key("v1")) == place.storage.stat(place.key("v1")), "ours looks like something else"
        for name in NAMES:
            if name.isprintable():
                assert reader.stat(place.key(name)) is None, f"{name!r} was taken for another name"
            for call in ("begin", "delete"):
                with refused(f"{call} took {name!r} for a key", StorageError, Kind.CONFIG):
                    self._use(reader, call, place.key(name))
        for key in ("", "/", "..", "a//b", "/etc/passwd", "../outside", "a/../../outside", "v1\0", "v1\n"):
            with refused(f"stat took {key!r} for a name", StorageError, Kind.CONFIG):
                reader.stat(key)
        place.assert_only(objects, "reading what others wrote changed what is stored")

    @law
    def test_what_is_missing_is_told(self, place: Place) -> None:
        """Where there is no object, stat returns None and read raises; a folder is no object."""
        place.put("UC1/v1/video.mp4", b"whole")
        for name in ("UC1/v1/video.mp", "UC1/v1/video.mp4.part", "UC1/v1", "UC1", "UC2/v1/video.mp4", "v1/video.mp4"):
            assert place.stat(name) is None, f"stat finds {name}, which nobody wrote"
            with refused(f"{name} can be read, which nobody wrote", StorageError):
                place.read(name, place.storage)

    @law
    def test_people_are_told_which_object(self, place: Place) -> None:
        """What people call an object is a line of its own for each."""
        names = [place.storage.url(place.key(name)) for name in ("UC1/v1.mp4", "UC1/v2.mp4", "v1.mp4")]
        assert all(isinstance(name, str) and name and name.isprintable() for name in names), f"no line of text: {names}"
        assert len(set(names)) == 3, f"objects have the same name: {names}"
