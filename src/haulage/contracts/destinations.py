"""Which storages shall hold what."""

from collections.abc import Mapping

from attrs import frozen

from haulage.values import Job


@frozen
class Mirror:
    """A storage that shall hold videos beside their primary one.

    Attributes:
        storage: The storage's name in the config.
        subscriptions: Names of subscriptions.
        others: Whether it is owed the videos of all but these, those of none among them; otherwise of these alone.
    """

    storage: str
    subscriptions: tuple[str, ...] = ()
    others: bool = True

    def wants(self, job: Job) -> bool:
        """Whether it shall hold the video of a job."""
        return (job.subscription in self.subscriptions) is not self.others


@frozen
class Destinations:
    """The storages that shall hold the video of a job; the first is the primary one.

    Attributes:
        default: What counts for all videos, but for those of the subscriptions that follow.
        own: By name of a subscription, what counts for its videos.
    """

    default: tuple[str, ...]
    own: Mapping[str, tuple[str, ...]] = {}

    def __call__(self, job: Job) -> tuple[str, ...]:
        """The storages that shall hold the video of a job; one of a subscription that is gone is like any other."""
        return self.own.get(job.subscription, self.default)

    @property
    def storages(self) -> tuple[str, ...]:
        """All that hold anything, each once."""
        return tuple(dict.fromkeys(each for names in (self.default, *self.own.values()) for each in names))

    @property
    def mirrors(self) -> tuple[Mirror, ...]:
        """The storages that shall hold videos beside the primary one, each once."""
        return tuple(filter(None, map(self._mirror, self.storages)))

    def _mirror(self, storage: str) -> Mirror | None:
        others = storage in self.default[1:]
        apart = tuple(name for name, names in self.own.items() if (storage in names[1:]) is not others)
        return Mirror(storage, apart, others) if others or apart else None
