"""What yt-dlp needs on this machine."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib.metadata import version

import deno  # type: ignore[import-untyped]

from haulage.plugin import Finding
from haulage_ytdlp.child.parameters import ffmpeg

OLD_DAYS = 90
"""yt-dlp itself warns when it is older than this (YoutubeDL._check_version)."""

PATIENCE = 20.0
"""Seconds that are waited for a program to say its version."""


def examine() -> Iterator[Finding]:
    """Look at yt-dlp, FFmpeg and the JavaScript runtime."""
    yield _age(version("yt-dlp"), datetime.now(UTC).date())
    yield _program("FFmpeg", ffmpeg(), "-version", "without it no streams are merged: pip install imageio-ffmpeg")
    yield _program("JavaScript", _deno(), "--version", "without it YouTube cannot be read: pip install deno")


def _age(installed: str, today: date) -> Finding:
    """A release's version is its day."""
    cure = "upgrade it with: pip install --upgrade yt-dlp"
    try:
        year, month, day = (int(part) for part in installed.split(".")[:3])
        age = (today - date(year, month, day)).days
    except ValueError:
        return Finding("yt-dlp", "warning", f"{installed} says nothing of its day", cure)
    if age > OLD_DAYS:
        return Finding("yt-dlp", "warning", f"{installed} is {age} days old, and sites change", cure)
    return Finding("yt-dlp", "good", f"{installed}, {age} days old")


def _deno() -> str | None:
    try:
        return str(deno.find_deno_bin())
    except FileNotFoundError:
        return shutil.which("deno")


def _program(name: str, path: str | None, argument: str, without: str) -> Finding:
    if path is None:
        return Finding(name, "warning", "it is not there", without)
    try:
        told = subprocess.run([path, argument], capture_output=True, timeout=PATIENCE, check=True)  # noqa: S603
        first = told.stdout.decode(errors="replace").strip().splitlines()[0]
    except OSError as error:
        why = error.strerror or type(error).__name__
    except subprocess.CalledProcessError as error:
        why = f"it ended with the exit code {error.returncode}"
    except subprocess.TimeoutExpired:
        why = f"it said nothing for {PATIENCE:g} s"
    except IndexError:
        why = "it says nothing"
    else:
        return Finding(name, "good", f"{first.partition(' Copyright')[0]} ({path})")
    return Finding(name, "warning", f"{path} does not run: {why}", without)
