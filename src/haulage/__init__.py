"""haulage: haul videos from URLs into any storage.

The names here are for those who use haulage as a library; authors of plugins find theirs in haulage.plugin.
"""

from haulage.contracts.metadata import Query, Site
from haulage.contracts.policies import (
    Continued,
    Deleted,
    Event,
    JobEvent,
    Lost,
    Observer,
    Paused,
    Progressed,
    RunEnded,
    Settled,
    Started,
    Stepped,
    Stored,
)
from haulage.contracts.totals import Tally
from haulage.errors import ConfigError, Failure, HaulageError, Kind
from haulage.pipeline.limits import Limits
from haulage.pipeline.run import ENDED, Pipeline
from haulage.urls import check_url
from haulage.values import Copy, Job, JobId, MediaFacts, MediaFile, Request, Status, Try, Video

__all__ = [
    "ENDED",
    "ConfigError",
    "Continued",
    "Copy",
    "Deleted",
    "Event",
    "Failure",
    "HaulageError",
    "Job",
    "JobEvent",
    "JobId",
    "Kind",
    "Limits",
    "Lost",
    "MediaFacts",
    "MediaFile",
    "Observer",
    "Paused",
    "Pipeline",
    "Progressed",
    "Query",
    "Request",
    "RunEnded",
    "Settled",
    "Site",
    "Started",
    "Status",
    "Stepped",
    "Stored",
    "Tally",
    "Try",
    "Video",
    "check_url",
]
