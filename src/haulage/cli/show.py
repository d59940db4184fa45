"""`haulage show`: all that is known of one video."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from attrs import frozen

from haulage.cli.moments import local
from haulage.cli.settings import Settings, common
from haulage.documents import time_document

if TYPE_CHECKING:
    from haulage import Job, Pipeline


@click.command("show")
@click.argument("name", metavar="VIDEO")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(ctx: click.Context, name: str, as_json: bool) -> None:
    """Tell the whole story of a video, named by its id or its URL: attempts, waits, facts, and where it lies."""
    from haulage.cli.choose import one
    from haulage.cli.report import document, tries_document
    from haulage.secrets import one_line

    with ctx.ensure_object(Settings).pipeline() as pipeline:
        job = one(pipeline, name)
        if as_json:
            facts, wait = job.facts, _wait(job, pipeline)
            story = document(job, pipeline)
            stored = (copy.stored_at for copy in job.copies if copy.state == "stored")
            story |= {
                "objects": [
                    each | {"stored_at": time_document(moment)}
                    for each, moment in zip(story["objects"], stored, strict=True)
                ],
                "job": job.id,
                "site": job.site,
                "twin": job.twin,
                "added": time_document(job.added),
                "video_codec": facts and facts.video_codec,
                "audio_codec": facts and facts.audio_codec,
                "fetched_by": facts and facts.fetched_by,
                "waits": wait and {"until": time_document(wait.until), "reason": wait.reason},
                "owed": [
                    {"storage": each.storage, "roles": list(each.roles), "next": time_document(each.next)}
                    for each in _owed(job, pipeline)
                ],
                "tries": tries_document(job),
            }
            click.echo(json.dumps(story, indent=2, ensure_ascii=False))
        else:
            for label, text in _story(job, pipeline):
                click.echo(f"{label:<9} {one_line(text)}")


def _story(job: "Job", pipeline: "Pipeline") -> "Iterator[tuple[str, str]]":
    from rich.filesize import decimal

    from haulage import ENDED, Query
    from haulage.cli.report import again_text, facts_text, name
    from haulage.secrets import public_url

    yield "title", name(job)
    yield "url", public_url(job.request.url)
    if job.video:
        yield "video", " ".join(each for each in (job.video.source, job.video.id, job.request.variant) if each)
        yield "channel", job.video.channel_id
    yield "site", job.site
    if job.subscription:
        yield "from", f"the subscription {job.subscription}"
    yield "added", local(job.added)
    yield "status", job.status.value
    if waits := _wait(job, pipeline):
        yield "waits", f"{f'until {local(waits.until)}' if waits.until else 'for you'}: {waits.reason}"
    for twin in pipeline.find(Query(ids=(job.twin,))) if job.twin else ():
        yield "same as", public_url(twin.request.url)
    if job.facts:
        codecs = ", ".join(each for each in (job.facts.video_codec, job.facts.audio_codec) if each)
        fetched_by = f", by {job.facts.fetched_by}" if job.facts.fetched_by else ""
        yield "facts", f"{facts_text(job)}, {job.facts.container} ({codecs}){fetched_by}"
    if job.files:
        yield "sha256", job.files[0].sha256
    for copy in job.copies:
        unknown = "not stored" if job.status in ENDED else "still growing"
        size = unknown if copy.size is None else decimal(copy.size)
        when = local(copy.deleted_at or copy.stored_at)
        yield (
            copy.state,
            " ".join(filter(None, (when, f"{copy.role}, {size}: {pipeline.object_url(copy) or copy.key}"))),
        )
    for debt in _owed(job, pipeline):
        yield "owed", f"{', '.join(debt.roles)} to {debt.storage}; {debt.when}"
    failed = {each.attempt: each for each in job.tries}
    for number, attempt in enumerate(job.attempts, 1):
        if attempt in failed:
            ended = failed[attempt]
            what = f"{ended.failure.kind.value}: {ended.failure}"
            wait = "" if ended.wait is None else f"; {again_text(ended.failure, ended.wait)}"
            yield f"attempt {number}", f"{local(ended.ended)} {ended.stage or 'begin'}: {what}{wait}"
        elif number == len(job.attempts) and job.status not in ENDED:
            share = f" {100 * job.done // job.total} %" if job.total else ""
            yield f"attempt {number}", f"{job.stage or 'begin'}{share}"
        else:
            yield f"attempt {number}", "no failure"


@frozen
class _Debt:
    """What is owed to a mirror.

    Attributes:
        storage: Which.
        roles: The files that it lacks.
        next: When a worker tries again; None where that cannot be said.
        when: The same for people, or what they can do.
    """

    storage: str
    roles: tuple[str, ...]
    next: datetime | None
    when: str


def _owed(job: "Job", pipeline: "Pipeline") -> "Iterator[_Debt]":
    """What is owed to each mirror of a video that is downloaded."""
    from haulage import Query
    from haulage.contracts.totals import owed

    debts = [(name, roles) for name in pipeline.store_to(job)[1:] if (roles := owed(job, name))]
    if not debts:
        return
    due, when = None, f"not tried again by itself; bring it there with: haulage retry {job.id}"
    if next(pipeline.find(Query(ids=(job.id,), running=True)), None):
        when = "a worker is at it"
    elif next(pipeline.find(Query(ids=(job.id,), unfinished=True)), None):
        last = job.tries[-1] if job.tries and job.tries[-1].attempt == job.attempts[-1] else None
        due = last.ended + last.wait if last is not None and last.ended and last.wait is not None else None
        late = due is None or due <= datetime.now(UTC)
        when = "the next worker tries: haulage work" if late else f"tried again at {local(due)}"
    for name, roles in debts:
        yield _Debt(name, roles, due, when)


@frozen
class _Wait:
    """What a job waits for.

    Attributes:
        until: When it is due; None where a person has to do something.
        reason: Why it waits.
    """

    until: datetime | None
    reason: str


def _wait(job: "Job", pipeline: "Pipeline") -> _Wait | None:
    """What a job waits for, if that is more than a worker."""
    from haulage import ENDED, Query

    if job.status in ENDED or next(pipeline.find(Query(ids=(job.id,), running=True)), None):
        return None
    waits = []
    last = job.tries[-1] if job.tries and job.tries[-1].attempt == job.attempts[-1] else None
    if last is not None and last.ended is not None and last.wait is not None:
        waits.append(_Wait(last.ended + last.wait, str(last.failure)))
    for site in pipeline.sites():
        if site.name == job.site and site.opens is None:
            return _Wait(None, f"{site.reason}; once that is mended: haulage resume {site.name}")
        if site.name == job.site and site.opens is not None:
            waits.append(_Wait(site.opens, f"{site.name} is closed: {site.reason}"))
    wait = max(waits, key=lambda each: each.until or datetime.now(UTC), default=None)
    return wait if wait and wait.until and wait.until > datetime.now(UTC) else None
