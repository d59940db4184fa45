"""Which values in a file of cookies are secret."""

from pathlib import Path

import pytest

from haulage_ytdlp.cookies import cookie_values


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("q7Zx9-PLANTED", {"q7Zx9-PLANTED"}),
        ("a%2Fb-12345", {"a%2Fb-12345", "a/b-12345"}),
        ("short1", set()),
        ("youtube.com", set()),
        ("https://vimeo.com/", set()),
        ("Europe/Berlin", set()),
        ("2026-01-01", set()),
        ("1764403200", set()),
    ],
)
@pytest.mark.parametrize("before", ["", "#HttpOnly_"])
def test_what_may_be_a_session_is_secret(tmp_path: Path, before: str, value: str, known: set[str]) -> None:
    """Sites, zones, dates and numbers are not: a title or a URL that has them stays as it is."""
    path = tmp_path / "cookies.txt"
    path.write_text(f"# Netscape HTTP Cookie File\n{before}a.example\tTRUE\t/\tTRUE\t0\tname\t{value}\n")
    assert set(cookie_values(path)) == known
