"""The program `haulage`: finds commands, and turns errors into one line and an exit code."""

import importlib
import keyword
import sys
import threading
from typing import Any

import click

from haulage.cli.exits import Exit
from haulage.cli.settings import common
from haulage.cli.signals import heard, heed, show_cursor

COMMANDS = {
    "config": "Start, check and explain the config.",
    "copy": "Bring videos that are stored to another storage.",
    "delete": "Delete videos from the storages.",
    "demo": "Haul from a site on this machine, to see it work.",
    "doctor": "Look at everything that a haul needs.",
    "failures": "Group what failed by reason and source, with what to do.",
    "fsck": "Compare the database with the storages.",
    "get": "Haul videos from URLs.",
    "import": "Take in what was downloaded before haulage.",
    "list": "List what was asked for, and what became of it.",
    "plugins": "List what plugins offer, and explain it.",
    "prune": "Delete what the rules of retention let go.",
    "resume": "Open a site that was closed.",
    "retry": "Try again what failed.",
    "show": "Tell the whole story of one video.",
    "status": "Count jobs by state, and show what is running; live, too.",
    "sync": "Haul what is new in subscriptions.",
    "url": "Print a URL that lets anybody read a stored video for a while.",
    "usage": "Tell what is stored, how it grows, and what it costs.",
    "work": "Haul whatever waits in the queue.",
}
"""The commands and their summaries; each has a module of its own, which is imported when it runs."""


class _Commands(click.Group):
    """Imports a command when it is asked for, and no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """See click.Group."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """See click.Group."""
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command = importlib.import_module(f"haulage.cli.{name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """See click.Group; without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"haulage {version('haulage')}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@common
def program() -> None:
    """Haul videos from URLs into any storage: whole, once, and recorded.

    \b
    Exit codes:
      0  all done
      1  something that was named was not hauled
      2  wrong usage or config
      3  something that is needed cannot be used
      4  stopped early; the next run goes on
    """  # noqa: D301 - click keeps the lines behind this very character


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit."""
    heed()
    sys.excepthook = lambda _, error, __: _tell(error)
    threading.excepthook = lambda told: _tell(told.exc_value)
    code = run(arguments)
    if code == Exit.STOPPED:
        show_cursor()
    # An interrupt that met source text while it was executed, as by namedtuple, was handled above like any other.
    # CPython remembers it until it executes such text again, and would end `python -m` by SIGINT instead of the code.
    exec("")  # noqa: S102
    sys.exit(code)


def _tell(error: BaseException | None) -> None:
    """Tell of a bug, by a traceback with nothing secret in it."""
    from haulage.secrets import public_traceback

    if error is not None and not isinstance(error, SystemExit):
        print(public_traceback(error), file=sys.stderr)  # noqa: T201


def run(arguments: list[str] | None = None) -> int:
    """Run the program; the exit code."""
    try:
        code: Any = program.main(arguments, prog_name="haulage", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("stopped", err=True)
        return Exit.STOPPED
    except Exception as error:
        from haulage.errors import HaulageError, Kind, StorageError
        from haulage.secrets import redact

        if not isinstance(error, HaulageError):
            raise
        for line in str(error).splitlines():
            click.echo(f"haulage: {redact(line)}", err=True)
        wrong = error.failure.kind is Kind.CONFIG and not isinstance(error, StorageError)
        return Exit.USAGE if wrong else Exit.UNUSABLE
    finally:
        heard()
    return code if isinstance(code, int) else 0
