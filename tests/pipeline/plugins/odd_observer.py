"""An observer that writes down what it hears, and misbehaves when it is told to."""

from attrs import frozen

from haulage.plugin import ObserverComponent, hookimpl, option

HEARD = []


@frozen
class OddOptions:
    raises: str = option("", help="When it raises: build, event, exit, close.")


class OddObserver:
    def __init__(self, name, raises):
        self.name, self.raises = name, raises

    def __call__(self, event):
        HEARD.append((self.name, type(event).__name__))
        if self.raises == "event":
            raise RuntimeError("an observer's own trouble")
        if self.raises == "exit":
            raise SystemExit(7)

    def close(self):
        HEARD.append((self.name, "close"))
        if self.raises == "close":
            raise RuntimeError("an observer's own trouble")


def build(options, context):
    if options.raises == "build":
        raise ImportError("no\n such thing")
    return OddObserver(context.name, options.raises)


@hookimpl
def haulage_observers():
    yield ObserverComponent("odd", "Writes down.", OddOptions, build)
    yield ObserverComponent("plain", "Writes down, and has no close.", OddOptions, lambda options, context: note)


def note(event):
    HEARD.append(("plain", type(event).__name__))
