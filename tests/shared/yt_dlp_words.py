"""What yt-dlp, sites and systems say when something goes wrong, and what it means."""

from attrs import frozen

from haulage.plugin import Kind


@frozen
class Said:
    """A message and what it means.

    Attributes:
        text: As yt-dlp gives it, without its prefixes.
        kind: What it means.
        module: Where in yt-dlp it is worded; "" where a site or the system does.
        words: The part of it that stands there as it is; "" for all of it.
    """

    text: str
    kind: Kind
    module: str = ""
    words: str = ""


SAID = (
    Said(
        "Video unavailable. This content isn't available, try again later. The current session has been rate-limited "
        "by YouTube for up to an hour. It is recommended to use `-t sleep` to add a delay between video requests to "
        "avoid exceeding the rate limit. For more information, refer to  "
        "https://github.com/yt-dlp/yt-dlp/wiki/Extractors#this-content-isnt-available-try-again-later",
        Kind.RATE_LIMITED,
        "extractor/youtube/_video.py",
        "has been rate-limited by YouTube for up to an hour",
    ),
    # As YouTube words it, and with its other apostrophe; yt-dlp looks for the first.
    Said(
        "Video unavailable. This content isn't available, try again later.",
        Kind.RATE_LIMITED,
        "extractor/youtube/_video.py",
        "This content isn't available, try again later",
    ),
    Said("Video unavailable. This content isn\u2019t available, try again later.", Kind.RATE_LIMITED),
    # YouTube's words: https://github.com/yt-dlp/yt-dlp/issues/10507
    Said(
        "Sign in to confirm you\u2019re not a bot. Use --cookies-from-browser or --cookies for the authentication.",
        Kind.AUTH,
    ),
    Said("Sign in to confirm you're not a bot. This helps protect our community. Learn more", Kind.AUTH),
    Said(
        "The provided YouTube account cookies are no longer valid. They have likely been rotated in the browser as a "
        "security measure.",
        Kind.AUTH,
        "extractor/youtube/_base.py",
        "The provided YouTube account cookies are no longer valid. ",
    ),
    # YouTube's words: https://github.com/ytdl-org/youtube-dl/issues/32765 and /29928
    Said(
        "Join this channel to get access to members-only content like this video, and other exclusive perks.",
        Kind.AUTH,
    ),
    Said("Join this channel from your computer or Android app to get access to this video.", Kind.AUTH),
    Said(
        "This video is only available for registered users. Use --cookies, --cookies-from-browser, --username and "
        "--password, --netrc-cmd, or --netrc (generic) to provide account credentials",
        Kind.AUTH,
        "extractor/common.py",
        "This video is only available for registered users",
    ),
    Said(
        "Private video. Login if you have permissions to watch",
        Kind.AUTH,
        "extractor/iwara.py",
    ),
    Said(
        "This video is not available from your location due to geo restriction",
        Kind.GEO,
        "extractor/common.py",
    ),
    Said(
        "Video unavailable. The uploader has not made this video available in your country",
        Kind.GEO,
        "extractor/youtube/_video.py",
        "The uploader has not made this video available in your country",
    ),
    # YouTube's words for what has not begun.
    Said("Premieres in 3 hours", Kind.NOT_YET),
    Said("Premiere will begin shortly", Kind.NOT_YET),
    Said(
        "This live event will begin at 2026-12-01 20:00 UTC",
        Kind.NOT_YET,
        "extractor/niconicochannelplus.py",
        "This live event will begin at ",
    ),
    Said("This video is DRM protected", Kind.UNAVAILABLE, "extractor/common.py"),
    Said(
        "You have requested merging of multiple formats but ffmpeg is not installed. Aborting due to --abort-on-error",
        Kind.ENVIRONMENT,
        "YoutubeDL.py",
        "You have requested merging of multiple formats but ffmpeg is not installed",
    ),
    Said(
        "ffmpeg not found. Please install or provide the path using --ffmpeg-location",
        Kind.ENVIRONMENT,
        "postprocessor/ffmpeg.py",
    ),
    Said(
        "ffprobe and ffmpeg not found. Please install or provide the path using --ffmpeg-location",
        Kind.ENVIRONMENT,
        "postprocessor/ffmpeg.py",
    ),
    Said(
        "unable to write data: [Errno 28] No space left on device",
        Kind.NO_SPACE,
        "downloader/http.py",
        "unable to write data: ",
    ),
    Said(
        "unable to write data: [Errno 122] Disk quota exceeded",
        Kind.NO_SPACE,
        "downloader/http.py",
        "unable to write data: ",
    ),
    Said("Did not get any data blocks", Kind.INVALID, "downloader/http.py"),
    Said("The downloaded file is empty", Kind.INVALID, "downloader/fragment.py"),
    Said(
        "Connection to example.org timed out. (connect timeout=20.0)",
        Kind.TRANSIENT,
        "networking/_requests.py",
        " timed out. (connect timeout=",
    ),
    # The system's words.
    Said("[Errno 104] Connection reset by peer", Kind.TRANSIENT),
    Said("[Errno -3] Temporary failure in name resolution", Kind.TRANSIENT),
    Said("Unsupported URL: https://example.org/", Kind.UNAVAILABLE, "utils/_utils.py", "Unsupported URL: "),
    Said("'nonsense' is not a valid URL", Kind.UNAVAILABLE, "extractor/generic.py", " is not a valid URL"),
    Said("No video formats found!", Kind.UNAVAILABLE, "YoutubeDL.py"),
    Said(
        "Requested format is not available. Use --list-formats for a list of available formats",
        Kind.UNAVAILABLE,
        "YoutubeDL.py",
    ),
    Said("Video unavailable", Kind.UNAVAILABLE, "extractor/youporn.py"),
    Said(
        "Video unavailable. This video has been removed by the uploader",
        Kind.UNAVAILABLE,
    ),
    Said("Episode p0 is no longer available", Kind.UNAVAILABLE, "extractor/bbc.py", " is no longer available"),
    Said("Channel x does not exist", Kind.UNAVAILABLE, "extractor/niconicochannelplus.py", " does not exist"),
)
