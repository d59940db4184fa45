"""G03: a job that is held is given to whoever asks, and each holder may write.

Fails: tests/faults/test_g03_once.py::test_four_processes_on_one_queue_download_each_video_once
"""

from haulage.pipeline.worker import Worker

Worker.release_dead = lambda self: [self._store.release(each.name) for each in self._roster._folder.iterdir()]
