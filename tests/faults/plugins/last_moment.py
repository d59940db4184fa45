"""A plugin with one more crash point: within a commit, after the last look, right before an object becomes visible."""

import os
from types import SimpleNamespace

from crashpoints import haulage_observers, pass_by

from haulage.builtin import local
from haulage_gcs.upload import GcsUpload
from haulage_s3.service import Service

__all__ = ["haulage_observers"]


def link(source, target):
    """See os.link."""
    pass_by("upload.show", "before")
    os.link(source, target)


async def conditionally(self, write, replaces, then=Service.conditionally):
    """See Service."""
    pass_by("upload.show", "before")
    await then(self, write, replaces)


def settle(self, then=GcsUpload._settle):
    """See GcsUpload."""
    pass_by("upload.show", "before")
    return then(self)


local.os = SimpleNamespace(**{**vars(os), "link": link})
Service.conditionally = conditionally
GcsUpload._settle = settle
