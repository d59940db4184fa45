"""What can be told of a bucket before it is needed."""

from collections.abc import Iterator
from http import HTTPStatus

from haulage.plugin import BuildContext, Finding, StorageError, public_url
from haulage_gcs.client import GOOGLE, Call, Client
from haulage_gcs.options import GcsOptions

NEEDED = {
    "storage.objects.create": "store anything",
    "storage.objects.get": "find out whether a video is stored",
    "storage.objects.delete": "replace, prune or move a video",
    "storage.objects.list": "tell what is missing from what is forbidden, or list what is stored",
}
"""The permissions that are used, and for what."""

_PATIENCE = 10.0
"""Seconds that the service may take for it."""

_REDIRECTS = ("STORAGE_EMULATOR_HOST", "FSSPEC_GCS_ENDPOINT_URL", "FSSPEC_GS_ENDPOINT_URL", "FSSPEC_GCS", "FSSPEC_GS")


def examine(client: Client, options: GcsOptions, context: BuildContext) -> Iterator[Finding]:
    """Look at the endpoint, the credentials and the permissions."""
    about = f"storage {context.name}"
    yield _endpoint(about, client, options, context)
    try:
        found = client.credentials.find()
        client.credentials.headers(f"use gs://{options.bucket}")
        email = getattr(found.google, "service_account_email", "")
        yield Finding(about, "good", f"asks as {f'{email}, by ' if email else ''}{found.origin}")
        if found.google is not None:
            yield from _permissions(about, client, options)
    except StorageError as error:
        yield Finding(about, "bad", error.failure.message, error.failure.cure)


def _endpoint(about: str, client: Client, options: GcsOptions, context: BuildContext) -> Finding:
    here = f"{options.endpoint_url}, as endpoint_url says" if options.endpoint_url else f"{GOOGLE}, Google's own"
    here += f", through the proxy {public_url(client.proxy)}" if client.proxy else ""
    passed_over = [name for name in _REDIRECTS if context.environ.get(name)]
    if passed_over and not options.endpoint_url:
        cure = "set endpoint_url, if that is where the videos shall go"
        return Finding(about, "warning", f"the service is {here}; {', '.join(passed_over)} is not followed", cure)
    return Finding(about, "good", f"the service is {here}")


def _permissions(about: str, client: Client, options: GcsOptions) -> Iterator[Finding]:
    path = client.object().removesuffix("/o") + "/iam/testPermissions"
    call = Call(f"look at the permissions on gs://{options.bucket}", "GET", path, {"permissions": list(NEEDED)})
    answer = client.ask(call, seconds=min(client.seconds, _PATIENCE))
    if not answer.is_good:
        # Emulators offer no such look; and Google tells of it in JSON where there is no bucket.
        if answer.status != HTTPStatus.NOT_FOUND or answer.read():
            raise client.refused(answer, call.doing)
        return
    missing = [name for name in NEEDED if name not in answer.read().get("permissions", ())]
    for name in missing:
        yield Finding(
            about, "bad", f"without {name} haulage cannot {NEEDED[name]}", f"grant it on gs://{options.bucket}"
        )
    if not missing:
        yield Finding(about, "good", f"it has every permission that is needed on gs://{options.bucket}")
