"""What can be set for the fetcher in the config."""

from attrs import frozen


@frozen
class YtDlpOptions:
    """The options of `type: yt-dlp`: none yet."""
