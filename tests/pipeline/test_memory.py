"""A pipeline that keeps nothing: storage and database in memory."""

import contextlib

from haulage.values import Status

CONFIG = {
    "storages": {"shelf": {"type": "memory"}, "spare": {"type": "memory"}},
    "database": {"type": "memory"},
    "private_hosts": ["127.0.0.1"],
    "workers": 2,
}


def test_a_haul_into_memory(pipeline, serve, tmp_path):
    """Videos come to lie in every storage, whole; what is known of them is there until the block ends."""
    texts = {f"UC1/{number}": str(number) * 1000 for number in range(5)}
    with pipeline(**CONFIG) as hauling:
        jobs = list(hauling.run([serve(name, text) for name, text in texts.items()]))
        assert {job.status for job in jobs} == {Status.DOWNLOADED}
        for name in ("shelf", "spare"):
            storage = hauling.assembly.place(name).storage
            stored = {each.key: storage.read(each.key, None).read().decode() for each in storage.list("")}
            assert {name: text for name, text in stored.items() if name.endswith(".mp4")} == {
                f"{name}/video.mp4": text for name, text in texts.items()
            }
        assert {job.id for job in hauling.find()} == {job.id for job in jobs}
        assert hauling.object_url(jobs[0].copies[0]).startswith("memory:shelf/UC1/")
    with pipeline(**CONFIG) as again:
        assert list(again.find()) == []
        assert list(again.assembly.place("shelf").storage.list("")) == []
    assert [path.name for path in tmp_path.iterdir()] == [".haulage"]


def test_what_is_stored_in_memory_is_not_hauled_again(pipeline, serve):
    """Within the block the database remembers."""
    url = serve("UC1/once", "whole")
    with pipeline(**CONFIG) as hauling:
        [first] = hauling.run([url])
        with contextlib.closing(hauling.run([url])) as again:
            [second] = again
        assert (first.status, second.status) == (Status.DOWNLOADED, Status.DOWNLOADED)
        assert [each.attempt for each in second.copies] == [each.attempt for each in first.copies]
