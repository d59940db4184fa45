"""Everything that the author of a plugin needs, in one place."""

from haulage.cancel import Cancelled
from haulage.config.options import option
from haulage.contracts.context import BuildContext, Cancel, Context
from haulage.contracts.fetcher import Fetcher
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
)
from haulage.contracts.policies import History, RetryPolicy
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
from haulage.registry.components import (
    ExecutorComponent,
    FetcherComponent,
    MetadataStoreComponent,
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
    "ExecutorComponent",
    "Failure",
    "FetchError",
    "FetchResult",
    "Fetcher",
    "FetcherComponent",
    "Gate",
    "History",
    "Hold",
    "Job",
    "JobId",
    "Keep",
    "Kind",
    "MediaFacts",
    "MediaFile",
    "MetadataStore",
    "MetadataStoreComponent",
    "NewJob",
    "ObjectInfo",
    "Query",
    "Request",
    "RetryPolicy",
    "RetryPolicyComponent",
    "Role",
    "Status",
    "Storage",
    "StorageComponent",
    "StorageError",
    "StoreError",
    "StoredObject",
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
