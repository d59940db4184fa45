"""What a component can say of itself before it is needed."""

from collections.abc import Iterable
from typing import Literal, Protocol, runtime_checkable

from attrs import frozen


@frozen
class Finding:
    """One thing that was looked at.

    Attributes:
        about: What: "FFmpeg", "storage nas".
        level: "good"; "warning" where work is possible, but not all or not for long; "bad" where it is not.
        message: What was found, on one line, without secrets.
        cure: What to do about it.
    """

    about: str
    level: Literal["good", "warning", "bad"]
    message: str
    cure: str = ""


@runtime_checkable
class SupportsExamination(Protocol):
    """A component that can look at what it needs."""

    def examine(self) -> Iterable[Finding]:
        """Look at what the component needs on this machine, in a few seconds, and change nothing.

        Raises nothing: what cannot be looked at is a finding too.
        """
