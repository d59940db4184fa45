"""`haulage url`: a URL that lets anybody read one stored file of a video."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from haulage.cli.exits import Exit
from haulage.cli.moments import Duration
from haulage.cli.settings import Settings, common
from haulage.documents import time_document

if TYPE_CHECKING:
    from haulage import Copy, Job, Pipeline

_log = logging.getLogger(__name__)


@click.command("url")
@click.argument("name", metavar="VIDEO")
@click.option("--storage", metavar="NAME", help="Of the file in this storage; by default the first that holds it.")
@click.option("--role", default="video", metavar="ROLE", help="Of this file: video, record, subtitle.en, ...; video.")
@click.option("--lifetime", type=Duration(), default="1h", metavar="DURATION", help="How long it serves; 1h.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@common
@click.pass_context
def command(
    ctx: click.Context, name: str, storage: str | None, role: str, lifetime: timedelta, as_json: bool
) -> int | None:
    """Print a URL that lets whoever has it read a stored file for a while. It is a secret.

    Where the storage cannot sign URLs, what the file is called there is printed instead, and standard error says so.
    """
    from haulage.cli.choose import holders, one
    from haulage.contracts.storage import SupportsSignedUrl
    from haulage.errors import Kind, StorageError

    with ctx.ensure_object(Settings).pipeline() as pipeline:
        [job] = holders(pipeline, [one(pipeline, name)])
        copy = _chosen(pipeline, job, storage, role)
        place = pipeline.assembly.place(copy.storage)
        there, called = place.reading(copy.key), place.url(copy.key)
        if there.stat(copy.key) is None:
            click.echo(f"haulage: {called} is not there any more, as haulage fsck can tell", err=True)
            return Exit.NOT_ALL
        url, signed = called, isinstance(there, SupportsSignedUrl)
        if isinstance(there, SupportsSignedUrl):
            try:
                url = there.signed_url(copy.key, lifetime)
            except StorageError as error:
                if error.failure.kind is Kind.CONFIG:
                    raise click.UsageError(str(error)) from None
                raise
            _log.info(
                "signed a URL for %s", called, extra={"storage": copy.storage, "key": copy.key, "size": copy.size}
            )
        if as_json:
            told = {
                "url": url,
                "signed": signed,
                "expires": time_document(datetime.now(UTC) + lifetime) if signed else None,
                "storage": copy.storage,
                "role": copy.role,
                "key": copy.key,
                "size": copy.size,
                "sha256": copy.sha256,
            }
            click.echo(json.dumps(told, indent=2))
        else:
            click.echo(url)
        if not signed:
            click.echo(f"haulage: {copy.storage} cannot sign URLs; this is what the file is called there", err=True)
    return None


def _chosen(pipeline: "Pipeline", job: "Job", storage: str | None, role: str) -> "Copy":
    """The copy that is meant.

    Raises:
        UsageError: There is none.
    """
    config = pipeline.assembly.config
    if storage is not None and storage not in config.storages:
        raise click.UsageError(f"no storage {storage!r} in the config; there are: {', '.join(config.storages)}")
    order = (storage,) if storage else tuple(dict.fromkeys((*pipeline.store_to(job), *config.storages)))
    stored = [copy for copy in job.copies if copy.state == "stored" and copy.storage in order]
    found = [copy for copy in stored if copy.role == role]
    if not found:
        has = ", ".join(f"{copy.role} in {copy.storage}" for copy in stored) or "nothing"
        raise click.UsageError(f"no {role} of it is stored{f' in {storage}' if storage else ''}; there is: {has}")
    return min(found, key=lambda copy: order.index(copy.storage))
