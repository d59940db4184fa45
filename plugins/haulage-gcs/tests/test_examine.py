"""What doctor says of a bucket."""

import json

import pytest

from haulage.plugin import SupportsExamination

PERMISSIONS = ("storage.objects.create", "storage.objects.get", "storage.objects.delete", "storage.objects.list")


@pytest.fixture
def findings(build, strict, account):
    """Makes a storage at the strict server look at itself."""

    def look(**options):
        storage = build(**{"bucket": "videos", "endpoint_url": strict.url, "token": json.dumps(account.key), **options})
        assert isinstance(storage, SupportsExamination)
        return list(storage.examine())

    return look


def test_all_is_told_of_what_works(findings, strict):
    """The endpoint and where it was set, who asks and how that was found, and the permissions."""
    strict.granted = PERMISSIONS
    endpoint, credentials, permissions = findings()
    assert {each.level for each in (endpoint, credentials, permissions)} == {"good"}
    assert {each.about for each in (endpoint, credentials, permissions)} == {"storage archive"}
    assert endpoint.message == f"the service is {strict.url}, as endpoint_url says"
    assert credentials.message == "asks as hauler@project.iam.gserviceaccount.com, by the key in token"
    assert "every permission" in permissions.message


@pytest.mark.parametrize("missing", PERMISSIONS)
def test_each_permission_that_is_missing_is_named(findings, strict, missing):
    """Whoever reads it knows what to grant."""
    strict.granted = tuple(each for each in PERMISSIONS if each != missing)
    (bad,) = [each for each in findings() if each.level != "good"]
    assert (bad.level, missing in bad.message, "gs://videos" in bad.cure) == ("bad", True, True)


def test_an_emulator_that_offers_no_look_is_fine(build, fake_gcs, bucket):
    """Where permissions cannot be looked at, nothing is said of them."""
    storage = build(bucket=bucket, token="anon", endpoint_url=fake_gcs.endpoint_url)
    assert [each.level for each in storage.examine()] == ["good", "good"]


def test_variables_that_are_not_followed_are_told_of(build):
    """Who set an emulator for other programs learns that haulage writes to Google all the same."""
    environ = {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"}
    finding = next(iter(build(bucket="videos", token="anon", environ=environ).examine()))
    assert finding.level == "warning"
    assert "https://storage.googleapis.com" in finding.message
    assert "STORAGE_EMULATOR_HOST" in finding.message
    assert "endpoint_url" in finding.cure


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"token": "missing.json"}, "cannot be read"),
        ({"bucket": "nowhere"}, "there is no bucket nowhere"),
        ({"endpoint_url": "http://127.0.0.1:1"}, "cannot be reached"),
    ],
    ids=["credentials", "bucket", "endpoint"],
)
def test_what_is_wrong_is_a_finding(findings, options, said):
    """Nothing is raised: it is told, with a cure where there is one."""
    bad = findings(**options)[-1]
    assert bad.level == "bad"
    assert said in bad.message


def test_no_key_is_shown(findings, account, strict):
    """Not even a part of it, whatever is wrong."""
    for strict.granted in (PERMISSIONS, ()):
        shown = repr(findings())
        assert account.key["private_key"][40:80] not in shown
        assert "PRIVATE" not in shown
        assert "t1" not in shown
