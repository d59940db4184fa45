"""Who we are to Google, and where that was found."""

import json
import threading
import warnings
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import google.auth
import requests
from attrs import frozen
from google.auth import compute_engine, iam
from google.auth import exceptions as auth
from google.auth.credentials import Credentials as GoogleCredentials
from google.auth.credentials import Signing, with_scopes_if_required
from google.auth.environment_vars import CREDENTIALS as VARIABLE
from google.auth.transport import Response
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from haulage.plugin import BuildContext, Failure, Kind, StorageError
from haulage_gcs.errors import unauthenticated

ANONYMOUS = "anon"
_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
_SIGNING_SCOPES = ("https://www.googleapis.com/auth/iam",)
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - where tokens come from; it is asked for none here


@frozen
class Found:
    """What was found.

    Attributes:
        origin: Where, for people.
        google: None where nobody in particular asks.
    """

    origin: str
    google: GoogleCredentials | None


class Credentials:
    """Finds credentials when they are first needed, and keeps their token fresh; for use from many threads.

    Args:
        token: The option of that name.
        context: Whose folder and environment count.
        timeout: How long one request for a token may take, in seconds.
    """

    def __init__(self, token: str, context: BuildContext, timeout: float) -> None:
        self._token, self._context = token.strip(), context
        self._seconds = 0.9 * timeout  # to be over before the request that waits for the token
        self._transport = Request(requests.Session())
        self._request = cast("Request", self._once)
        self._lock = threading.Lock()
        self._found: Found | None = None

    def _once(self, *args: Any, **kwargs: Any) -> Response:
        answer: Response = self._transport(*args, **{"timeout": self._seconds, **kwargs})
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # google-auth would ask again by itself.
            raise auth.TransportError(f"who gives tokens answered HTTP {answer.status}")
        return answer

    def find(self) -> Found:
        """Find them, once. Raises StorageError of the kind `denied`: there are none, or they cannot be read."""
        with self._lock:
            if self._found is None:
                self._found = self._look()
            return self._found

    def headers(self, doing: str) -> dict[str, str]:
        """What a request carries to be let through. Gets a token, which takes a request or two, if none is in force.

        Args:
            doing: What the request is for.

        Raises:
            StorageError: There are no credentials, or no token for them (kind `denied`).
        """
        found = self.find()
        carried: dict[str, str] = {}
        if found.google is not None:
            with self._lock:
                if not found.google.valid:
                    try:
                        found.google.refresh(self._request)
                    except (auth.GoogleAuthError, requests.RequestException, ValueError) as error:
                        raise unauthenticated(error, doing, found.origin) from error
                found.google.apply(carried)
        return carried

    def signer(self) -> Signing | None:
        """What can sign URLs; None where these credentials cannot. May need a request for each signature."""
        google_credentials = self.find().google
        if isinstance(google_credentials, Signing):
            return google_credentials
        if google_credentials is None:
            return None
        if isinstance(google_credentials, compute_engine.Credentials):
            self.headers("sign a URL")  # for it to know its own name
        email = getattr(google_credentials, "service_account_email", None)
        if not email:
            return None
        # Signed by the service, in the name of the account that we act as.
        source = with_scopes_if_required(google_credentials, _SIGNING_SCOPES)
        return service_account.Credentials(iam.Signer(self._request, source, email), email, _TOKEN_URI)

    def _look(self) -> Found:
        if self._token == ANONYMOUS:
            return Found("nobody, since token is anon", None)
        if self._token.startswith("{"):
            return Found("the key in token", self._read(self._token, "the key in token"))
        if self._token:
            path = self._context.folder / Path(self._token).expanduser()
            # Whatever is not there may be a secret that somebody took for a token.
            shown = path if path.exists() else f"below {self._context.folder}"
            return self._from_file(path, f"the key file {shown}, which token names")
        named = self._context.environ.get(VARIABLE, "")
        if named:
            return self._from_file(Path(named), f"the key file {named}, which {VARIABLE} names")
        return self._by_default()

    # Errors are raised outside of the blocks that caught another one: that may hold a key, or what was taken for one.

    def _from_file(self, path: Path, origin: str) -> Found:
        text, problem = "", ""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            problem = "is no JSON"
        if problem:
            raise _denied(f"{origin}, {problem}")
        return Found(origin, self._read(text, origin))

    def _read(self, text: str, origin: str) -> GoogleCredentials:
        told, found, problem = None, None, ""
        try:
            told = json.loads(text)
        except ValueError:
            problem = "is no JSON"
        if not problem and not isinstance(told, dict):
            problem = "is no JSON object"
        if isinstance(told, dict):
            try:
                # It warns that a key may name any service to fetch tokens from; this one is the operator's own.
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    found, _ = google.auth.load_credentials_from_dict(told, request=self._request)
            except (auth.GoogleAuthError, ValueError, KeyError, TypeError) as error:
                said = str(error.args[0]) if error.args and not isinstance(error, KeyError) else type(error).__name__
                problem = f"is no key of Google's: {_without_key(said, told)}"
        if problem:
            raise _denied(f"{origin}, {problem}")
        return cast("GoogleCredentials", with_scopes_if_required(found, _SCOPES))

    def _by_default(self) -> Found:
        problem = ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that a quota project or a project id is not set
                found, _ = google.auth.default(scopes=_SCOPES, request=self._request)
        except (auth.GoogleAuthError, ValueError) as error:
            problem = f"the application default credentials of gcloud cannot be used: {_without_key(str(error), {})}"
            if "were not found" in str(error) and not isinstance(error, ValueError):
                problem = (
                    f"there are no credentials: token and {VARIABLE} are not set, nobody is signed in with "
                    "`gcloud auth application-default login`, and there is no metadata server here"
                )
        if problem:
            raise _denied(problem)
        if isinstance(found, compute_engine.Credentials):
            return Found("the metadata server of this machine", found)
        return Found("the application default credentials of gcloud", found)


def _denied(message: str) -> StorageError:
    cure = f"set token, or {VARIABLE}, to the path of a key file (token: anon for an emulator)"
    return StorageError(Failure(Kind.DENIED, f"gcs: {message}", cure=cure))


def _without_key(said: str, told: dict[str, Any]) -> str:
    """What a library said of a key, without any value of it."""
    for value in told.values():
        if isinstance(value, str) and len(value) > 3:
            said = said.replace(value, "...")
    return " ".join(said.split())[:200]
