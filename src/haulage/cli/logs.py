"""Logging for the command line: lines for people, or one JSON object a line for machines."""

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what it carries: job, attempt, kind, duration ..."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class _Stderr(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to whatever standard error is at the moment: a progress display puts itself in its place."""

    @property
    def stream(self):  # type: ignore[no-untyped-def]
        return sys.stderr

    @stream.setter
    def stream(self, _: object) -> None:
        pass


def begin_logging(form: str, level: str | None) -> None:
    """Log from now on to standard error.

    Args:
        form: "text" or "json".
        level: The least severe level to show; by default "error" as text, since commands show what happens in their own
            way, and "info" as JSON.
    """
    handler = _Stderr()
    if form == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("haulage")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel((level or ("info" if form == "json" else "error")).upper())
