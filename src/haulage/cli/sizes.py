"""Sizes on the command line."""

import click


class Size(click.ParamType[int]):
    """A size as `500MB` or `2GiB`; in bytes, and never none."""

    name = "size"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See click.ParamType."""
        from haulage.config.primitives import PRIMITIVES, Misfit
        from haulage.config.scalars import scalar
        from haulage.config.sizes import Size as Bytes

        if isinstance(value, int):
            return value
        try:
            read: int = PRIMITIVES[Bytes](scalar(value))
        except Misfit:
            read = 0
        if read <= 0:
            self.fail(f"{value!r} is no size of something; give one such as 500MB or 2GiB", param, ctx)
        return read
