"""One pipeline, three backends: the same program and the same config, but for the lines that name the storage."""

import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "one-pipeline-three-backends"
CONFIGS = sorted(EXAMPLE.glob("*.yaml"))


def test_only_the_storage_differs():
    """The configs are equal, but for what stands under `storages`."""
    assert [path.stem for path in CONFIGS] == ["gcs", "local", "s3"]
    rest = set()
    for path in CONFIGS:
        first, storage, *lines = path.read_text().splitlines()
        assert first == "storages:"
        assert storage.startswith("  archive: ")
        rest.add("\n".join(lines))
    assert len(rest) == 1


@pytest.fixture
def haul(site, tmp_path):
    """Run the example with a config; what it prints, and what the site served."""

    def run(name, **environ):
        command = [sys.executable, str(EXAMPLE / "haul.py"), f"{name}.yaml", site.url("clip.mp4")]
        (tmp_path / f"{name}.yaml").write_text((EXAMPLE / f"{name}.yaml").read_text())
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "GOOGLE_"))}
        ran = subprocess.run(command, cwd=tmp_path, env=inherited | environ, capture_output=True, text=True, timeout=99)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        status, *urls = ran.stdout.split()
        assert status == "downloaded"
        return urls

    return run


def keys(urls, top):
    """The keys of the video and of its record, below what the storage is called."""
    assert all(url.startswith(f"{top}/") for url in urls), urls
    found = sorted(url.removeprefix(f"{top}/") for url in urls)
    assert [key.rpartition("/")[2] for key in found] == ["video.json", "video.mp4"]
    return found


def test_local(haul, site, tmp_path):
    """To a folder."""
    _, video = keys(haul("local"), tmp_path / "library")
    assert (tmp_path / "library" / video).read_bytes() == site.file("clip.mp4").read_bytes()


def test_s3(haul, site, seaweed):
    """To a bucket of an S3 server."""
    import boto3

    bucket = seaweed.bucket("three-backends")
    credentials = {"AWS_ACCESS_KEY_ID": seaweed.access_key, "AWS_SECRET_ACCESS_KEY": seaweed.secret_key}
    place = {"AWS_S3_BUCKET": bucket, "AWS_REGION": "us-east-1", "S3_ENDPOINT_URL": seaweed.endpoint_url}
    _, video = keys(haul("s3", **credentials, **place), f"s3://{bucket}/videos")
    client = boto3.client(
        "s3",
        endpoint_url=seaweed.endpoint_url,
        aws_access_key_id=seaweed.access_key,
        aws_secret_access_key=seaweed.secret_key,
        region_name="us-east-1",
    )
    found = client.get_object(Bucket=bucket, Key=f"videos/{video}")
    assert found["ContentType"] == "video/mp4"
    assert found["Body"].read() == site.file("clip.mp4").read_bytes()


def test_gcs(haul, site, fake_gcs):
    """To a bucket of a GCS server."""
    bucket = fake_gcs.bucket("three-backends")
    place = {"GCS_BUCKET": bucket, "GCS_ENDPOINT_URL": fake_gcs.endpoint_url, "GCS_TOKEN": "anon"}
    _, video = keys(haul("gcs", **place), f"gs://{bucket}/videos")
    url = f"{fake_gcs.endpoint_url}/storage/v1/b/{bucket}/o/{urllib.parse.quote(f'videos/{video}', safe='')}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert json.load(answer)["contentType"] == "video/mp4"
    with urllib.request.urlopen(f"{url}?alt=media", timeout=10) as answer:
        assert answer.read() == site.file("clip.mp4").read_bytes()
