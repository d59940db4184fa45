"""`haulage show`: all that is known of one video."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from haulage.cli.settings import Settings, common

if TYPE_CHECKING:
    from haulage import Job, Pipeline


@click.command("show")
@click.argument("name", metavar="VIDEO")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(ctx: click.Context, name: str, as_json: bool) -> None:
    """Tell the whole story of a video, named by its id or its URL: attempts, waits, facts, and where it lies."""
    from haulage.cli.choose import named
    from haulage.cli.report import document, tries_document
    from haulage.secrets import one_line, public_url

    with ctx.ensure_object(Settings).pipeline() as pipeline:
        job, *others = named(pipeline, [name])
        if others:
            # Not by their URLs: variants of a video have one in common.
            ids = ", ".join(
                " ".join(filter(None, (each.id, public_url(each.request.url), each.request.variant)))
                for each in (job, *others)
            )
            raise click.UsageError(f"{name!r} means {1 + len(others)} videos; name one by what comes first here: {ids}")
        if as_json:
            story = document(job, pipeline)
            story |= {"job": job.id, "site": job.site, "twin": job.twin, "tries": tries_document(job)}
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
    yield "status", job.status.value
    for twin in pipeline.find(Query(ids=(job.twin,))) if job.twin else ():
        yield "same as", public_url(twin.request.url)
    if job.facts:
        codecs = ", ".join(each for each in (job.facts.video_codec, job.facts.audio_codec) if each)
        yield "facts", f"{facts_text(job)}, {job.facts.container} ({codecs})"
    if job.files:
        yield "sha256", job.files[0].sha256
    for copy in job.copies:
        size = "still growing" if copy.size is None else decimal(copy.size)
        yield copy.state, f"{copy.role}, {size}: {pipeline.object_url(copy) or copy.key}"
    failed = {each.attempt: each for each in job.tries}
    for number, attempt in enumerate(job.attempts, 1):
        if attempt in failed:
            ended = failed[attempt]
            what = f"{ended.failure.kind.value}: {ended.failure}"
            wait = "" if ended.wait is None else f"; {again_text(ended.failure, ended.wait)}"
            yield f"attempt {number}", f"{_time(ended.ended)} {ended.stage or 'begin'}: {what}{wait}"
        elif number == len(job.attempts) and job.status not in ENDED:
            share = f" {100 * job.done // job.total} %" if job.total else ""
            yield f"attempt {number}", f"{job.stage or 'begin'}{share}"
        else:
            yield f"attempt {number}", "no failure"


def _time(moment: datetime | None) -> str:
    return moment.astimezone().isoformat(" ", "seconds") if moment else ""
