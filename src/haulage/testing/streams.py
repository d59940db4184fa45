"""Streams made on the spot with ffmpeg: a playlist or a manifest, and the segments that it names."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from haulage.testing.media import ENCODING, Recipe, run, source

HLS: Final = (
    Recipe("360p", width=640, height=360),
    Recipe("480p", width=854, height=480),
    Recipe("720p", width=1280, height=720),
)
"""What the resolutions of the HLS stream are made of; each holds picture and sound."""

DASH: Final = Recipe("dash")
"""What the DASH stream is made of; its picture and its sound are apart."""

_BITRATES: Final = ("200k", "400k", "800k")
_SEGMENT: Final = "1"


def make_hls(folder: Path) -> None:
    """Make `master.m3u8`, and for each resolution a playlist and segments of a second, all in one folder.

    Raises:
        HaulageError: There is no ffmpeg, or it failed.
    """
    inputs, outputs, names = [], [], []
    for number, (recipe, bitrate) in enumerate(zip(HLS, _BITRATES, strict=True)):
        inputs += source(recipe)
        outputs += ["-map", f"{2 * number}:v", "-map", f"{2 * number + 1}:a", f"-b:v:{number}", bitrate]
        names.append(f"v:{number},a:{number},name:{recipe.name}")
    outputs += ["-f", "hls", "-hls_time", _SEGMENT, "-hls_playlist_type", "vod", "-var_stream_map", " ".join(names)]
    outputs += ["-master_pl_name", "master.m3u8", "-hls_segment_filename", str(folder / "%v-%03d.ts")]
    run("the HLS stream", *inputs, *ENCODING, "-g", str(HLS[0].fps), *outputs, str(folder / "%v.m3u8"))


def make_dash(folder: Path) -> None:
    """Make `manifest.mpd`, and segments of a second for picture and sound each, all in one folder.

    Raises:
        HaulageError: There is no ffmpeg, or it failed.
    """
    outputs = ["-b:v", _BITRATES[0], "-f", "dash", "-seg_duration", _SEGMENT]
    outputs += ["-adaptation_sets", "id=0,streams=v id=1,streams=a", str(folder / "manifest.mpd")]
    run("the DASH stream", *source(DASH), *ENCODING, "-g", str(DASH.fps), *outputs)


STREAMS: Final[Mapping[str, Callable[[Path], None]]] = {"dash": make_dash, "hls": make_hls}
"""What makes the files of each stream."""
