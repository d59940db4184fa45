"""G13: FFmpeg takes a list of files for a video.

Fails: tests/faults/test_g13_no_way_in.py::test_no_file_of_this_machine_is_hauled
"""

from harness.child import begin_with

begin_with("from haulage_ytdlp.child import limits; limits.ONE_FILE.clear()")
