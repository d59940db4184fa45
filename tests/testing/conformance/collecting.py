"""A pytest plugin that notes which laws each class kept and broke, and how."""

import json
import os
import sys
from pathlib import Path

import pytest

COSTLY = ("at_once_the", "at_once_do", "many_threads", "writers_of_other", "any_history", "a_cancel_ends_a_fetch")

outcomes: dict[str, dict[str, str]] = {}


def pytest_collection_modifyitems(items):
    """Of a law that is not the one a component breaks one case is enough for the table; of a costly one, none."""
    last = {(item.cls, item.originalname): item for item in items}
    cheap = {item for item in last.values() if not any(each in item.originalname for each in COSTLY)}
    items[:] = [item for item in items if item in cheap or item.cls.about in ("", item.originalname)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    laws = outcomes.setdefault(item.cls.__name__, {})
    if call.excinfo is not None:
        kind = call.excinfo.type.__name__ if report.when == "call" else f"{call.excinfo.type.__name__} in {report.when}"
        laws[item.originalname] = kind
    elif report.when == "call":
        laws.setdefault(item.originalname, "kept")
    return report


def pytest_sessionfinish(session):
    Path(os.environ["OUTCOMES"]).write_text(json.dumps(outcomes))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    """End at once, whatever threads a wrong component has left that do not."""
    sys.stdout.flush()
    os._exit(1 if any(set(laws.values()) != {"kept"} for laws in outcomes.values()) else 0)
