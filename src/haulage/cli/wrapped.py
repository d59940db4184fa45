"""Long lines as a terminal of eighty columns has room for them."""

import click


def lines(text: str) -> list[str]:
    """A text in lines of eighty columns, all but the first indented."""
    return click.wrap_text(text, 80, subsequent_indent="  ").splitlines()
