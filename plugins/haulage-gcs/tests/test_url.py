"""`haulage url`, where Google's credentials cannot sign."""

import os

import pytest
from program import Program
from witnesses import Gcs


@pytest.fixture
def scripted(tmp_path):
    """The program with a fetcher that does what a URL says."""
    (tmp_path / "haulage.yaml").write_text("fetcher: {type: scripted}\nworkers: 1\n")
    return Program(tmp_path, ("-p", "scripted"))


def test_credentials_that_cannot_sign(scripted, fake_gcs):
    """Google's anonymous one has no key: one line says so, and the exit code is 3."""
    place = Gcs(fake_gcs, f"b-{os.urandom(6).hex()}")
    config = scripted.folder / "haulage.yaml"
    config.write_text(config.read_text() + f"storages: {{archive: {place.line}}}\n")
    assert scripted.run("get", "http://a.test/good/one").returncode == 0
    ran = scripted.run("url", "one")
    assert (ran.returncode, ran.stdout) == (3, "")
    [line] = ran.stderr.splitlines()
    assert line.startswith("haulage: cannot sign")
