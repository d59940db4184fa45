"""Documents of a config, as hypothesis makes them: what fits the classes of options, with up to three mistakes."""

import copy
import types
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from hypothesis import strategies as st
from offered_components import OFFERED, YtDlp

from haulage.config.hosts import Host as HostName
from haulage.config.load import COMPONENTS
from haulage.config.model import TopLevel
from haulage.config.sizes import Dollars, Size
from haulage.config.subscriptions import Subscription
from haulage.registry.components import ObserverComponent, StorageComponent


def leaves(value, path=()):
    """Every value of a document, with its path."""
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from leaves(item, (*path, key))


TEXTS = st.sampled_from(["", "abc", "a b\n", "$5", "$$", "$${X}", "${TEXT}", "x-${TEXT:-y}", "${NO:-}", "true", "0123"])
SCALARS = {
    str: TEXTS,
    int: st.integers(1, 12) | st.sampled_from(["${NUMBER}", "${NO:-4}"]),
    float: st.integers(1, 12) | st.floats(1, 12) | st.sampled_from(["${NUMBER}", "${NO:-.5}"]),
    bool: st.booleans() | st.just("${TRUTH}"),
    timedelta: st.sampled_from(["1s", "90d", "1.5 h", "500ms", 1, 0.25, "${WAIT}", "${NUMBER}m"]),
    Size: st.sampled_from([0, 4096, "1B", "2.5 MiB", "500MB", "${NUMBER}", "${NUMBER}GB"]),
    Dollars: st.sampled_from([0, 1.5, "20 USD", "0.01 USD", "${NUMBER}", "${NUMBER} USD"]),
    HostName: st.sampled_from(["localhost", "10.0.0.0/8", "::1", "${TEXT}"]),
}
JUNK = st.sampled_from([
    None, True, 0, 1, -1, 10, 3.0, 2.5, 1e300, 10**400, [], {}, [None], ["a", "a"], {"a": 1}, {"type": "local"},
    {"type": "${TEXT}", "more": "$"}, {"type": "never"}, {"type": "zoo", "text": "${"}, "", "a", "4", "true", "local",
    "nas", "zoo", "1s", "1s\n", "1 fortnight", "9999999999d", "${", "${}", "${TEXT", "${MISSING}", "${NULL}",
    "${EMPTY}", "$${TEXT}", "$$${TEXT}", "${A:-${B}}", "${A:-}}", "s3://b", "S3://b//c", "s3://", "s3:///c", "s3://u@b",
    "gs://b", "ftp://x", "${TEXT}://x", "s3://${TEXT}", "{channel_id}/{video_id}.{ext}", "\u00e4\ntext",
]).map(copy.deepcopy)  # fmt: skip
KEYS = st.sampled_from(["", "type", "path", "workers", "executor", "storages", "Nas", "nas", "a b", "${TEXT}", "text"])


def fitting(kind):
    """Values of a type."""
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if kind in SCALARS:
        return SCALARS[kind]
    if attrs.has(kind):
        return options(kind)
    if origin in (list, tuple):
        return st.lists(fitting(arguments[0]), max_size=2)
    if origin is Mapping:
        return st.dictionaries(st.sampled_from(["a", "B c"]), fitting(arguments[1]), max_size=2)
    if origin is Literal:
        return st.sampled_from([*arguments, "${NO:-fast}"])
    if origin in (Union, types.UnionType):
        return st.sampled_from([None, "${NULL}"]) | fitting(arguments[0])
    assert kind is Any
    return JUNK


def options(kind, **own):
    """Options of a class; those that have a default may be missing."""
    attrs.resolve_types(kind)
    given = {each.name: own[each.name] if each.name in own else fitting(each.type) for each in attrs.fields(kind)}
    must = {each.name for each in attrs.fields(kind) if each.default is attrs.NOTHING}
    return st.fixed_dictionaries(
        {key: values for key, values in given.items() if key in must},
        optional={key: values for key, values in given.items() if key not in must},
    )


def component(kind, default=""):
    """A mapping that chooses a component."""
    made = []
    for each in OFFERED:
        if type(each) is kind:
            chosen = st.just(each.name) | st.just("${NO:-" + each.name + "}")
            made.append(st.builds(lambda type_, rest: {"type": type_, **rest}, chosen, options(each.options)))
            if each.name == default:
                made.append(options(each.options))
    return st.one_of(made)


STORAGES = TEXTS | st.sampled_from(["/mnt/nas", "s3://b/c", "${TEXT}"]) | component(StorageComponent)
STORE_TO = st.lists(st.sampled_from(["nas", "a-1", "${LIBRARY}"]), min_size=1, max_size=2, unique=True)
URLS = st.sampled_from(["https://a.test/list", "http://a.test/b?c", "${NO:-https://c.test/d}"])
OWN = {
    **{key: component(kind, default) for key, (kind, default) in COMPONENTS.items()},
    "storages": st.dictionaries(st.sampled_from(["nas", "a-1"]), STORAGES, min_size=1),
    "variants": st.dictionaries(st.sampled_from(["audio", "720p"]), options(YtDlp), max_size=2),
    "subscriptions": st.dictionaries(
        st.sampled_from(["news", "talks-2"]),
        URLS | options(Subscription, url=URLS, variant=st.sampled_from(["", "audio"]), store_to=STORE_TO),
    ),
    "observers": st.dictionaries(TEXTS, st.sampled_from(["prometheus", "zoo"]) | component(ObserverComponent)),
    "store_to": STORE_TO,
    "workers": SCALARS[int],
    "layout": st.sampled_from(["{channel_id}/{video_id}.{ext}", "${NO:-x}{video_id}.{ext}"]),
}
OWN["database"] = TEXTS | OWN["database"]
FITTING = options(TopLevel, **OWN)


@st.composite
def documents(draw):
    """Documents with no mistake, or with a few."""
    document = draw(FITTING)
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from([path for path, _ in leaves(document)]))
        target = document
        for key in path[:-1]:
            target = target[key]
        if isinstance(target, dict) and draw(st.booleans()):
            target[draw(KEYS)] = draw(JUNK)
        elif path:
            target[path[-1]] = draw(JUNK)
            if draw(st.booleans()):
                del target[path[-1]]
    return document
