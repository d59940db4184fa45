"""Download a video, check it, and collect the files that go with it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import evolve
from yt_dlp.version import __version__ as yt_dlp_version

from haulage.plugin import Failure, FetchError, FetchResult, Kind, MediaFile, Video, public_url, without_secrets
from haulage_ytdlp import wire
from haulage_ytdlp.child import measure
from haulage_ytdlp.child.find import completed, only
from haulage_ytdlp.child.limits import LANGUAGE, check_size
from haulage_ytdlp.child.session import Ydl
from haulage_ytdlp.options import YtDlpOptions

_TOLD = (
    *("id", "title", "fulltitle", "description", "uploader", "uploader_id", "channel", "channel_id", "duration"),
    *("upload_date", "timestamp", "release_date", "language", "age_limit", "categories", "tags", "chapters"),
    *("view_count", "like_count", "comment_count", "series", "season_number", "episode", "episode_number"),
    *("artist", "album", "track", "license", "location", "live_status", "was_live", "extractor_key"),
)
"""What of a page's information is kept: none of it gives access to anything."""

_PICTURES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_SUBTITLES = {"vtt": "text/vtt", "srt": "application/x-subrip"}


def download(ydl: Ydl, video: Video, folder: Path, options: YtDlpOptions) -> FetchResult:
    """Download a video into the current folder, which is `folder`.

    Raises:
        FetchError: There is not exactly one whole file in the end.
    """
    info = only(ydl.extract_info(video.url, download=True))
    downloads = info.get("requested_downloads") or []
    paths = [folder / each["filepath"] for each in downloads if each.get("filepath")]
    if len(paths) != 1 or not _lies_in(folder, paths[0]):
        raise FetchError(Failure(Kind.INVALID, "yt-dlp reported success and left no file"))
    whole = completed(video, info)
    facts = measure.measure(paths[0], whole.duration)
    main = _file(paths[0], "video", facts.container, measure.media_type(facts.container))
    check_size(main.size, options.max_filesize)
    facts = evolve(facts, fetched_by=f"yt-dlp {yt_dlp_version}")
    return FetchResult(whole, (main, *_sidecars(whole, info, folder, options)), facts)


def growing(video: Video, status: dict[str, Any], options: YtDlpOptions) -> wire.Growing | None:
    """What grows while it is downloaded; None where the final file is made of it later.

    Args:
        video: What was asked for.
        status: What yt-dlp told its progress hook.
        options: What the operator wants.
    """
    info, name = status["info_dict"], status.get("tmpfilename") or ""
    made_later = options.audio_only or options.container or info.get("requested_formats")
    extension = info.get("ext")
    if made_later or info.get("protocol") not in ("http", "https"):
        return None
    # Otherwise it is a subtitle, what has to be measured to be known, or one of the streams that are merged.
    if extension not in measure.MEDIA_TYPES or Path(name).name != f"video.{extension}.part":
        return None
    return wire.Growing(Path(name).name, completed(video, info), extension, measure.media_type(extension))


def _sidecars(video: Video, info: dict[str, Any], folder: Path, options: YtDlpOptions) -> Iterator[MediaFile]:
    if options.info:
        path = folder / "video.info.json"
        told = {name: _without_secrets(info[name]) for name in _TOLD if info.get(name) is not None}
        told["id"] = video.id  # where a page has none, yt-dlp makes one of the whole URL
        told["webpage_url"] = public_url(str(info.get("webpage_url") or info.get("original_url") or ""))
        path.write_text(json.dumps(told, ensure_ascii=False, indent=2, default=str), encoding="utf-8")
        yield _file(path, "info", "info.json", "application/json")
    for each in reversed(info.get("thumbnails") or []):
        path = folder / (each.get("filepath") or "")
        extension = path.suffix[1:].lower()
        if options.thumbnail and extension in _PICTURES and _lies_in(folder, path):
            yield _file(path, "thumbnail", extension, _PICTURES[extension])
            break
    for language, each in (info.get("requested_subtitles") or {}).items():
        path = folder / (each.get("filepath") or "")
        extension = path.suffix[1:].lower()
        if LANGUAGE.fullmatch(language) and extension in _SUBTITLES and _lies_in(folder, path):
            yield _file(path, f"subtitle.{language}", f"{language}.{extension}", _SUBTITLES[extension])


def _without_secrets(value: Any) -> Any:
    match value:
        case str():
            return without_secrets(value)
        case list():
            return [_without_secrets(each) for each in value]
        case dict():
            return {key: _without_secrets(each) for key, each in value.items()}
    return value


def _lies_in(folder: Path, path: Path) -> bool:
    return folder in path.parents and path.is_file() and not path.is_symlink()


def _file(path: Path, role: str, extension: str, media_type: str) -> MediaFile:
    return MediaFile(path, role, extension, media_type, path.stat().st_size, measure.sha256(path))
