"""A run, as the commands that haul show it, and the exit code that it ends with."""

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator

from haulage import ENDED, HaulageError, Job, Limits, Query, Request, Status
from haulage.cli.display import Display
from haulage.cli.exits import Exit
from haulage.cli.report import document
from haulage.cli.settings import Settings
from haulage.cli.signals import graceful
from haulage.cli.tally import Tally
from haulage.pipeline.budget import uncounted
from haulage.secrets import one_line

_log = logging.getLogger(__name__)

_LIMITED = "ended by --{}; what was not finished stays in the queue, and the same command goes on with it"
_INTERRUPTED = "stopped; what was not finished stays in the queue, and the same command goes on with it"


def haul(
    settings: Settings,
    requests: Iterable[Request] | None,
    *,
    subscriptions: Iterable[str] | None = None,
    as_json: bool = False,
    forever: bool = False,
) -> Exit:
    """Haul, show how it goes, and return the exit code.

    Args:
        settings: What every command takes.
        requests: What to haul; None for all that waits.
        subscriptions: Instead: what is new in these subscriptions; in all of them, where it names none.
        as_json: Print a line of JSON for each job that ends, instead of a line for people.
        forever: Wait for more when nothing is left.
    """
    display = Display(quiet=settings.log_format == "json")
    try:
        return _haul(settings, requests, subscriptions, display, as_json, forever)
    except KeyboardInterrupt:
        display.last(_INTERRUPTED)
        return Exit.STOPPED
    except HaulageError:
        display.account()
        raise


def _haul(
    settings: Settings,
    requests: Iterable[Request] | None,
    subscriptions: Iterable[str] | None,
    display: Display,
    as_json: bool,
    forever: bool,
) -> Exit:
    tally = Tally()
    pipeline = settings.pipeline(display)

    def give_up() -> None:
        pipeline.abandon()
        display.last(_INTERRUPTED)

    limits = Limits(settings.max_duration, settings.max_bytes)
    ways_out = graceful(pipeline.stop, display.say, give_up, settings.max_duration)
    with ways_out as stopped, pipeline, display:
        noted = None if requests is None else _noted(requests, tally)
        lists = {} if subscriptions is None else pipeline.subscribed(subscriptions)
        for request in lists.values():
            tally.name(request.id)
        queue = requests is None and subscriptions is None
        display.uncounted(uncounted(pipeline.assembly.config.budget, pipeline.assembly.rates))
        display.left_alone(pipeline.sites())  # who asks for what waits shall not wonder
        run = pipeline.sync(lists, limits=limits) if lists else pipeline.run(noted, forever=forever, limits=limits)
        vanished: list[str] = []
        with contextlib.closing(run) as jobs:
            for job in jobs:
                gone = [name for name, each in lists.items() if each.id == job.id and _failed(job)]
                vanished += [_vanished(name, job) for name in gone]
                left = (stopped() or pipeline.limit is not None) and job.status not in ENDED
                if not forever:
                    tally.add(job, None if left else display.word(job))
                if left:
                    continue
                if as_json:
                    print(json.dumps(document(job, pipeline), ensure_ascii=False), flush=True)  # noqa: T201
                else:
                    display.result(job, pipeline)
        if queue and not forever and not stopped() and pipeline.limit is None:
            # Nobody named these, and nobody works on them: their sites wait for a person.
            for job in pipeline.find(Query(unfinished=True)):
                tally.add(job, display.word(job))
        if not as_json:
            display.summary(tally.words)
            display.account()
        for line in vanished:
            display.say(line)
            _log.warning("%s", line)  # where the log is all that is shown
        display.closed(pipeline.sites(), tally.sites)
        left = tally.left
        if queue:
            left = forever or next(pipeline.find(Query(unfinished=True)), None) is not None
        if stopped() and left:
            display.say("stopped; what was not begun stays in the queue, and the same command goes on with it")
            return Exit.STOPPED
        if pipeline.limit is not None and left:
            line = _LIMITED.format(pipeline.limit.replace("_", "-"))
            display.say(line)
            _log.info("%s", line)
            return Exit.STOPPED
        return tally.code(pipeline)


def _failed(job: Job) -> bool:
    return job.status in (Status.FAILED, Status.UNAVAILABLE)


def _vanished(name: str, job: Job) -> str:
    why = f": {job.tries[-1].failure}" if job.tries else ""
    said = f"subscription {name} cannot be read{why}; nothing of it was deleted, and the next sync asks again"
    return one_line(said)


def _noted(requests: Iterable[Request], tally: Tally) -> Iterator[Request]:
    for request in requests:
        tally.name(request.id)
        yield request
