"""What `get --dry-run` shows: what would be hauled."""

import json
from collections.abc import Iterable
from typing import Any

import click

from haulage import HaulageError, Pipeline, Query, Request, Status, Video
from haulage.cli.settings import Settings
from haulage.secrets import one_line, public_url


def preview(settings: Settings, requests: Iterable[Request], *, as_json: bool = False) -> int:
    """List what would be hauled, and return the exit code: 1 if something cannot be looked at.

    Lists are expanded; nothing is put into the queue, and no video is downloaded.
    """
    code = 0
    with settings.pipeline() as pipeline:
        for request in requests:
            try:
                for found in pipeline.expand(request):
                    _tell(pipeline, request, found, as_json)
            except HaulageError as error:
                click.echo(f"{public_url(request.url)}: {error}", err=True)
                code = 1
    return code


def _tell(pipeline: Pipeline, request: Request, found: Video | Request, as_json: bool) -> None:
    video = found if isinstance(found, Video) else None
    had = video is not None and _is_stored(pipeline, video)
    url = public_url(found.url)
    if as_json:
        told: dict[str, Any] = {
            "source": video and video.source,
            "video_id": video and video.id,
            "variant": request.variant,
        }
        told |= {"title": video and video.title, "url": url, "stored": had}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        name = one_line(f"{video.source} {video.id} {request.variant}") if video else "?"
        click.echo(f"{'had already' if had else 'would haul':<11}  {name}: {one_line(url)}")


def _is_stored(pipeline: Pipeline, video: Video) -> bool:
    identity = (video.source, video.id, video.variant)
    jobs = pipeline.find(Query(video_id=video.id, status=(Status.DOWNLOADED,)))
    return any(job.video and (job.video.source, job.video.id, job.video.variant) == identity for job in jobs)
