"""G06. No leak: a haul that was killed, stopped or failed leaves nothing of its own, and touches nobody else's."""

import signal

import pytest
from harness.chains import Point
from harness.oracle import judge
from witnesses import S3, Gcs

POINT = Point("upload.write after", 9)
"""A part has been sent, and nothing is visible yet."""


def strangers(chain):
    """Put files, objects and open uploads of somebody else where haulage works; where they can be found again."""
    beside = "127.0.0.1/stranger.mp4"
    files = [chain.workspace / "notes.txt", chain.workspace / "somebody" / "else" / "file"]
    match chain.place:
        case S3(client=client, bucket=bucket):
            client.put_object(Bucket=bucket, Key=beside, Body=b"not yours")
            client.create_multipart_upload(Bucket=bucket, Key=beside)
        case Gcs():
            chain.place.put(beside, b"not yours")
        case _:
            files += [chain.place.folder / beside, chain.place.folder / "127.0.0.1" / ".stranger-half"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"not yours")
    return files


def without(verdict, *names):
    """What is wrong but for what belongs to others."""
    return [
        each for each in (*verdict.lost, *verdict.partial, *verdict.leaked) if not any(name in each for name in names)
    ]


@pytest.mark.parametrize("ending", ["kill", "stop", "fail"])
def test_what_a_haul_leaves_is_gone_after_the_next_one(chain, ending, site, digest):
    """Uploads, files and processes of a haul that ended early are ended; those of others stay as they were."""
    files = strangers(chain)
    before, open_before = chain.place.objects(), chain.place.unfinished()
    url = site.url(f"/large.mp4?{ending}")
    match ending:
        case "kill":
            assert chain.crash(url, POINT).held
        case "fail":
            chain.crash(url, POINT, CRASH_HOW="conflict")
            assert chain.place.unfinished() == open_before, f"{chain.name}: a failure left an upload open"
        case "stop":
            running = chain.start("get", url, CRASH_AT=str(POINT), CRASH_HOW="wait")
            site.wait_for(lambda asked: any(each.path.endswith(f"?{ending}") for each in asked), 60)
            chain.wait_for_point()
            running.signal(signal.SIGTERM)
            (chain.program.folder / "waiting").unlink()
            assert running.end(30).code == 4
            assert chain.place.unfinished() == open_before, f"{chain.name}: a stopped haul left an upload open"
            assert not chain.program.processes(), f"{chain.name}: a stopped haul left a process"
    chain.work("get", url)
    verdict = judge(chain, {url: digest("large.mp4")})
    wrong = without(verdict, "stranger", "notes.txt", "somebody")
    assert not wrong, f"{chain.name}: after a {ending} and another run: {wrong}"
    assert chain.place.unfinished() == open_before, f"{chain.name}: somebody else's upload was ended"
    assert before.items() <= chain.place.objects().items(), f"{chain.name}: somebody else's object was touched"
    assert all(file.read_bytes() == b"not yours" for file in files), f"{chain.name}: somebody else's file was touched"
