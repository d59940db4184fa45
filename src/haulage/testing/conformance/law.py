"""What makes a method a law, and what keeps a class from bending one."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

from haulage.cancel import Cancelled
from haulage.errors import HaulageError, Kind

_PACKAGE = __name__.rpartition(".")[0]
_Test = TypeVar("_Test", bound=Callable[..., None])


def law(test: _Test) -> _Test:
    """Mark a test as a law: whatever the component raises where the law leaves no room for it breaks the law."""

    @functools.wraps(test)
    def checked(*args: Any, **kwargs: Any) -> None:
        try:
            test(*args, **kwargs)
        except AssertionError:
            raise
        except (Exception, Cancelled) as error:
            said = f"{type(error).__name__} came where nothing may fail: {error}"
            raise AssertionError(said) from error

    checked.is_law = True  # type: ignore[attr-defined]
    return checked  # type: ignore[return-value]


@contextmanager
def refused(
    harm: str, error: type[BaseException] = HaulageError, kind: Kind | None = None
) -> Iterator[list[BaseException]]:
    """Hold that the block raises an error of a class, and of a kind where one is given.

    Args:
        harm: What is wrong where it raises nothing.
        error: What it shall raise.
        kind: The kind of failure that it shall carry.

    Returns:
        A list, which holds what was raised once the block was left.
    """
    raised: list[BaseException] = []
    try:
        yield raised
    except AssertionError:
        raise
    except (Exception, Cancelled) as its:
        raised.append(its)
    assert raised, harm
    [caught] = raised
    assert isinstance(caught, error), f"{type(caught).__name__} was raised instead of {error.__name__}: {caught}"
    if isinstance(caught, HaulageError):
        failure = caught.failure
        assert isinstance(failure.kind, Kind), f"a failure of kind {failure.kind!r}, which is none"
        assert failure.message.strip(), f"{type(caught).__name__} says nothing"
        assert "\n" not in failure.message, f"a message has more than one line: {failure.message!r}"
        assert kind in (None, failure.kind), f"the failure is of kind {failure.kind} instead of {kind}: {failure}"


class Laws:
    """What all classes of laws have in common.

    Attributes:
        known_failures: Laws that do not hold, each with the reason: `{"test_name": "reason"}`, or `"test_name[id]"` for
            one case of it. One that does hold, against what is said here, fails.
    """

    known_failures: ClassVar[Mapping[str, str]] = {}
    open_to_authors: ClassVar[frozenset[str]] = frozenset({"known_failures"})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse what would bend a law without saying so.

        Raises:
            TypeError: A law, or what the laws stand on, is replaced; or `known_failures` names no law.
        """
        super().__init_subclass__(**kwargs)
        if _of_the_kit(cls):
            return
        for name, ours in _sealed(cls).items():
            if inspect.getattr_static(cls, name) is not ours:
                raise TypeError(_bent(cls, name))
        for name in cls.known_failures:
            if name.partition("[")[0] not in laws(cls):
                raise TypeError(f"{cls.__name__}.known_failures names {name!r}, which is no law of it")


def laws(cls: type) -> list[str]:
    """The names of the laws that a class is tested by, in order."""
    return sorted(name for name in dir(cls) if getattr(inspect.getattr_static(cls, name), "is_law", False))


def _of_the_kit(cls: type) -> bool:
    return cls.__module__.startswith(f"{_PACKAGE}.")


def _sealed(cls: type) -> Mapping[str, object]:
    own: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        if _of_the_kit(base):
            own |= vars(base)
    opened: frozenset[str] = getattr(cls, "open_to_authors", frozenset())
    return {name: value for name, value in own.items() if not name.startswith("__") and name not in opened}


def _bent(cls: type, name: str) -> str:
    if not name.startswith("test_"):
        return f"{cls.__name__} replaces {name}, which the laws stand on; give it another name"
    cure = f'known_failures = {{"{name}": "the reason"}}'
    return f"{cls.__name__} overrides the law {name}; where it does not hold, say so: {cure}"
