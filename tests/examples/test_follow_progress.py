"""The examples do what they say."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_follow_progress(site, tmp_path):
    """It prints how far it is, and ends with the video in the library."""
    command = [sys.executable, EXAMPLES / "follow_progress.py", site.url("clip.mp4")]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "store:library: 100 %" in lines
    assert lines[-1] == "downloaded clip"
    [stored] = (tmp_path / "library").rglob("video.mp4")
    assert stored.read_bytes() == site.file("clip.mp4").read_bytes()
