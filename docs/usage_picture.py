"""Makes usage.svg: what `haulage usage --plot` draws of an archive that was generated, and checks it against `--json`.

`nox -s picture` runs this.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as Tree

ROOT = Path(__file__).parents[1]
PICTURE = Path(__file__).with_name("usage.svg")
CONFIG = "storages: {archive: {type: s3, bucket: films, region: eu-central-1}}\n"


def main() -> None:
    """Draw, and compare."""
    sys.path.append(str(ROOT / "tests" / "benchmarks"))
    from archive import write  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write("sqlite:///haulage.db", folder, 3000)
        (folder / "haulage.yaml").write_text(CONFIG, encoding="utf-8")
        command = [sys.executable, "-m", "haulage", "usage", "--by", "channel", "--cost", "--json"]
        command += ["--plot", str(PICTURE)]
        told = json.loads(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout)
    shown = {each.text for each in Tree.parse(PICTURE).iter() if each.text}
    largest = told["groups"][:12]
    wanted = {each["channel"] for each in largest} | {f"{each['monthly_cost']:,.2f}" for each in largest}
    wanted.add(f"In the archive: {told['total']['bytes'] / 10**12:.3g} TB")
    if missing := wanted - shown:
        sys.exit(f"{PICTURE.name} does not show {', '.join(sorted(missing))}")
    print(f"{PICTURE.name}: {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
