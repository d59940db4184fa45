"""Many threads and many writers at once."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from haulage.errors import AlreadyExists, HaulageError, StorageError
from haulage.testing.call import Call
from haulage.testing.conformance.at_once import Race, Work
from haulage.testing.conformance.content import content, shown
from haulage.testing.conformance.law import law
from haulage.testing.conformance.place import Place, pieces

_TURNS = 3
_WRITERS = 4


class ConcurrencyLaws:
    """What is done at once is done as if one thing came after the other."""

    @law
    def test_uploads_that_are_open_at_once_stay_apart(self, place: Place) -> None:
        """What is written to one upload does not come to lie in another, whichever of them ends first."""
        datas = {f"UC1/{number}.mp4": content(place.part + number, seed=number) for number in range(4)}
        uploads = {name: place.begin(name, data) for name, data in datas.items()}
        for start in range(0, place.part + 4, max(1, place.part // 2)):
            for name, upload in uploads.items():
                upload.write(datas[name][start : start + max(1, place.part // 2)])
        order = list(uploads)
        place.commit(uploads[order[1]], order[1], datas[order[1]])
        uploads[order[0]].abort()
        place.commit(uploads[order[3]], order[3], datas[order[3]])
        place.commit(uploads[order[2]], order[2], datas[order[2]])
        place.assert_only({name: datas[name] for name in order[1:]}, "uploads that were open at once got mixed up")

    @law
    def test_an_upload_may_be_finished_by_another_thread(self, place: Place) -> None:
        """One thread begins and writes, another commits: so a video is sent while it is still downloaded."""
        data = content(place.part + 1)

        def begin() -> Any:
            upload = place.begin("UC1/v1.mp4", data)
            for piece in pieces(data, place.part):
                upload.write(piece)
            return upload

        [upload] = _race(place).side_by_side([begin])
        place.commit(upload, "UC1/v1.mp4", data)
        place.assert_only({"UC1/v1.mp4": data}, "an upload that another thread finished is not what was written")

    @law
    def test_two_writers_of_one_key_leave_one_whole_object(self, place: Place) -> None:
        """Of uploads to one key that are open at once one succeeds first, and the other changes nothing of it."""
        one, two = content(place.part + 1), content(place.part + 2, seed=1)
        with place.begin("v.mp4", one) as first, place.begin("v.mp4", two, storage=place.other) as second:
            for left, right in zip(pieces(one, place.part), pieces(two, place.part), strict=True):
                first.write(left)
                second.write(right)
            place.commit(second, "v.mp4", two)
            try:
                place.commit(first, "v.mp4", one)
            except AlreadyExists:
                pass
            else:
                raise AssertionError("a second writer overwrote the object of the first without being asked to")
        place.assert_only({"v.mp4": two}, "what two writers left is not the whole object of the one that succeeded")

    @law
    def test_of_writers_at_once_the_object_is_one_ones(self, place: Place) -> None:
        """The object is all of one writer that succeeded; where `exclusive_create` is claimed, no other one did."""
        exclusive = place.claims.exclusive_create
        for turn in range(_TURNS):
            name = f"turn-{turn}/v.mp4"
            _judge(place, name, _race(place).side_by_side(_writers(place, name, _WRITERS)), exclusive)
        for name, told in self._meetings(place, lambda name: _committers(place, name)):
            _judge(place, name, told, exclusive)

    @law
    def test_of_replacers_at_once_the_object_is_one_ones(self, place: Place) -> None:
        """Likewise where one version is to be replaced and `conditional_replace` is claimed."""
        exclusive = place.claims.conditional_replace
        for turn in range(_TURNS):
            name = f"turn-{turn}/v.mp4"
            writers = _writers(place, name, _WRITERS, replaces=place.put(name, b"first"))
            _judge(place, name, _race(place).side_by_side(writers), exclusive)
        for name, told in self._meetings(
            place, lambda name: _committers(place, name, replaces=place.put(name, b"first"))
        ):
            _judge(place, name, told, exclusive)

    @law
    def test_delete_and_replace_at_once_do_not_both_succeed(self, place: Place) -> None:
        """Where `conditional_replace` is claimed, a version is deleted or replaced, by one who is told so."""
        if not place.claims.conditional_replace:
            return

        def pair(name: str) -> list[Work]:
            first = place.put(name, b"first")
            delete = functools.partial(place.other.delete, place.key(name), only=first)
            return [_committers(place, name, replaces=first)[0], delete]

        for name, (replaced, deleted) in self._meetings(place, pair):
            kept = {} if isinstance(replaced, AlreadyExists) else {"v.mp4": shown(_data(0))}
            found = place.inside(name.partition("/")[0]).objects()
            assert found == kept, f"a version was both replaced and deleted: {replaced!r}, {deleted!r}"

    @law
    def test_writers_of_other_keys_are_in_nobodys_way(self, place: Place) -> None:
        """In the middle of a commit or a delete, others write, list and delete, and all of it comes true."""

        def pair(name: str) -> list[Work]:
            folder = name.partition("/")[0]
            place.put(f"{folder}/gone.mp4", b"gone")
            place.put(f"{folder}/stays.mp4", b"stays")

            def others() -> None:
                place.put(f"{folder}/new.mp4", b"new")
                assert f"{folder}/new.mp4" in place.names(folder, place.storage), "list misses what was just written"
                place.storage.delete(place.key(f"{folder}/gone.mp4"))

            return [_committers(place, name)[0], others]

        for name, told in self._meetings(place, pair):
            refusals = [each for each in told if isinstance(each, HaulageError)]
            assert not refusals, f"who works beside others on other keys was refused: {refusals}"
            inside = place.inside(name.partition("/")[0])
            wanted = {"v.mp4": _data(0), "new.mp4": b"new", "stays.mp4": b"stays"}
            inside.assert_holds(wanted, "calls for different keys that came in between disturbed each other")

    def _meetings(self, place: Place, pair: Callable[[str], list[Work]]) -> Iterator[tuple[str, list[Any]]]:
        """Have each of two calls wait before each line of the component until the other one is done."""
        race = _race(place)
        yield "together/v.mp4", race.side_by_side(pair("together/v.mp4"))
        for which, lines in enumerate(race.lines):
            for line in range(1, lines + 1, max(1, lines // self.meetings)):  # type: ignore[attr-defined]
                name = f"{which}-{line}/v.mp4"
                works = pair(name)
                told = race.one_waits(works[which], works[1 - which], line)
                yield name, told if which == 0 else told[::-1]

    @law
    def test_many_threads_work_on_objects_of_their_own(self, place: Place) -> None:
        """Each thread finds what it wrote, whatever the others do."""

        def work(number: int) -> None:
            for turn in range(3):
                name, data = f"{number}/{turn}.mp4", content(20_000, seed=number * 10 + turn)
                stored = place.put(name, data)
                assert place.read(name, place.storage) == shown(data), "a thread reads other bytes than it wrote"
                found = place.current(name)
                assert (found.size, found.version) == (stored.size, stored.version), "a thread sees another version"
                assert place.names(str(number), place.storage) == sorted({f"{number}/0.mp4", name}), (
                    "a thread does not find what it wrote"
                )
                if turn:
                    place.storage.delete(place.key(name))

        told = _race(place).side_by_side([functools.partial(work, number) for number in range(8)])
        assert told == [None] * 8, f"a thread that works beside others was refused: {told}"
        wanted = {f"{number}/0.mp4": content(20_000, seed=number * 10) for number in range(8)}
        place.assert_only(wanted, "what threads wrote at once is not all there")

    @law
    def test_closing_one_instance_leaves_the_others(self, place: Place) -> None:
        """To close is harmless, a second time too; objects stay, and so do other instances."""
        own = place.bench.build()
        place.put("v.mp4", b"whole")
        own.stat(place.key("v.mp4"))
        own.close()
        own.close()
        place.put("v2.mp4", b"another")
        place.assert_only({"v.mp4": b"whole", "v2.mp4": b"another"}, "closing an instance took objects with it")


def _data(number: int) -> bytes:
    return content(10_000 + number, seed=number)


def _race(place: Place) -> Race:
    return Race(place.storage, place.bench.record.build)


def _writers(place: Place, name: str, count: int, **rest: Any) -> list[Work]:
    """Calls that write one key, through both instances in turn."""
    storages = (place.storage, place.other) * count
    return [
        functools.partial(place.put, name, _data(number), storage=storages[number], ctx=Call(f"{number:032}"), **rest)
        for number in range(count)
    ]


def _committers(place: Place, name: str, **rest: Any) -> list[Work]:
    """Calls that commit one key, through one instance each; everything is written before."""
    works: list[Work] = []
    for number, storage in enumerate((place.storage, place.other)):
        upload = place.begin(name, _data(number), storage=storage, ctx=Call(f"{number:032}"), **rest)
        upload.write(_data(number))
        works.append(functools.partial(place.commit, upload, name, _data(number)))
    return works


def _judge(place: Place, name: str, told: list[Any], exclusive: bool) -> None:
    """Hold that the object is one writer's, and where that is claimed, that no other one was told that it succeeded."""
    datas = [shown(_data(number)) for number in range(len(told))]
    won = [data for data, each in zip(datas, told, strict=True) if not isinstance(each, StorageError)]
    found = place.inside(name.partition("/")[0]).objects()
    assert list(found) == ["v.mp4"], "writers of one key at once left something else than one object"
    assert won, f"of writers at once none succeeded: {told}"
    if exclusive:
        assert len(won) == 1, f"of writers of one key at once {len(won)} were told that they succeeded"
        wrong = [each for each in told if isinstance(each, StorageError) and not isinstance(each, AlreadyExists)]
        assert not wrong, f"who was late was not told AlreadyExists, but: {wrong}"
        assert found["v.mp4"] == won[0], "the object is not that of the writer who was told that it succeeded"
    assert found["v.mp4"] in datas, "the object is not the whole of any one writer"
