"""What `haulage doctor` is told of yt-dlp, FFmpeg and the JavaScript runtime."""

import pytest

from haulage_ytdlp import examine
from haulage_ytdlp.options import YtDlpOptions

OLD = "upgrade it with: pip install --upgrade yt-dlp"
NO_FFMPEG = "without it no streams are merged: pip install imageio-ffmpeg"
NO_DENO = "without it YouTube cannot be read: pip install deno"


@pytest.mark.parametrize(
    ("installed", "level", "message", "cure"),
    [
        ("2026.5.2", "good", "2026.5.2, 0 days old", ""),
        ("2026.2.1", "good", "2026.2.1, 90 days old", ""),
        ("2026.1.31", "warning", "2026.1.31 is 91 days old, and sites change", OLD),
        ("2025.5.2.232944.dev0", "warning", "2025.5.2.232944.dev0 is 365 days old, and sites change", OLD),
        ("2026.5", "warning", "2026.5 says nothing of its day", OLD),
        ("2026.13.40", "warning", "2026.13.40 says nothing of its day", OLD),
        ("0+unknown", "warning", "0+unknown says nothing of its day", OLD),
    ],
)
def test_the_age_of_yt_dlp(monkeypatch, installed, level, message, cure):
    """A release is good for ninety days; what is no release of a day is a warning too, and no error."""

    class Today(examine.datetime):
        @classmethod
        def now(cls, zone):
            return cls(2026, 5, 2, 23, 59, tzinfo=zone)

    monkeypatch.setattr(examine, "datetime", Today)
    monkeypatch.setattr(examine, "version", lambda name: {"yt-dlp": installed}[name])
    found = next(iter(examine.examine()))
    assert (found.about, found.level, found.message, found.cure) == ("yt-dlp", level, message, cure)


def program(tmp_path, name, body):
    """Put a program into a folder, and return the folder."""
    folder = tmp_path / name
    folder.mkdir()
    path = folder / name
    path.write_text(body)
    path.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("body", "level", "message", "cure"),
    [
        ("#!/bin/sh\necho 'ffmpeg version 7.1 Copyright (c) 2000'\necho more", "good", "ffmpeg version 7.1 (PATH)", ""),
        ("#!/bin/sh\nexit 3", "warning", "PATH does not run: it ended with the exit code 3", NO_FFMPEG),
        ("#!/bin/sh\nkill -9 $$", "warning", "PATH does not run: it ended with the exit code -9", NO_FFMPEG),
        ("no program", "warning", "PATH does not run: Exec format error", NO_FFMPEG),
        ("#!/no/such/shell", "warning", "PATH does not run: No such file or directory", NO_FFMPEG),
        ("#!/bin/sh\nexit 0", "warning", "PATH does not run: it says nothing", NO_FFMPEG),
        ("#!/bin/sh\nprintf 'ffmpeg \\377'", "good", "ffmpeg \N{REPLACEMENT CHARACTER} (PATH)", ""),
    ],
)
def test_ffmpeg(monkeypatch, tmp_path, body, level, message, cure):
    """The one that would be used is run; one that does not run is a warning that says why, on one line."""
    folder = program(tmp_path, "ffmpeg", body)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    [found] = [each for each in examine.examine() if each.about == "FFmpeg"]
    assert (found.level, found.message, found.cure) == (level, message.replace("PATH", f"{folder}/ffmpeg"), cure)


def test_a_program_that_hangs(monkeypatch, tmp_path):
    """It is not waited for."""
    folder = program(tmp_path, "ffmpeg", "#!/bin/sh\nexec sleep 60")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(examine, "PATIENCE", 0.2)
    [found] = [each for each in examine.examine() if each.about == "FFmpeg"]
    assert (found.level, found.cure) == ("warning", NO_FFMPEG)
    assert found.message == f"{folder}/ffmpeg does not run: it said nothing for 0.2 s"


def test_nothing_is_there(monkeypatch, tmp_path):
    """Where neither the system nor a package brings them, that is told with what to install."""
    import deno
    import imageio_ffmpeg

    def missing(error):
        def find():
            raise error("not here")

        return find

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing(RuntimeError))
    monkeypatch.setattr(deno, "find_deno_bin", missing(FileNotFoundError))
    _, ffmpeg, script = examine.examine()
    assert (ffmpeg.about, ffmpeg.level, ffmpeg.message, ffmpeg.cure) == (
        "FFmpeg",
        "warning",
        "it is not there",
        NO_FFMPEG,
    )
    assert (script.about, script.level, script.message, script.cure) == (
        "JavaScript",
        "warning",
        "it is not there",
        NO_DENO,
    )


def test_a_runtime_of_the_system(monkeypatch, tmp_path):
    """Where the package brings no JavaScript runtime, the one of the system is found."""
    import deno

    def missing():
        raise FileNotFoundError

    monkeypatch.setattr(deno, "find_deno_bin", missing)
    folder = program(tmp_path, "deno", "#!/bin/sh\necho deno 2.0.0")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    [found] = [each for each in examine.examine() if each.about == "JavaScript"]
    assert (found.level, found.message) == ("good", f"deno 2.0.0 ({folder}/deno)")


def test_a_proxy_is_told_of(new_fetcher):
    """The guard cannot see where a proxy connects to, and so it is said who has to refuse."""
    proxied = {each.about: each for each in new_fetcher(options=YtDlpOptions(proxy="http://me:pw@h:1")).examine()}
    assert (proxied["proxy"].level, "internal addresses" in proxied["proxy"].cure) == ("warning", True)
    assert "me:pw" not in str(proxied)
    assert "proxy" not in {each.about for each in new_fetcher().examine()}
