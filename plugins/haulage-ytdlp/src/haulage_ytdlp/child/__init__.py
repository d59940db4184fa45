"""The program that fetches: run as `python -m haulage_ytdlp.child`, never imported by haulage itself."""
