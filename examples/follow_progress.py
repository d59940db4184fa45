"""Haul URLs with a program of your own, and follow how far each one is.

Run it with: python examples/follow_progress.py URL...
"""

import sys

from haulage import Event, Pipeline, Progressed, Settled, Status


def follow(event: Event) -> None:
    """Print what happens; called from the threads that work."""
    match event:
        case Progressed(stage=stage, done=done, total=total) if total:
            print(f"{stage}: {100 * done // total} %")
        case Settled(again=again) if again is not None:
            print(f"resting for {again.total_seconds():g} s")


def main() -> int:
    """Haul what the command line names into ./library."""
    config = {"workers": 2, "private_hosts": ["127.0.0.1"]}
    with Pipeline.from_config(config, observers=[follow]) as pipeline:
        jobs = list(pipeline.run(sys.argv[1:]))
    for job in jobs:
        print(job.status, job.video.title if job.video else job.request.url)
    return 0 if all(job.status is Status.DOWNLOADED for job in jobs) else 1


if __name__ == "__main__":
    sys.exit(main())
