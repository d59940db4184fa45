"""Imports from buckets: names that no layout of ours makes mean themselves, and are read, copied and never written."""

import hashlib
import json
import os
import urllib.request

from program import Program
from witnesses import S3

NAMES = ("Ä 100% #1", "v1?versionId=2", "a+b%2Fc & (d)")
LAYOUT = ("--layout", "old/%(title)s [%(id)s].%(ext)s")


def put(place, key, data):
    """Store an object by another client."""
    if isinstance(place, S3):
        place.client.put_object(Bucket=place.bucket, Key=key, Body=data)
    else:
        place.put(key, data)


def check_import(folder, site, kind, server):
    """Take in a bucket: each name is one object; the service copies them under names of ours, we to a folder.

    Args:
        folder: Where the program runs.
        site: Where the videos are said to come from.
        kind: Of a bucket, as other clients see it.
        server: Where the buckets are.
    """
    old, new = (kind(server, f"{name}-{os.urandom(4).hex()}") for name in ("old", "new"))
    lines = f"storages: {{old: {old.line}, new: {new.line}, library: library}}\nstore_to: [old]\n"
    (folder / "haulage.yaml").write_text(f"private_hosts: [127.0.0.1]\n{lines}")
    program = Program(folder, environ=old.environ)
    with urllib.request.urlopen(site.url("/clip.mp4?bytes"), timeout=30) as answer:
        data = answer.read()
    urls = [site.url(f"/clip.mp4?{os.urandom(4).hex()}-{number}") for number in range(len(NAMES))]
    for name, url in zip(NAMES, urls, strict=True):
        told = {"_type": "video", "id": "clip", "extractor_key": "Generic", "webpage_url": url, "title": name}
        put(old, f"old/{name} [clip].info.json", json.dumps(told).encode())
        put(old, f"old/{name} [clip].mp4", data)
    put(old, "v1", b"another")
    put(old, "old/short [clip].mp4", data[:-3000])
    put(old, "old/short [clip].info.json", json.dumps({**told, "webpage_url": urls[0] + "0", "title": "s"}).encode())
    before = old.objects()
    result = program.run("import", "--from", "old", *LAYOUT)
    assert (result.returncode, result.stdout.count("imported\t")) == (1, 3), result.stdout + result.stderr
    assert "old/short [clip].mp4\tit " in result.stdout
    rows = program.rows("select key, size, sha256, attempt from stored_objects where role = 'video' order by key")
    digest = hashlib.sha256(data).hexdigest()
    assert rows == [(f"old/{name} [clip].mp4", len(data), digest, "") for name in sorted(NAMES)]
    assert not list((program.folder / ".haulage" / "work").glob(".import-*")), "what was brought here to measure stays"
    assert program.run("fsck", "--deep").returncode == 0
    assert program.run("get", *urls).returncode == 0
    for to in ("new", "library"):
        copied = program.run("copy", "--from", "old", "--to", to)
        assert copied.returncode == 0, copied.stdout + copied.stderr
    files = [path.read_bytes() for path in (program.folder / "library").rglob("*.mp4")]
    assert [hashlib.sha256(each).hexdigest() for each in files] == [digest] * 3
    assert sorted(each.sha256 for key, each in new.objects().items() if key.endswith(".mp4")) == [digest] * 3
    moved = program.run("copy", "--from", "old", "--to", "new", "--move", "--yes")
    assert (moved.returncode, moved.stdout.count("it was imported")) == (1, 3)
    assert {key: old.objects().get(key) for key in before} == before, "an object of others was touched"
    assert [url for url in urls if site.log(url)] == [], "what was there was downloaded"
