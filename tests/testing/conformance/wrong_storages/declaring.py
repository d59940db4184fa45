"""How a wrong storage is declared: a class, and the law that it breaks."""

import re

from attrs import frozen
from right_storage import RightStorage

from haulage.plugin import Capabilities, Upload

CLAIMS = Capabilities(keeps_info=True, checks_content=True, exclusive_create=True, conditional_replace=True)
WRONG = []


@frozen
class Wrong:
    """A wrong storage.

    Attributes:
        part: The class that differs from the right one: of the storage, or of its uploads.
        law: The law that it breaks.
        claims: What its record claims.
    """

    part: type
    law: str
    claims: Capabilities

    @property
    def name(self):
        """What it is called in a config."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", self.part.__name__).lower()

    def build(self, options, context):
        """Build the storage."""
        if issubclass(self.part, Upload):
            return type(self.part.__name__, (RightStorage,), {"upload": self.part})(options)
        return self.part(options)


def breaks(law, claims=CLAIMS):
    def register(part):
        WRONG.append(Wrong(part, f"test_{law}", claims))
        return part

    return register
