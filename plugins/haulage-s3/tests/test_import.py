"""Imports from buckets: names that no layout of ours makes mean themselves, and are read, copied and never written."""

from bucket_imports import check_import
from witnesses import S3

from haulage.testing import LoopbackSite


def test_a_bucket_is_taken_in_and_copied(seaweed, tmp_path):
    """Nothing is downloaded, and no object of others is touched."""
    with LoopbackSite() as site:
        check_import(tmp_path, site, S3, seaweed)
