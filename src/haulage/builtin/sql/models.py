"""The tables. Columns that people query are named as they expect them; sizes are bytes, durations are seconds."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, Integer, UniqueConstraint, and_, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from haulage.builtin.sql.dialects.portable import AnyText, Numbered, UtcTime

SCHEMA_VERSION = 1


class Base(DeclarativeBase):
    """The tables of schema 1."""


class SchemaVersion(Base):
    """Which schema the database has; one row."""

    __tablename__ = "schema_version"

    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class VideoProcessingJob(Base):
    """One request, from asked to stored; tracks its attempts and the progress of the one that runs."""

    __tablename__ = "video_processing_jobs"

    number: Mapped[int] = mapped_column(Numbered, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(AnyText(32), unique=True)
    url: Mapped[str] = mapped_column(AnyText)
    variant: Mapped[str] = mapped_column(AnyText)
    site: Mapped[str] = mapped_column(AnyText)
    status: Mapped[str] = mapped_column(AnyText(16))
    batch: Mapped[str] = mapped_column(AnyText(32))
    parent: Mapped[str | None] = mapped_column(AnyText(32))
    subscription: Mapped[str] = mapped_column(AnyText)
    listed: Mapped[bool] = mapped_column(Boolean)
    twin: Mapped[str | None] = mapped_column(AnyText(32))
    home: Mapped[str | None] = mapped_column(AnyText)
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    due_at: Mapped[datetime | None] = mapped_column(UtcTime)
    attempt: Mapped[str | None] = mapped_column(AnyText(32), unique=True)
    worker: Mapped[str | None] = mapped_column(AnyText)
    asked_after: Mapped[int] = mapped_column(Integer)
    stage: Mapped[str] = mapped_column(AnyText)
    done: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int | None] = mapped_column(BigInteger)
    added_at: Mapped[datetime] = mapped_column(UtcTime)


# Jobs that have ended are in none of these indexes, so that a claim costs the same however large the archive is.
Index(
    "due_by_site",
    VideoProcessingJob.site,
    VideoProcessingJob.due_at,
    sqlite_where=VideoProcessingJob.due_at.is_not(None),
    postgresql_where=VideoProcessingJob.due_at.is_not(None),
)
Index(
    "due_by_batch",
    VideoProcessingJob.batch,
    VideoProcessingJob.site,
    VideoProcessingJob.due_at,
    sqlite_where=VideoProcessingJob.due_at.is_not(None),
    postgresql_where=VideoProcessingJob.due_at.is_not(None),
)
# What waits of a subscription, in the order it was added: SQLite keeps the number behind each entry.
Index(
    "due_by_subscription",
    VideoProcessingJob.subscription,
    sqlite_where=VideoProcessingJob.due_at.is_not(None),
    postgresql_where=VideoProcessingJob.due_at.is_not(None),
)
# Those whose files lie in a workspace: few at a time.
Index(
    "due_by_home",
    VideoProcessingJob.home,
    sqlite_where=and_(VideoProcessingJob.home.is_not(None), VideoProcessingJob.due_at.is_not(None)),
    postgresql_where=and_(VideoProcessingJob.home.is_not(None), VideoProcessingJob.due_at.is_not(None)),
)
# Those that somebody holds: no more than there are workers.
Index(
    "held_by_worker",
    VideoProcessingJob.worker,
    sqlite_where=VideoProcessingJob.attempt.is_not(None),
    postgresql_where=VideoProcessingJob.attempt.is_not(None),
)


class VideoRow(Base):
    """One video: what it is, and what was measured from its file."""

    __tablename__ = "videos"
    __table_args__ = (UniqueConstraint("source", "video_id", "variant").ddl_if("sqlite"),)

    number: Mapped[int] = mapped_column(Numbered, primary_key=True, autoincrement=True)
    job: Mapped[str] = mapped_column(ForeignKey(VideoProcessingJob.id), unique=True)
    source: Mapped[str] = mapped_column(AnyText)
    video_id: Mapped[str] = mapped_column(AnyText)
    variant: Mapped[str] = mapped_column(AnyText)
    title: Mapped[str] = mapped_column(AnyText)
    channel_id: Mapped[str] = mapped_column(AnyText)
    announced_duration: Mapped[float | None] = mapped_column(Float)
    download_status: Mapped[str] = mapped_column(AnyText(16))
    download_url: Mapped[str] = mapped_column(AnyText)
    download_size: Mapped[int | None] = mapped_column(BigInteger)
    download_duration: Mapped[float | None] = mapped_column(Float)
    download_resolution: Mapped[str | None] = mapped_column(AnyText(16))
    download_format: Mapped[str | None] = mapped_column(AnyText(32))
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    video_codec: Mapped[str | None] = mapped_column(AnyText(32))
    audio_codec: Mapped[str | None] = mapped_column(AnyText(32))
    fetched_by: Mapped[str | None] = mapped_column(AnyText)
    sha256: Mapped[str | None] = mapped_column(AnyText(64))


# What a site gave may be longer than PostgreSQL takes into an ordered index.
Index("ix_videos_video_id", VideoRow.video_id, postgresql_using="hash")
Index("ix_videos_channel_id", VideoRow.channel_id, postgresql_using="hash")
Index(
    "one_job_for_a_video",
    *(func.md5(column) for column in (VideoRow.source, VideoRow.video_id, VideoRow.variant)),
    unique=True,
).ddl_if("postgresql")


class AttemptRow(Base):
    """One hold of one job by one worker."""

    __tablename__ = "attempts"

    id: Mapped[str] = mapped_column(AnyText(32), primary_key=True)
    job: Mapped[str] = mapped_column(ForeignKey(VideoProcessingJob.id), index=True)
    number: Mapped[int] = mapped_column(Integer)
    worker: Mapped[str] = mapped_column(AnyText)
    began_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    stage: Mapped[str | None] = mapped_column(AnyText)
    kind: Mapped[str | None] = mapped_column(AnyText(16))
    message: Mapped[str | None] = mapped_column(AnyText)
    cure: Mapped[str | None] = mapped_column(AnyText)
    counted: Mapped[bool | None] = mapped_column(Boolean)
    wait: Mapped[float | None] = mapped_column(Float)
    receipt: Mapped[str | None] = mapped_column(AnyText(64))


class StoredObjectRow(Base):
    """One file of a video in one storage."""

    __tablename__ = "stored_objects"
    __table_args__ = (UniqueConstraint("video", "role", "storage"),)

    number: Mapped[int] = mapped_column(Numbered, primary_key=True, autoincrement=True)
    video: Mapped[int] = mapped_column(ForeignKey(VideoRow.number))
    role: Mapped[str] = mapped_column(AnyText)
    storage: Mapped[str] = mapped_column(AnyText)
    key: Mapped[str] = mapped_column(AnyText)
    state: Mapped[str] = mapped_column(AnyText(16))
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(AnyText(64))
    attempt: Mapped[str] = mapped_column(AnyText(32))
    token: Mapped[str | None] = mapped_column(AnyText)
    version: Mapped[str | None] = mapped_column(AnyText)
    stored_at: Mapped[datetime | None] = mapped_column(UtcTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcTime)


class SiteRow(Base):
    """What politeness treats as one: when it opens, and how often in a row it refused."""

    __tablename__ = "sites"

    name: Mapped[str] = mapped_column(AnyText, primary_key=True)
    opens_at: Mapped[datetime | None] = mapped_column(UtcTime)
    strikes: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(AnyText)
