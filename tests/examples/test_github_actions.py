"""The workflows are what GitHub and haulage understand, may do little, and hold no secret."""

import re
import shlex
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from haulage import Pipeline
from haulage.cli.main import program

EXAMPLE = Path(__file__).parents[2] / "examples" / "github-actions"
WORKFLOWS = sorted(EXAMPLE.glob("*.yml"))
ACTIONS = {
    "actions/cache/restore": {"path", "key", "restore-keys"},
    "actions/cache/save": {"path", "key"},
    "actions/checkout": {"persist-credentials"},
    "actions/setup-python": {"python-version"},
    "aws-actions/configure-aws-credentials": {"role-to-assume", "aws-region"},
    "google-github-actions/auth": {"workload_identity_provider", "service_account"},
}
"""The actions that may be used, with the inputs that their own pages describe."""


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def text(request):
    """A workflow."""
    return request.param.read_text()


@pytest.fixture
def workflow(text):
    """What it says; "on" is a key in YAML 1.2."""
    return YAML(typ="safe").load(text)


@pytest.fixture
def job(workflow):
    """Its only job."""
    [job] = workflow["jobs"].values()
    return job


@pytest.fixture
def environ(job):
    """The environment of the only step that has one of its own: what installs packages sees no secret."""
    assert "env" not in job
    [environ] = [step["env"] for step in job["steps"] if "env" in step]
    return environ


def test_there_is_one_with_secrets_and_one_without():
    """These two are what the page describes, and only the first reads secrets."""
    with_oidc, with_secrets = (path.read_text() for path in WORKFLOWS)
    assert "secrets." not in with_oidc
    names = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_S3_BUCKET"}
    assert set(re.findall(r"secrets\.(\w+)", with_secrets)) == names


def test_it_runs_on_a_schedule_one_at_a_time(workflow):
    """Every night, and by hand; two runs never share the database."""
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
    [schedule] = workflow["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", schedule["cron"])
    assert workflow["concurrency"]["group"]


def test_it_may_do_little(workflow, job):
    """It reads the repository, and asks for a token where it must; nothing more."""
    assert workflow["permissions"] == {"contents": "read"}
    asks = any("role-to-assume" in step.get("with", {}) for step in job["steps"])
    assert job.get("permissions") == ({"contents": "read", "id-token": "write"} if asks else None)


def test_its_actions_have_the_inputs_that_it_gives(job):
    """Each action is used in a version that is named, with inputs that it has."""
    used = [step for step in job["steps"] if "uses" in step]
    for step in used:
        name, _, version = step["uses"].partition("@")
        assert re.fullmatch(r"v\d+", version)
        assert set(step["with"]) <= ACTIONS[name]
    saved = [step for step in used if step["uses"].startswith("actions/cache/save")]
    assert [step["if"] for step in saved] == ["always()"]


def test_its_commands_are_haulages(job):
    """Each call of haulage is one that its own command line accepts."""
    lines = [line for step in job["steps"] for line in step.get("run", "").splitlines() if line.startswith("haulage")]
    assert [line.split()[1] for line in lines] == ["doctor", "get"]
    for line in lines:
        accept(program, shlex.split(line))


def accept(command, words, parent=None):
    """Parse a command line as the program does, without running anything."""
    with command.make_context(words[0], words[1:], parent=parent) as ctx:
        if isinstance(command, click.Group):
            rest = [*ctx._protected_args, *ctx.args]
            accept(command.get_command(ctx, rest[0]), rest, ctx)


def test_its_config_is_good(job, environ, monkeypatch, tmp_path):
    """Its config is accepted with the environment that it sets, and its packages bring what that names."""
    monkeypatch.chdir(tmp_path)
    for name in environ:
        monkeypatch.setenv(name, "some-value")
    with Pipeline.from_config(EXAMPLE / environ["HAULAGE_CONFIG"]) as pipeline:
        types = {chosen.type for chosen in pipeline.assembly.config.storages.values()}
    [install] = [step["run"] for step in job["steps"] if step.get("run", "").startswith("pip install")]
    assert install == f"pip install 'haulage[{','.join(['ytdlp', *sorted(types, reverse=True)])}]'"


def test_it_holds_no_secret(job, environ, text):
    """What is told to an action or a program comes from the repository's settings; nothing looks like a key."""
    told = {**environ, **{name: value for step in job["steps"] for name, value in step.get("with", {}).items()}}
    for name, value in told.items():
        if re.search(r"KEY|SECRET|TOKEN|BUCKET|REGION|role|region|provider|account", name):
            assert re.fullmatch(r"\$\{\{ (secrets|vars)\.\w+ \}\}", value), f"{name} is {value!r}"
    assert not re.search(r"AKIA[0-9A-Z]{16}|[A-Za-z0-9/+]{40}(?![/\w])|\d{12}|-----BEGIN", re.sub(r"#.*", "", text))
