"""The tutorial for authors, followed to the letter: files are written, commands run, and what they say is compared."""

import re
import subprocess
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "plugins"
BLOCK = re.compile(r"(?:`([\w-]*[./][\w./-]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
END = "--- end of the command, with code"


@pytest.mark.timeout(300)  # it installs, hauls and runs all laws
@pytest.mark.parametrize("page", ["publish-a-storage.md"])
def test_a_page_does_what_it_says(page, tmp_path, environ):
    """Whoever follows the page in an empty folder gets what it shows."""
    script, asked = [], []
    for file, language, text in BLOCK.findall((PAGES / page).read_text()):
        if file:
            script.append(f"mkdir -p $(dirname {file})\ncat > {file} <<'END OF FILE'\n{text}END OF FILE")
        elif language == "diff":
            script.append(f"git apply - <<'END OF FILE' || exit\n{text}END OF FILE")
        elif language == "console":
            for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                script.append(f"{command}\ncode=$?; echo; echo '{END}' $code")
                asked.append((command, shown))
    (tmp_path / "page.sh").write_text("\n".join(script))
    ran = subprocess.run(
        ["bash", "page.sh"],
        cwd=tmp_path,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
    )
    parts = re.split(rf"\n{END} (\d+)\n", ran.stdout)
    assert len(parts) == 2 * len(asked) + 1, f"not all commands ran: {ran.stdout}"
    for (command, shown), said, code in zip(asked, parts[::2], parts[1::2], strict=False):
        assert re.fullmatch(pattern(shown), said.strip(), re.DOTALL), f"$ {command}\n{said}\ninstead of\n{shown}"
        assert (code != "0") == ("failed" in shown), f"{command} ended with {code}: {said}"


def pattern(shown):
    """What a page shows, as a regular expression: `...` is a part of a line, or any lines where it is alone on one."""
    lines = [".*" if line == "..." else re.escape(line) for line in shown.strip().split("\n")]
    return "\n".join(lines).replace(r"\.\.\.", r"[^\n]*")
