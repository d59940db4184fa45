"""From options and surroundings to a storage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from haulage.plugin import BuildContext, Kind, StorageError
from haulage_s3.options import S3Options
from haulage_s3.plugin import haulage_storages

[RECORD] = haulage_storages()
KEY = "UC1/v1/video.mp4"


def build(environ=None, **options):
    return RECORD.build(S3Options(**options), BuildContext("archive", Path(), environ or {}))


def test_the_plugin_loads_no_backend():
    """Offering the storage imports nothing of what it is made with."""
    backends = {"s3fs", "fsspec", "botocore", "aiobotocore", "aiohttp"}
    code = f"import sys, haulage_s3.plugin; print(*{backends} & {{*sys.modules}})"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""


def test_the_bucket_can_come_from_the_environment():
    """Without a bucket in the config AWS_S3_BUCKET names it; without either that is said."""
    assert build({"AWS_S3_BUCKET": "from-there"}).url(KEY) == f"s3://from-there/{KEY}"
    assert build({"AWS_S3_BUCKET": "from-there"}, bucket="here", prefix="/a/b/").url(KEY) == f"s3://here/a/b/{KEY}"
    with pytest.raises(StorageError, match=r"storage 'archive': it names no bucket; set bucket, or .* AWS_S3_BUCKET"):
        build()


@pytest.mark.parametrize(
    "options",
    [
        {"secret_access_key": "x"},
        {"access_key_id": "x"},
        {"kms_key_id": "x"},
        {"kms_key_id": "x", "encryption": "AES256"},
    ],
)
def test_options_that_do_not_fit_together_are_refused(options):
    """Half of the credentials, or a key for an encryption that has none, is a mistake in the config."""
    with pytest.raises(StorageError) as caught:
        build(bucket="b", **options)
    assert caught.value.failure.kind is Kind.CONFIG


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint_url": "minio:9000"},
        {"endpoint_url": "ftp://minio"},
        {"endpoint_url": "https://user:password@minio"},
        {"prefix": "a//b"},
        {"prefix": "a/../b"},
        {"prefix": "a\nb"},
        {"buffer": 1 << 20},
    ],
)
def test_values_that_cannot_be_are_refused(options):
    """An endpoint that is no URL, a prefix that is no folder, or a buffer below a part is refused."""
    with pytest.raises(ValueError, match=r"\w"):
        S3Options(bucket="b", **options)


def test_secrets_are_in_no_repr(strict):
    """Neither the options nor what is built of them shows a secret."""
    options = S3Options(bucket="b", access_key_id="planted-id", secret_access_key="planted", session_token="planted-t")
    storage = RECORD.build(options, BuildContext("archive", Path(), {}))
    assert "planted" not in repr([options, storage, storage.service, storage.service.where])


def test_settings_of_fsspec_do_not_redirect(strict, put, tmp_path):
    """What FSSPEC_S3_* and fsspec's own files say of S3 changes nothing of where a storage writes."""
    configured = tmp_path / "fsspec"
    configured.mkdir()
    (configured / "s3.json").write_text('{"s3": {"endpoint_url": "http://127.0.0.1:9", "anon": true}}')
    server = strict.server
    code = f"""
import hashlib, sys
from pathlib import Path
from haulage.plugin import BuildContext
from haulage_s3.options import S3Options
from haulage_s3.plugin import haulage_storages
[record] = haulage_storages()
options = S3Options(bucket={strict.name!r}, region="us-east-1", endpoint_url={server.endpoint_url!r})
storage = record.build(options, BuildContext("archive", Path(), {{}}))
print(storage.stat("video.mp4").size)
"""
    strict.boto.put_object(Bucket=strict.name, Key="video.mp4", Body=b"seven!!")
    surroundings = {
        "FSSPEC_CONFIG_DIR": str(configured),
        "FSSPEC_S3_KEY": "wrong",
        "FSSPEC_S3_SECRET": "wrong",
        "FSSPEC_S3_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
    }
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **surroundings}
    )
    assert told.stdout == "7\n", told.stderr[-2000:]


@pytest.mark.parametrize("where", ["environment", "profile", "AWS_PROFILE"])
def test_credentials_are_found_as_every_tool_finds_them(strict, monkeypatch, tmp_path, where):
    """Environment variables, a profile of the config and AWS_PROFILE each lead to credentials."""
    server = strict.server
    options = {}
    if where == "environment":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    else:
        keys = f"aws_access_key_id = {server.access_key}\naws_secret_access_key = {server.secret_key}\n"
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "credentials").write_text(f"[mine]\n{keys}")
        if where == "AWS_PROFILE":
            monkeypatch.setenv("AWS_PROFILE", "mine")
        else:
            options["profile"] = "mine"
    storage = build(bucket=strict.name, region="us-east-1", endpoint_url=server.endpoint_url, **options)
    strict.boto.put_object(Bucket=strict.name, Key=KEY, Body=b"seven!!")
    assert storage.stat(KEY).size == 7
    storage.close()
