"""Names of what lies inside the own network."""

import ipaddress
import re
from typing import NewType

Host = NewType("Host", str)
"""A host name, an address, or a network."""

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"({_LABEL}\.)*(?![0-9]+\.?$){_LABEL}\.?")


def is_host(text: str) -> bool:
    """Tell whether it is a host name, an address, or a network such as 10.0.0.0/8.

    A name does not end in a number: what does is an address that was mistyped.
    """
    try:
        if "/" in text:
            ipaddress.ip_network(text)
        else:
            ipaddress.ip_address(text)
    except ValueError:
        return "/" not in text and len(text) <= 253 and bool(_NAME.fullmatch(text))
    return True
