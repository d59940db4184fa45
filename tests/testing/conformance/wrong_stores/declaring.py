"""How a wrong store is declared: a class, and the law that it breaks."""

import re

from attrs import frozen

WRONG = []


@frozen
class Wrong:
    """A wrong store.

    Attributes:
        part: The class that differs from the right one.
        law: The law that it breaks.
        shared: Whether its instances share their jobs.
    """

    part: type
    law: str
    shared: bool = True

    @property
    def name(self):
        """What it is called in a config."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", self.part.__name__).lower()


def breaks(law, shared=True):
    def register(part):
        WRONG.append(Wrong(part, f"test_{law}", shared))
        return part

    return register
