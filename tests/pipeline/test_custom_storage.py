"""The storage plugin that the documentation shows, installed and at work on a real server."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from haulage.errors import Kind, StorageError
from haulage.values import Status

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "custom-storage"
PAGE = ROOT / "docs" / "plugins" / "storage-on-fsspec.md"


@pytest.fixture
def installed(tmp_path_factory, monkeypatch):
    """The example as an installer would leave it: its module can be imported, and its metadata lie beside it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    site = tmp_path_factory.mktemp("site")
    info = site / f"haulage_sftp-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    [(group, points)] = project["entry-points"].items()
    lines = [f"{name} = {module}" for name, module in points.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.syspath_prepend(str(EXAMPLE / "src"))


def config(server, path, **changed):
    nas = {
        "type": "sftp",
        "host": "127.0.0.1",
        "port": server.port,
        "user": "u",
        "path": path,
        "known_hosts": str(server.known_hosts),
    }
    return {"storages": {"nas": {**nas, **changed}}, "private_hosts": ["127.0.0.1"]}


def test_a_haul_to_a_server(pipeline, serve, installed, sftp_server):
    """A file comes to lie on the server, whole, and beside it what it is; nothing else does."""
    text = "whole " * 500_000
    with pipeline(**config(sftp_server, "/shows")) as hauling:
        [job] = hauling.run([serve("UC1/clip", text)])
        assert job.status is Status.DOWNLOADED
        names = {"video": "video.mp4", "record": "video.json"}
        urls = {role: f"sftp://127.0.0.1/shows/UC1/clip/{name}" for role, name in names.items()}
        assert {copy.role: hauling.object_url(copy) for copy in job.copies} == urls
    folder = sftp_server.folder / "shows" / "UC1" / "clip"
    assert {path for path in (sftp_server.folder / "shows").rglob("*") if path.is_file()} == {
        folder / name for name in names.values()
    }
    assert (folder / "video.mp4").read_text() == text
    assert json.loads((folder / "video.json").read_text())["title"] == "Title of clip"


def test_a_strangers_object_is_not_overwritten(pipeline, serve, installed, sftp_server):
    """What lies on the server already stays, and the job says why it ended."""
    there = sftp_server.folder / "taken" / "UC1" / "clip" / "video.mp4"
    there.parent.mkdir(parents=True)
    there.write_text("mine")
    with pipeline(**config(sftp_server, "/taken")) as hauling:
        [job] = hauling.run([serve("UC1/clip", "whole")])
    assert job.status is Status.FAILED
    assert job.tries[-1].failure.kind is Kind.CONFLICT
    assert there.read_text() == "mine"


@pytest.mark.parametrize("server", ["another", "none"])
def test_a_server_that_cannot_be_trusted_or_reached_stops_the_run(
    pipeline, serve, installed, sftp_server, tmp_path, server
):
    """A server with another key, or none at all, is told in a storage's words."""
    (tmp_path / "hosts").write_text("")
    changed = {"known_hosts": "hosts"} if server == "another" else {"port": 1}
    with pipeline(**config(sftp_server, "/never", **changed)) as hauling, pytest.raises(StorageError) as caught:
        list(hauling.run([serve("UC1/clip", "whole")]))
    assert caught.value.failure.kind is Kind.DENIED
    assert str(caught.value).startswith("cannot sign in at 127.0.0.1: ")


def test_the_page_shows_the_example_as_it_is():
    """What people copy from the page is what these tests ran."""
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert blocks == [
        (EXAMPLE / name).read_text() for name in ("src/haulage_sftp.py", "pyproject.toml", "tests/test_conformance.py")
    ]


def test_the_config_of_the_page_is_accepted(pipeline, installed):
    """The lines for `haulage.yaml` name every option that has no default."""
    from ruamel.yaml import YAML

    [block] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    plain = json.loads(json.dumps(YAML(typ="safe").load(block)))
    with pipeline(**plain) as hauling:
        chosen = hauling.assembly.config.storages["nas"]
        assert (chosen.type, chosen.options.host) == ("sftp", "nas.example.com")
