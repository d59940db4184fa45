"""What can be set for the fetcher in the config."""

from typing import Literal

from attrs import frozen, validators

from haulage.plugin import Size, option


@frozen
class YtDlpOptions:
    """The options of `type: yt-dlp`."""

    max_height: int | None = option(
        None,
        help="Take no picture with more lines than this; where a page does not say, it is taken.",
        example="1080",
        validator=validators.optional(validators.ge(1)),
    )
    audio_only: bool = option(False, help="Keep the sound alone.", example="true")
    format: str = option(
        "",
        help="A format selection of yt-dlp, instead of max_height and audio_only's own.",
        example='"bestvideo[vcodec^=avc1]+bestaudio/best"',
    )
    container: Literal["mp4", "mkv", "webm", "m4a", "mp3", "opus"] | None = option(
        None,
        help="The container that videos shall have; streams are not encoded anew, but for mp3 and opus.",
        example="mp4",
    )
    subtitles: tuple[str, ...] = option(
        (), help="Store subtitles in these languages, where there are any.", example="[en, de]"
    )
    thumbnail: bool = option(False, help="Store the thumbnail.", example="true")
    info: bool = option(False, help="Store what the page says of the video, as JSON.", example="true")
    cookies: str = option(
        "",
        help="A file of cookies in Netscape's format, for sites that ask for a sign-in; it is only read.",
        example="cookies.txt",
    )
    proxy: str = option(
        "", help="The proxy that everything is fetched through.", example="http://proxy:3128", secret=True
    )
    rate_limit: Size | None = option(
        None,
        help="How many bytes a second one download may take.",
        example="2MiB",
        validator=validators.optional(validators.ge(1)),
    )
    max_filesize: Size | None = option(
        None,
        help="Take no video with more bytes than this, counted as they come; by default the disk alone sets a limit.",
        example="20GiB",
        validator=validators.optional(validators.ge(1)),
    )
