"""Media made on the spot with ffmpeg, from recipes whose literals say what must be measured later."""

import shutil
import subprocess
from pathlib import Path
from typing import Final, Literal

from attrs import evolve, frozen

from haulage.errors import Failure, HaulageError, Kind

MEDIA_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "m3u8": "application/vnd.apple.mpegurl",
    "m4s": "video/iso.segment",
    "mov": "video/quicktime",
    "mp4": "video/mp4",
    "mpd": "application/dash+xml",
    "ts": "video/mp2t",
    "xml": "application/rss+xml; charset=utf-8",
}
"""The MIME type by what a file's name ends with."""

_AUDIO_BITRATE: Final = 64_000
# x264's output depends on its number of threads, whose default is the number of processors.
_H264: Final = ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-pix_fmt", "yuv420p"]
_AAC: Final = ["-c:a", "aac", "-b:a", str(_AUDIO_BITRATE)]
_SAME: Final = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
ENCODING: Final = (*_H264, *_AAC, *_SAME)
"""The options of ffmpeg that give the same bytes each time."""

_LEAST_BITRATE: Final = 16_000
_BOX_HEADER: Final = 8


@frozen
class Recipe:
    """What a clip is made of; the same recipe gives the same bytes.

    Attributes:
        name: The stem of the file's name.
        duration: In seconds; a whole number of frames is measured as exactly that.
        width: Of the frames, in pixels; even.
        height: Of the frames, in pixels; even.
        fps: Frames a second.
        container: What the file ends with, too.
        hue: Turns the colours by degrees and raises the tone by hertz: other bytes in the same shape.
        size: The exact size of the file in bytes; None takes what comes of it, about 230 kB a second.
    """

    name: str = "clip"
    duration: float = 4
    width: int = 640
    height: int = 360
    fps: int = 25
    container: Literal["mp4", "mov"] = "mp4"
    hue: int = 0
    size: int | None = None

    @property
    def file_name(self) -> str:
        """The name of the file that is made."""
        return f"{self.name}.{self.container}"

    @property
    def title(self) -> str:
        """What pages call it, in words that its URL does not have."""
        return f"The {self.name} film"

    def changed(self) -> "Recipe":
        """The recipe of another whole video of the same name and shape: a second longer, and larger by as much."""
        longer = self.duration + 1
        size = None if self.size is None else int(self.size * longer / self.duration)
        return evolve(self, duration=longer, hue=self.hue + 90, size=size)


def ffmpeg() -> str:
    """Find ffmpeg: the one on PATH, else the one that imageio-ffmpeg brings.

    Raises:
        HaulageError: There is neither.
    """
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise HaulageError(
            Failure(
                Kind.ENVIRONMENT,
                "there is no ffmpeg to make media with",
                cure="pip install 'haulage[testing]'",
            )
        ) from error


def make(recipe: Recipe, folder: Path) -> Path:
    """Make the clip of a recipe in a folder that exists, and return its path.

    The index lies in front of the media, so that a file cut short still announces its full duration.
    A file of the same name is replaced.

    Raises:
        HaulageError: There is no ffmpeg, or it failed.
        ValueError: The recipe's size is too small for its frames.
    """
    path = folder / recipe.file_name
    run(recipe.file_name, *source(recipe), *ENCODING, *_bitrate(recipe), "-movflags", "+faststart", str(path))
    if recipe.size is not None:
        _pad(path, recipe.size)
    return path


def source(recipe: Recipe) -> list[str]:
    """The two inputs of ffmpeg that a recipe's picture and tone come from."""
    picture = f"testsrc2=size={recipe.width}x{recipe.height}:rate={recipe.fps}:duration={recipe.duration}"
    tone = f"sine=frequency={440 + recipe.hue}:sample_rate=44100:duration={recipe.duration}"
    return ["-f", "lavfi", "-i", f"{picture},hue=h={recipe.hue}", "-f", "lavfi", "-i", tone]


def run(name: str, *arguments: str) -> None:
    """Run ffmpeg, to make what a message calls by this name.

    Raises:
        HaulageError: There is no ffmpeg, or it failed.
    """
    result = subprocess.run(
        [ffmpeg(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise HaulageError(Failure(Kind.ENVIRONMENT, f"ffmpeg could not make {name}: {last}"))


def _bitrate(recipe: Recipe) -> list[str]:
    if recipe.size is None:
        return []
    rate = str(_video_bitrate(recipe, recipe.size))
    constant = ["-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", str(int(rate) // 10)]
    return [*constant, "-x264-params", "nal-hrd=cbr:force-cfr=1"]


def _video_bitrate(recipe: Recipe, size: int) -> int:
    """Leave room for the sound, for the index, and for what the encoder misses by; padding does the rest."""
    index = 4096 + 40 * int(recipe.duration * recipe.fps + recipe.duration * 44100 / 1024)
    bits = 8 * (0.98 * size - index) - _AUDIO_BITRATE * recipe.duration
    if bits < _LEAST_BITRATE * recipe.duration:
        raise ValueError(f"{recipe.file_name}: {size} bytes are too few for {recipe.duration} s")
    return int(bits / recipe.duration)


def _pad(path: Path, size: int) -> None:
    """Bring the file to its size with a box of free space, which every reader skips."""
    missing = size - path.stat().st_size
    if missing == 0:
        return
    if missing < _BOX_HEADER:
        raise ValueError(f"{path.name}: {size} bytes are too few for its frames, which take {size - missing}")
    with path.open("ab") as file:
        file.write(missing.to_bytes(4, "big") + b"free" + bytes(missing - _BOX_HEADER))
