"""Write what `haulage sync --json > hauled.jsonl` hauled as a table of Markdown: python summary.py hauled.jsonl."""

import html
import json
import sys
from pathlib import Path


def cell(text: object) -> str:
    """A title, or a failure, may hold anything; it is no markup here."""
    plain = html.escape(" ".join(str(text).split()))
    return "".join(f"&#{ord(each)};" if each in "|`*_[]()~#!\\:@" else each for each in plain)


def main() -> None:
    """Count all, and list what was stored and what failed."""
    jobs = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    videos = [job for job in jobs if job["status"] not in ("expanded", "duplicate")]
    stored = [job for job in videos if job["status"] == "downloaded"]
    size = sum(job["size"] for job in stored) / 1e6
    print(f"### {len(stored)} stored ({size:,.1f} MB), {len(videos) - len(stored)} not\n")
    print("| status | subscription | video | MB | why not |\n| --- | --- | --- | ---: | --- |")
    for job in videos:
        failure = job["error"] and f"{job['error']['kind']}: {job['error']['message']}"
        told = job["status"], job["subscription"] or "", job["title"] or job["url"]
        print(f"| {' | '.join(map(cell, told))} | {(job['size'] or 0) / 1e6:,.1f} | {cell(failure or '')} |")


main()
