"""G05: a store that has taken something is believed to have taken what was sent.

Fails: tests/faults/test_g05_stored_means_verified.py::test_what_changed_on_its_way_to_the_store_is_not_stored
"""

from haulage_gcs import storage

storage.GcsStorage.verified = lambda self, key, told, *_: storage.stored(told, key)
