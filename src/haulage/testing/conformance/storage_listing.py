"""What list finds, and what delete removes."""

from haulage.errors import StorageError
from haulage.testing.conformance.law import law, refused
from haulage.testing.conformance.place import Place

KEY = "UC1/v1/video.mp4"
NEIGHBOURS = (
    "UC1/v1/video.mp4.part",
    "UC1/v1/video.mp",
    "UC1/v1/video-mp4",
    "UC1/v1/videoXmp4",
    "UC1/v1/video.en.vtt",
    "UC1/v1/2/video.mp4",
    "UC1/v1.mp4",
    "UC1/v10/video.mp4",
    "UC10/v1/video.mp4",
    "aUC1/v1/video.mp4",
    "x/UC1/v1/video.mp4",
    "UC1.mp4",
    "video.mp4",
)
"""Keys that resemble that one: as substrings, as prefixes, and where "." means any letter."""


class ListingLaws:
    """A folder is a folder, and a key is one object."""

    @law
    def test_list_is_by_folder_not_by_substring(self, place: Place) -> None:
        """Listed is what lies below the folder, at any depth, and nothing whose key merely resembles that."""
        names = (KEY, *NEIGHBOURS)
        for name in names:
            place.put(name, name.encode())
        for folder in ("UC1", "UC1/v1", "UC1/v1/2", "UC10", "x", "v1", "UC", "UC1/v", "UC1/v1/video", KEY, "UC2"):
            wanted = sorted(name for name in names if name.startswith(f"{folder}/"))
            for storage in (place.storage, place.other):
                assert place.names(folder, storage) == wanted, f"list({folder!r}) finds something else than its objects"
        assert place.names() == sorted(names), "list does not find every object of a folder"

    @law
    def test_list_and_stat_agree(self, place: Place) -> None:
        """What list tells of an object is what stat tells, as far as it tells anything."""
        for number, name in enumerate(NEIGHBOURS):
            place.put(name, b"x" * number)
        for each in list(place.storage.list(place.folder)):
            found = place.storage.stat(each.key)
            assert found is not None, f"{each.key} is listed, and stat finds nothing"
            assert (each.size, each.version) == (found.size, found.version), "list tells another size or version"
            assert each.attempt in (None, found.attempt), "list tells another attempt than stat"
            assert each.sha256 in (None, found.sha256), "list tells another digest than stat"
            assert each.modified is None or each.modified.tzinfo is not None, "a time without a time zone"
            place.storage.delete(each.key, only=each)
        place.assert_nothing("what list tells of a version was not deleted")

    @law
    def test_the_empty_folder_is_everything(self, place: Place) -> None:
        """Listing "" finds every object with its whole key, others among them."""
        wanted = {place.key(name) for name in ("v.mp4", "UC1/v.mp4")}
        for key in wanted:
            place.put(key.removeprefix(f"{place.folder}/"), b"whole")
        for each in place.storage.list(""):
            wanted.discard(each.key)
            if not wanted:
                break
        assert not wanted, 'list("") does not find every object'

    @law
    def test_a_long_list_is_complete(self, place: Place) -> None:
        """Of more objects than the service lists at once, none is left out and none is listed twice."""
        names = [f"many/{number:05}.mp4" for number in range(self.many)]  # type: ignore[attr-defined]
        place.put_all(dict.fromkeys(names, b"x"))
        assert place.names("many") == names, "a long list is not complete, or tells of an object twice"

    @law
    def test_a_list_goes_on_while_objects_come_and_go(self, place: Place) -> None:
        """Objects that are written and deleted while a list is read do not end it; the others are all listed."""
        stay = [f"stay/{number}.mp4" for number in range(20)]
        for name in [*stay, "gone.mp4"]:
            place.put(name, b"x")
        found = []
        for number, each in enumerate(place.storage.list(place.folder)):
            found.append(each.key.removeprefix(f"{place.folder}/"))
            if number < 3:
                place.put(f"come-{number}.mp4", b"x")
            if number == 3:
                place.storage.delete(place.key("gone.mp4"))
        assert sorted(name for name in found if name.startswith("stay/")) == sorted(stay), (
            "objects that stayed where they were are missing in a list, or there twice"
        )

    @law
    def test_delete_removes_that_key_alone(self, place: Place) -> None:
        """The object goes, and each one stays whose key resembles its own, or matches it as a pattern."""
        objects = {name: name.encode() for name in NEIGHBOURS}
        for name, data in {**objects, KEY: b"whole"}.items():
            place.put(name, data)
        place.storage.delete(place.key(KEY))
        place.assert_absent(KEY, "an object is still there after it was deleted")
        place.assert_only(objects, "delete removed other objects than the one that was named")
        for pattern in ("UC1/v*", "UC1/v1/video?mp4", "UC1/v1/*", "UC1/v1?", "UC1/v[1]/2/video.mp4", "{UC1,x}.mp4"):
            with refused(f"delete took {pattern} for a key", StorageError):
                place.storage.delete(place.key(pattern))
        place.assert_only(objects, "delete took a pattern for a key, and removed what it matches")

    @law
    def test_delete_removes_no_folder(self, place: Place) -> None:
        """To delete what is a folder of objects removes none of them."""
        objects = {name: name.encode() for name in (KEY, *NEIGHBOURS)}
        for name, data in objects.items():
            place.put(name, data)
        for folder in ("UC1", "UC1/v1", "x"):
            try:
                place.storage.delete(place.key(folder))
            except StorageError:
                continue  # refused just as well
        place.assert_only(objects, "delete removed a folder and all that is in it")

    @law
    def test_delete_of_a_missing_key_is_quiet(self, place: Place) -> None:
        """To delete what is gone already is no error: somebody else may have been first."""
        gone = place.put(KEY, b"whole")
        place.put("UC1/v1/video.en.vtt", b"subtitle")
        for _ in range(2):
            place.storage.delete(place.key(KEY))
        place.storage.delete(place.key(KEY), only=gone)
        place.storage.delete(place.key("UC2/no/folder.mp4"))
        place.storage.delete(place.key("UC1/v1/video.mp"))
        place.assert_only({"UC1/v1/video.en.vtt": b"subtitle"}, "delete removed something else than was named")
