"""URLs that let anybody read one object for a while."""

from datetime import timedelta

from google.auth import exceptions as auth

from haulage.plugin import Failure, Kind, StorageError
from haulage_gcs.client import Client
from haulage_gcs.errors import unauthenticated
from haulage_gcs.options import GcsOptions

LONGEST = timedelta(days=7)


def signed_url(client: Client, options: GcsOptions, name: str, shown: str, lifetime: timedelta) -> str:
    """Make one, of the kind V4. No request is needed where the credentials are a key, and one elsewhere.

    Args:
        client: Whose credentials sign.
        options: Of the storage.
        name: What the service calls the object.
        shown: What people call it.
        lifetime: How long it shall be good for.

    Raises:
        StorageError: The lifetime cannot be had (kind `config`), or these credentials cannot sign (kind `denied`).
    """
    doing = f"sign a URL for {shown}"
    if not timedelta(seconds=1) <= lifetime <= LONGEST:
        cure = "ask for at most 7 days" if lifetime > LONGEST else "ask for a second at least"
        raise StorageError(Failure(Kind.CONFIG, f"cannot {doing}: it cannot be good for {lifetime}", cure=cure))
    signer = client.credentials.signer()
    if signer is None:
        origin = client.credentials.find().origin
        cure = "use the key of a service account, or let the account that is used sign for itself"
        raise StorageError(Failure(Kind.DENIED, f"cannot {doing}: {origin}, cannot sign", cure=cure))
    from google.cloud import storage

    try:
        google = storage.Client("none", credentials=signer)  # it asks nobody, and wants to know some project
        return str(
            google.bucket(options.bucket)
            .blob(name)
            .generate_signed_url(
                lifetime,
                api_access_endpoint=client.endpoint,
                query_parameters={"userProject": options.project} if options.project else {},
                version="v4",
            )
        )
    except auth.GoogleAuthError as error:
        raise unauthenticated(error, doing, client.credentials.find().origin) from error
