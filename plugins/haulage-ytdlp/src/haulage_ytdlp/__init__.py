"""The yt-dlp fetcher of haulage."""
