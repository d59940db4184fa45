"""What can be set."""

from datetime import timedelta

import attrs
import pytest

from haulage.config.options import describe
from haulage.plugin import Size
from haulage_gcs.options import GcsOptions


@pytest.mark.parametrize("option", attrs.fields(GcsOptions), ids=lambda option: option.name)
def test_every_option_says_what_it_is_for(option):
    """An operator finds a line of help and an example for every option."""
    assert describe(option).help
    assert describe(option).example


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bucket": ""}, "no name of a bucket"),
        ({"bucket": "gs://videos"}, "no name of a bucket"),
        ({"prefix": "a//b"}, "is empty"),
        ({"prefix": "../b"}, '".."'),
        ({"prefix": "a\nb"}, "control character"),
        ({"endpoint_url": "localhost:4443"}, "no http"),
        ({"endpoint_url": "https://user:secret@host"}, "no user name and password"),
        ({"endpoint_url": "https://host/storage/v1"}, "end after the host"),
        ({"buffer": Size(1000)}, "262144"),
        ({"timeout": timedelta(0)}, "timeout"),
    ],
    ids=lambda value: " ".join(f"{name}={each}" for name, each in value.items()) if isinstance(value, dict) else "",
)
def test_a_wrong_value_is_refused(given, said):
    """What cannot work is told of when the config is read, and not when the first video is stored."""
    with pytest.raises(ValueError, match=said):
        GcsOptions(**{"bucket": "videos", **given})


def test_a_key_is_kept_out_of_messages():
    """Options that are printed show no key that stands in the config itself."""
    assert "PRIVATE" not in repr(GcsOptions(bucket="videos", token='{"private_key": "PRIVATE"}'))
