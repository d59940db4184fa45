"""The subscriptions are hauled by cron, systemd and GitHub Actions as the example says."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

EXAMPLE = Path(__file__).parents[2] / "examples" / "subscriptions"
BIN = Path(sys.executable).parent
PLACES = {
    "https://www.youtube.com/@example/videos": "feed.xml",
    "https://example.com/talks/feed.xml": "feed.xml?talks",
    "https://example.com/films.html": "videos.html",
}
"""What stands for each URL of the example on the site of these tests."""


@pytest.fixture
def folder(tmp_path, site):
    """The example in a folder of its own, with subscriptions to the site of these tests."""
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(BIN)
    config = tmp_path / "haulage.yaml"
    text = config.read_text()
    for url, path in PLACES.items():
        assert text.count(url) == 1
        text = text.replace(url, site.url(path))
    config.write_text(f"{text}private_hosts: [127.0.0.1]\n")
    return tmp_path


def run(command, folder, **environ):
    """Run a command by a shell, as cron and GitHub do."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HAULAGE")}
    return subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=folder,
        env={**kept, "PATH": os.pathsep.join([str(BIN), kept["PATH"]]), **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )


def stored(folder):
    """How many videos each storage of the example holds."""
    return {name: len(list((folder / name).rglob("video*.mp4"))) for name in ("library", "talks")}


def test_cron_hauls_what_is_new(folder):
    """Each line has a time, and a command that ends well; the second night nothing is new."""
    lines = [line for line in (folder / "crontab").read_text().splitlines() if not line.startswith("#")]
    commands = [re.fullmatch(r"\d+ \d+ \* \* [*0] (.+)", line)[1].replace("/srv/haulage", ".") for line in lines]
    for command in commands:
        result = run(command, folder)
        assert result.returncode == 0, result.stderr
    assert stored(folder) == {"library": 3, "talks": 3}
    result = run(commands[0], folder)
    assert (result.returncode, "stored  " in result.stdout) == (0, False), result.stdout


def test_systemd_runs_the_same(folder):
    """Its units are what systemd takes; where they end early that is no failure."""
    units = {}
    for name in ("haulage.service", "haulage.timer"):
        units[name] = configparser.ConfigParser(strict=True, interpolation=None)
        units[name].optionxform = str
        units[name].read(EXAMPLE / name)
    service, timer = units["haulage.service"]["Service"], units["haulage.timer"]["Timer"]
    assert (service["Type"], service["SuccessExitStatus"], timer["Persistent"]) == ("oneshot", "4", "yes")
    assert re.fullmatch(r"\*-\*-\* \d\d:\d\d:\d\d", timer["OnCalendar"])
    assert service["ReadWritePaths"] == service["WorkingDirectory"] == "/srv/haulage"
    words = shlex.split(service["ExecStart"].replace("/srv/haulage", "."))
    result = run(shlex.join(words), folder)
    assert result.returncode == 0, result.stderr
    assert all(json.loads(line) for line in result.stderr.splitlines())
    assert stored(folder) == {"library": 3, "talks": 3}


@pytest.fixture
def workflow():
    """What the workflow says; "on" is a key in YAML 1.2."""
    return YAML(typ="safe").load(EXAMPLE / "subscriptions.yml")


def test_github_hauls_and_tells_it(folder, workflow):
    """The job's summary lists each video, and a run that ends early is green."""
    [script] = [step["run"] for step in workflow["jobs"]["sync"]["steps"] if step.get("name") == "Haul what is new"]
    summary = folder / "summary"
    result = run(script.replace("--max-bytes 50GB", "--max-bytes 1B"), folder, GITHUB_STEP_SUMMARY=str(summary))
    assert (result.returncode, "::notice::ended early" in result.stdout) == (0, True), result.stderr
    assert summary.read_text().startswith("### ")
    summary.unlink()
    result = run(script, folder, GITHUB_STEP_SUMMARY=str(summary))
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert stored(folder) == {"library": 3, "talks": 3}
    head, _, _, _, *rows = summary.read_text().splitlines()
    assert re.fullmatch(r"### \d stored \([\d.]+ MB\), 0 not", head)
    row = re.compile(r"\| downloaded \| (news|talks|films) \| [^|]+ \| [\d.]+ \|  \|")
    assert all(map(row.fullmatch, rows)), rows


def test_a_job_that_failed_is_red_and_told(folder, workflow):
    """A list that has vanished gives the exit code to the job, and its row says why."""
    [script] = [step["run"] for step in workflow["jobs"]["sync"]["steps"] if step.get("name") == "Haul what is new"]
    config = folder / "haulage.yaml"
    config.write_text(config.read_text().replace("videos.html", "404/x/videos.html"))
    summary = folder / "summary"
    result = run(script, folder, GITHUB_STEP_SUMMARY=str(summary))
    assert result.returncode == 1
    assert "subscription films cannot be read" in result.stderr
    [row] = [line for line in summary.read_text().splitlines() if line.startswith("| unavailable")]
    assert "films" in row


def test_a_title_is_no_markup_in_a_summary(tmp_path):
    """Whatever a site calls its videos."""
    hostile = "<img src=x> | [click](http://e.test) `x` **b**\n# head ::error:: @all"
    job = {"status": "downloaded", "subscription": "news", "title": hostile, "url": "", "size": 10, "error": None}
    (tmp_path / "hauled.jsonl").write_text(json.dumps(job))
    command = [sys.executable, EXAMPLE / "summary.py", "hauled.jsonl"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    row = told.splitlines()[-1]
    assert row.count("|") == 6
    assert not set("<>`*[]()#@:") & set(re.sub(r"&[#\w]+;", "", row))


def test_the_workflow_may_do_little(workflow):
    """It reads the repository, runs one at a time, and keeps its database whatever becomes of the run."""
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    steps = workflow["jobs"]["sync"]["steps"]
    saved = [step for step in steps if step.get("uses", "").startswith("actions/cache/save")]
    assert [(step["if"], step["with"]["path"]) for step in saved] == [("always()", "haulage.db*")]
    assert not re.search(r"secrets\.", (EXAMPLE / "subscriptions.yml").read_text())
