"""The exit codes of the program."""

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended; `haulage --help` says the same."""

    DONE = 0
    NOT_ALL = 1
    """Something that was named was not hauled."""
    USAGE = 2
    """Wrong usage or config."""
    UNUSABLE = 3
    """Something that is needed cannot be used."""
    STOPPED = 4
    """Stopped early; the next run goes on."""
    KILLED = 130
    """Left on the spot: what shells report of a program that Ctrl-C ended, 128 and the number of the signal."""
