"""`haulage demo`: the whole thing at work, without the internet."""

import os
from pathlib import Path

import click

from haulage.cli.exits import Exit
from haulage.cli.settings import Settings, common

_ON_SITE = ("clip.mp4", "second.mp4", "503-twice/third.mp4", "404/gone.mp4", "short/clip.mp4")


@click.command("demo")
@click.option("--folder", default="haulage-demo", show_default=True, help="Where to haul to.")
@common
@click.pass_context
def command(ctx: click.Context, folder: str) -> int:
    """Haul from a site that this command starts on this machine, with everything else at its default.

    Of five videos three are stored, one of them after its server has failed twice; one is not there, and one is cut
    short by its server each time, which haulage notices.
    """
    from haulage import Pipeline, Status
    from haulage.cli.display import Display
    from haulage.cli.list import show
    from haulage.cli.logs import begin_logging
    from haulage.testing import LoopbackSite

    settings = ctx.ensure_object(Settings)
    begin_logging(settings.log_format, settings.log_level)
    Path(folder).mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    display = Display(quiet=settings.log_format == "json")
    # Five small videos find room on any disk.
    config = {"private_hosts": ["127.0.0.1"], "workspace": {"min_free": 0}}
    with LoopbackSite() as site, Pipeline.from_config(config, observers=[display]) as pipeline:
        urls = [site.url(each) for each in _ON_SITE]
        with display:
            jobs = []
            for job in pipeline.run(urls):
                jobs.append(job)
                display.result(job, pipeline)
        click.echo()
        show(jobs, "Nothing was hauled.")
    click.echo(f"\nThe videos lie in {Path.cwd() / 'library'}.")
    stored = sum(job.status is Status.DOWNLOADED for job in jobs)
    return Exit.DONE if stored == 3 and len(jobs) == len(_ON_SITE) else Exit.NOT_ALL
