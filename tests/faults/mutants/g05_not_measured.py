"""G05: whatever was downloaded counts as a whole video.

Fails: tests/faults/test_g05_stored_means_verified.py::test_what_is_not_whole_is_never_stored
"""

from harness.child import begin_with

FACTS = "from haulage.plugin import MediaFacts; FACTS = MediaFacts('mp4', 1.0, 1, 1, 'h264', 'aac')"
begin_with(f"from haulage_ytdlp.child import measure; {FACTS}; measure.measure = lambda *_: FACTS")
