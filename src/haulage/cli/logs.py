"""Logging for the command line: lines for people, or one JSON object a line for machines."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from haulage.documents import time_document
from haulage.secrets import redact, redacted_lines

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what it carries: job, attempt, kind, duration ..."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        line = {
            "time": time_document(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        line |= {name: _public(value) for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["traceback"] = redacted_lines(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=lambda value: redact(str(value)))


class TextLines(logging.Formatter):
    """A line for people, with nothing secret in it, and below it the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        lines = [f"{record.levelname} {record.name}: {redact(record.getMessage())}"]
        if record.exc_info:
            lines.append(redacted_lines(self.formatException(record.exc_info)))
        lines.append(redacted_lines(vars(record).get("traceback", "")))
        return "\n".join(filter(None, lines))


def _public(value: Any) -> Any:
    return redacted_lines(value) if isinstance(value, str) else value


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
        handler.setFormatter(TextLines())
    logger = logging.getLogger("haulage")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel((level or ("info" if form == "json" else "error")).upper())
