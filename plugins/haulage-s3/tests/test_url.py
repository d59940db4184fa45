"""`haulage url`: a URL that serves a stored file, and nothing else."""

import hashlib
import json
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from program import Program
from witnesses import S3


def digest(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def scripted(tmp_path):
    """The program with a fetcher that does what a URL says."""
    (tmp_path / "haulage.yaml").write_text("fetcher: {type: scripted}\nworkers: 1\n")
    return Program(tmp_path, ("-p", "scripted"))


@pytest.fixture
def bucket(scripted, seaweed):
    """A library of one video in a bucket, and a mirror in a folder."""
    place = S3(seaweed, f"b-{os.urandom(6).hex()}")
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text() + f"storages: {{archive: {place.line}, nas: nas}}\n")
    program = Program(scripted.folder, scripted.options, environ=place.environ)
    assert program.run("get", "http://a.test/good/one").returncode == 0
    return program, place


def test_a_bucket_serves_whoever_has_the_url(bucket):
    """For a while, that file alone, with no credentials; the URL is in no log."""
    program, place = bucket
    ran = program.run("--log-format", "json", "url", "one")
    assert ran.returncode == 0
    [url] = ran.stdout.splitlines()
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"one"
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url.partition("?")[0], timeout=10)
    secret = url.partition("Signature=")[2].partition("&")[0]
    assert len(secret) > 20
    assert secret not in ran.stderr
    assert [line["key"] for line in map(json.loads, ran.stderr.splitlines()) if "key" in line] == [
        "channel/one/video.mp4"
    ]
    record = program.run("url", "one", "--role", "record").stdout.strip()
    with urllib.request.urlopen(record, timeout=10) as answer:
        assert digest(answer.read()) == place.objects()["channel/one/video.json"].sha256


def test_the_document(bucket):
    """It says until when the URL serves, and what is behind it."""
    program, _ = bucket
    told = program.json("url", "one", "--lifetime", "10m", "--json")
    with urllib.request.urlopen(told["url"], timeout=10) as answer:
        assert digest(answer.read()) == told["sha256"]
    left = datetime.fromisoformat(told["expires"]) - datetime.now(UTC)
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    named = {key: told[key] for key in ("signed", "storage", "role", "key", "size")}
    assert named == {
        "signed": True, "storage": "archive", "role": "video", "key": "channel/one/video.mp4", "size": 3,
    }  # fmt: skip


def test_a_folder_has_no_urls(bucket):
    """What the file is called is printed, and standard error says why."""
    program, _ = bucket
    ran = program.run("url", "one", "--storage", "nas")
    assert (ran.returncode, ran.stdout) == (0, f"{program.folder}/nas/channel/one/video.mp4\n")
    assert ran.stderr == "haulage: nas cannot sign URLs; this is what the file is called there\n"
    assert program.json("url", "one", "--storage", "nas", "--json")["signed"] is False


def test_what_cannot_be_had(bucket):
    """A clear line, and exit code 2 where another question helps, 1 where the file is gone."""
    program, place = bucket
    for arguments, said in {
        ("two",): "no video 'two'",
        ("one", "--storage", "nsa"): "no storage 'nsa' in the config; there are: archive, nas",
        ("one", "--role", "thumbnail"): "no thumbnail of it is stored; there is: video in archive",
        ("one", "--lifetime", "soon"): "'soon' is no duration; give one such as 90s, 1h or 7d",
        ("one", "--lifetime", "8d"): "ask for 7 days at most",
    }.items():
        ran = program.run("url", *arguments)
        assert (ran.returncode, ran.stdout) == (2, ""), arguments
        assert said in ran.stderr
    place.client.delete_object(Bucket=place.bucket, Key="channel/one/video.mp4")
    ran = program.run("url", "one")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "channel/one/video.mp4 is not there any more" in ran.stderr
