"""SIGKILL, right before and right after each write to the database: nothing is lost, and nothing is done twice."""

import hashlib
import signal
import time
from datetime import datetime

import pytest


@pytest.mark.parametrize("moment", ["before", "after"])
def test_after_a_kill_at_each_save_the_same_command_goes_on(site, program, moment):
    """It has the job in hand within 5 s, stores the video once, and downloads nothing again that was recorded."""
    (program.folder / "haulage.yaml").write_text('workers: 1\nprivate_hosts: ["127.0.0.1"]\n')
    expected = hashlib.sha256(site.file("third.mp4").read_bytes()).hexdigest()
    fetched, number = [], 0
    while True:
        number += 1
        path = f"/third.mp4?{moment}-{number}"
        with program.start("-p", "killer", "get", site.url(path), environ={"KILL_AT": f"{moment} {number}"}) as process:
            _, err = process.communicate(timeout=30)
        if process.returncode == 0:
            break  # it has ended before it had written so often
        assert process.returncode == -signal.SIGKILL, err
        asked = len(site.log(path))
        had_files = _rows(program, "select files != '[]' from video_processing_jobs where url = ?", site.url(path))
        began = time.time()
        result = program.run("get", site.url(path))
        assert result.returncode == 0, f"{moment} write {number}: {result.stderr}"
        held = "select max(a.began_at) from attempts a join video_processing_jobs j on a.job = j.id where j.url = ?"
        [(at,)] = _rows(program, held, site.url(path))
        assert datetime.fromisoformat(at).timestamp() - began < 5, f"{moment} write {number}"
        stored = "select o.key, o.state, o.sha256 from stored_objects o join videos v on o.video = v.number"
        stored += " join video_processing_jobs j on v.job = j.id"
        stored += " where j.url = ? and j.due_at is null and role = 'video'"
        [(key, state, sha256)] = _rows(program, stored, site.url(path))
        assert (state, sha256) == ("stored", expected)
        assert hashlib.sha256((program.folder / "library" / key).read_bytes()).hexdigest() == expected
        if had_files == [(1,)]:
            assert len(site.log(path)) == asked, f"{moment} write {number}: it was downloaded again"
        fetched.append(had_files == [(1,)])
        files = program.stored()
        assert len(files) == number, f"{moment} write {number}: {files}"
        work = program.folder / ".haulage" / "work"
        assert [path.name for path in work.rglob("*")] == ["home"], f"{moment} write {number}"
    assert number > 8
    assert {True, False} == set(fetched)


def _rows(program, query, url):
    return program.rows(query.replace("?", f"'{url}'"))
