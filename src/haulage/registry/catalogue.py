"""What can be installed: component names and the packages that bring them."""

PACKAGES = {"yt-dlp": "haulage-ytdlp"}
"""Published packages by the name of the component that they offer."""
