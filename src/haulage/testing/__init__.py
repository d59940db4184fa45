"""Aids for testing against real parts: a web site that misbehaves on demand, and media made to measure."""

from haulage.testing.media import Recipe, ffmpeg, make
from haulage.testing.requests import Served
from haulage.testing.site import LoopbackSite

__all__ = ["LoopbackSite", "Recipe", "Served", "ffmpeg", "make"]
