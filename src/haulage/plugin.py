"""Everything that the author of a plugin needs, in one place."""

from haulage.adapters.fsspec_storage import FsspecStorage
from haulage.cancel import Cancelled
from haulage.config.options import option
from haulage.config.sizes import Size
from haulage.contracts.context import BuildContext, Cancel, Context
from haulage.contracts.fetcher import Fetcher
from haulage.contracts.findings import Finding, SupportsExamination
from haulage.contracts.metadata import (
    Again,
    Beat,
    Done,
    Gate,
    Hold,
    Keep,
    MetadataStore,
    NewJob,
    Query,
    Site,
)
from haulage.contracts.policies import Event, History, Observer, Progressed, RetryPolicy, Settled, Started
from haulage.contracts.storage import Capabilities, ObjectInfo, Storage, StoredObject, Upload
from haulage.errors import (
    AlreadyExists,
    AttemptLost,
    Duplicate,
    Failure,
    FetchError,
    Kind,
    StorageError,
    StoreError,
)
from haulage.keys import check_key
from haulage.locks import Lock
from haulage.registry.components import (
    ExecutorComponent,
    FetcherComponent,
    MetadataStoreComponent,
    ObserverComponent,
    RetryPolicyComponent,
    StorageComponent,
    hookimpl,
)
from haulage.secrets import public_url, redact, unsigned_url
from haulage.values import (
    AttemptId,
    Copy,
    FetchResult,
    Job,
    JobId,
    MediaFacts,
    MediaFile,
    Request,
    Role,
    Status,
    Try,
    Video,
)

__all__ = [
    "Again",
    "AlreadyExists",
    "AttemptId",
    "AttemptLost",
    "Beat",
    "BuildContext",
    "Cancel",
    "Cancelled",
    "Capabilities",
    "Context",
    "Copy",
    "Done",
    "Duplicate",
    "Event",
    "ExecutorComponent",
    "Failure",
    "FetchError",
    "FetchResult",
    "Fetcher",
    "FetcherComponent",
    "Finding",
    "FsspecStorage",
    "Gate",
    "History",
    "Hold",
    "Job",
    "JobId",
    "Keep",
    "Kind",
    "Lock",
    "MediaFacts",
    "MediaFile",
    "MetadataStore",
    "MetadataStoreComponent",
    "NewJob",
    "ObjectInfo",
    "Observer",
    "ObserverComponent",
    "Progressed",
    "Query",
    "Request",
    "RetryPolicy",
    "RetryPolicyComponent",
    "Role",
    "Settled",
    "Site",
    "Size",
    "Started",
    "Status",
    "Storage",
    "StorageComponent",
    "StorageError",
    "StoreError",
    "StoredObject",
    "SupportsExamination",
    "Try",
    "Upload",
    "Video",
    "check_key",
    "hookimpl",
    "option",
    "public_url",
    "redact",
    "unsigned_url",
]
