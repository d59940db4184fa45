"""What is stored beside each video, so that an archive explains itself without our database."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from haulage.secrets import public_url
from haulage.values import Job, MediaFile

ROLE = "record"
"""The role of the file."""

_FORMAT = 1


def record(job: Job) -> tuple[MediaFile, bytes]:
    """The record of a video that was fetched, and its content: made from what is known of the job, wherever that is.

    It tells identity, source, facts, digests, and what made it; nothing that gives access to anything.
    """
    video, facts = job.video, job.facts
    assert video is not None
    assert facts is not None
    told = {
        "record": _FORMAT,
        "source": video.source,
        "video_id": video.id,
        "variant": video.variant,
        "channel_id": video.channel_id,
        "title": video.title,
        "url": public_url(video.url),
        "duration": facts.duration,
        "width": facts.width,
        "height": facts.height,
        "resolution": facts.resolution,
        "format": facts.container,
        "video_codec": facts.video_codec,
        "audio_codec": facts.audio_codec,
        "files": [
            {
                "role": each.role,
                "extension": each.extension,
                "media_type": each.media_type,
                "size": each.size,
                "sha256": each.sha256,
            }
            for each in job.files
        ],
        "fetched_by": facts.fetched_by,
        "stored_by": f"haulage {version('haulage')}",
    }
    content = json.dumps(told, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n"
    digest = hashlib.sha256(content).hexdigest()
    return MediaFile(Path(), ROLE, "json", "application/json", len(content), digest), content
