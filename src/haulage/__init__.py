"""haulage: haul videos from URLs into any storage.

The names here are for those who use haulage as a library; authors of plugins find theirs in haulage.plugin.
"""

from haulage.contracts.metadata import Query, Site
from haulage.contracts.policies import Continued, Event, JobEvent, Observer, Paused, Progressed, Settled, Started
from haulage.errors import ConfigError, Failure, HaulageError, Kind
from haulage.pipeline.asked import check_url
from haulage.pipeline.run import ENDED, Pipeline
from haulage.values import Copy, Job, JobId, MediaFacts, MediaFile, Request, Status, Try, Video

__all__ = [
    "ENDED",
    "ConfigError",
    "Continued",
    "Copy",
    "Event",
    "Failure",
    "HaulageError",
    "Job",
    "JobEvent",
    "JobId",
    "Kind",
    "MediaFacts",
    "MediaFile",
    "Observer",
    "Paused",
    "Pipeline",
    "Progressed",
    "Query",
    "Request",
    "Settled",
    "Site",
    "Started",
    "Status",
    "Try",
    "Video",
    "check_url",
]
