"""G11: a prune does not look whether somebody asked for a video since that was decided.

Fails: tests/faults/test_g11_prune.py::test_a_race_with_who_asks_for_the_very_video
"""

from haulage.operations.prune import deletion

deletion._seen = lambda *_, **__: (0, 0)
deletion.Deletion._waits_for = lambda *_, **__: ""
