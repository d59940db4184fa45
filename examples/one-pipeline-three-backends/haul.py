"""Haul URLs into whatever storage a config names.

Run it with: python haul.py CONFIG URL...
"""

import sys

from haulage import Pipeline, Status


def main(config: str, *urls: str) -> int:
    """Haul, and print where each file of each video lies; no line of this knows the storage."""
    with Pipeline.from_config(config) as pipeline:
        jobs = list(pipeline.run(urls))
        for job in jobs:
            print(job.status, *(pipeline.object_url(copy) for copy in job.copies))
    return 0 if all(job.status is Status.DOWNLOADED for job in jobs) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
