"""The laws of what a repair may do, for every record and every object."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from haulage.contracts.storage import StoredObject
from haulage.operations.fsck.judge import Owner, Remedy, fault_of, owner_of, superfluous, to_be_read
from haulage.values import AttemptId, Copy, Job, JobId, Request

ATTEMPTS = [AttemptId(letter * 32) for letter in "abc"]
attempts = st.sampled_from(ATTEMPTS)
sizes = st.integers(0, 2)
digests = st.sampled_from(["1" * 64, "2" * 64])
keys = st.sampled_from(["UC/v/video.mp4", "UC/v/video.json", "old/video.mp4"])
copies = st.builds(
    Copy,
    st.sampled_from(["archive", "nas"]),
    st.sampled_from(["video", "record"]),
    keys,
    st.sampled_from(["intended", "stored", "deleting", "deleted"]),
    attempts,
    sizes,
    digests,
)
objects = st.builds(StoredObject, keys, sizes, st.just("v"), st.none() | attempts, st.none() | digests)
jobs = st.builds(
    lambda copies, attempts: Job(
        JobId("j"), Request("https://a.test/v"), "a.test", copies=tuple(copies), attempts=tuple(attempts)
    ),
    st.lists(copies, max_size=3),
    st.lists(attempts, max_size=2, unique=True),
)


@given(jobs, copies, objects, st.booleans(), st.none() | digests)
def test_nothing_is_done_to_what_a_store_says_is_a_strangers(job, copy, there, keeps_info, digest):
    """Whatever is wrong with it; and what nobody can tell is never taken for ours."""
    owner = owner_of(there, job, copy, keeps_info=keeps_info)
    fault = fault_of(copy, there, digest, owner)
    if owner is Owner.OURS:
        assert keeps_info
        assert there.attempt in job.attempts
    if keeps_info and there.attempt not in (*job.attempts, copy.attempt):
        assert owner is Owner.STRANGER
        assert fault is None or fault.remedy is Remedy.NONE
    if fault is not None and fault.remedy is Remedy.REPLACE:
        assert there.attempt in job.attempts, "an object is replaced that nothing proves to be ours"


@given(jobs, copies, objects, st.booleans(), digests)
def test_a_copy_that_is_what_was_stored_is_never_touched(job, copy, there, keeps_info, digest):
    """Its size and its digest are those of its row, whoever wrote it; and what is something else is told."""
    fault = fault_of(copy, there, digest, owner_of(there, job, copy, keeps_info=keeps_info))
    assert (fault is None) is ((there.size, digest) == (copy.size, copy.sha256))


@given(copies, objects)
def test_what_a_store_says_of_another_writer_is_read(copy, there):
    """Of the same length, by another attempt or with another digest: only its bytes can tell. With --deep all is."""
    same = there.size == copy.size
    told = (there.attempt, there.sha256) == (copy.attempt, there.sha256 and copy.sha256)
    assert to_be_read(copy, there, keeps_info=True, deep=False) is (same and not told)
    assert to_be_read(copy, there, keeps_info=False, deep=True) is same
    assert not to_be_read(copy, there, keeps_info=False, deep=False)


@given(jobs, objects, st.sampled_from(["archive", "nas"]))
def test_only_what_the_job_wrote_and_does_not_need_is_deleted(job, there, storage):
    """One of its attempts wrote it, no row says that it is there, and the storage holds the video or has let it go."""
    if superfluous(job, storage, there):
        assert there.attempt in job.attempts
        here = [copy for copy in job.copies if copy.storage == storage]
        assert not [copy for copy in here if copy.key == there.key and copy.state != "deleted"]
        assert [copy for copy in here if copy.role == "video" and copy.state in ("stored", "deleted")]
        assert not superfluous(evolve(job, attempts=()), storage, there)
        assert not superfluous(evolve(job, copies=()), storage, there)
