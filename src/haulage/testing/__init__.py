"""Aids for testing against real parts: a web site that misbehaves on demand, and media made to measure."""

from haulage.testing.media import Recipe, ffmpeg, make
from haulage.testing.replies import Medium
from haulage.testing.requests import Served
from haulage.testing.site import LoopbackSite
from haulage.testing.streams import DASH, HLS

__all__ = ["DASH", "HLS", "LoopbackSite", "Medium", "Recipe", "Served", "ffmpeg", "make"]
