"""Media made on the spot."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from attrs import evolve

from haulage.errors import HaulageError, Kind
from haulage.testing import Recipe, ffmpeg, make

SMALL = Recipe(duration=1, width=160, height=90)


def described(path: Path) -> str:
    """What `ffmpeg -i` says of a file."""
    return subprocess.run([ffmpeg(), "-hide_banner", "-i", path], capture_output=True, text=True).stderr


def test_default_clip(tmp_path: Path) -> None:
    """The clip is what its recipe says, to ffmpeg."""
    path = make(Recipe(), tmp_path)
    said = described(path)
    assert path == tmp_path / "clip.mp4"
    assert "Duration: 00:00:04.00," in said
    assert re.search(r"Video: h264.* 640x360 .* 25 fps", said)
    assert "Audio: aac" in said


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_other_literals(tmp_path: Path, container: Literal["mp4", "mov"]) -> None:
    """Every literal of a recipe is found again in the file."""
    recipe = Recipe("other", duration=2.5, width=320, height=240, fps=30, container=container)
    said = described(make(recipe, tmp_path))
    assert "Duration: 00:00:02.50," in said
    assert re.search(r"Video: h264.* 320x240 .* 30 fps", said)
    assert f"other.{container}" in said


def test_same_recipe_same_bytes(tmp_path: Path) -> None:
    """The same recipe gives the same bytes, and another hue gives others."""
    digests = []
    for name, hue in (("a", 0), ("b", 0), ("c", 90)):
        (tmp_path / name).mkdir()
        made = make(evolve(SMALL, hue=hue), tmp_path / name)
        digests.append(hashlib.sha256(made.read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]


def test_changed() -> None:
    """The recipe of a changed video is a second longer, and one with a size is larger by as much."""
    assert (Recipe(duration=4).changed().duration, Recipe(duration=4).changed().size) == (5, None)
    assert Recipe(duration=4, size=300_000).changed().size == 375_000


def test_index_in_front(tmp_path: Path) -> None:
    """A file cut to 60 % still announces its full duration."""
    path = make(Recipe(), tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    assert "Duration: 00:00:04.00," in described(path)


@pytest.mark.parametrize("size", [300_000, 1_000_000, 20_000_000])
def test_size(tmp_path: Path, size: int) -> None:
    """A recipe with a size gives a file of exactly that size, nearly all of it sound media."""
    path = make(Recipe("sized", size=size), tmp_path)
    assert path.stat().st_size == size
    decoded = subprocess.run([ffmpeg(), "-v", "error", "-i", path, "-f", "null", "-"], capture_output=True)
    assert (decoded.returncode, decoded.stderr) == (0, b"")
    stream = [ffmpeg(), "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy", "-f", "h264", "-"]
    assert len(subprocess.run(stream, capture_output=True).stdout) > 0.8 * size


@pytest.mark.parametrize(("duration", "height", "size"), [(4, 360, 48_000), (1, 1080, 25_000)])
def test_size_too_small(tmp_path: Path, duration: int, height: int, size: int) -> None:
    """A size that the frames cannot keep to is refused."""
    with pytest.raises(ValueError, match=f"clip.mp4: {size} bytes are too few"):
        make(Recipe(duration=duration, width=1920, height=height, size=size), tmp_path)


def test_ffmpeg_fails(tmp_path: Path) -> None:
    """What ffmpeg refuses to make is an error of the environment, with ffmpeg's own last line."""
    with pytest.raises(HaulageError, match=r"ffmpeg could not make clip\.mp4: \S+") as caught:
        make(Recipe(), tmp_path / "absent")
    assert caught.value.failure.kind is Kind.ENVIRONMENT


def test_ffmpeg_from_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ffmpeg on PATH comes first."""
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ffmpeg() == str(program)


def test_no_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no ffmpeg at all, the error names the extra that brings one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(HaulageError) as caught:
        ffmpeg()
    assert caught.value.failure.kind is Kind.ENVIRONMENT
    assert caught.value.failure.cure == "pip install 'haulage[testing]'"
