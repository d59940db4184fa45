"""What these tests share: a site, and what authors of plugins have, wheels and an environment without our sources."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from haulage.testing import LoopbackSite

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site() -> Iterator[LoopbackSite]:
    """One site for all tests."""
    with LoopbackSite() as running:
        yield running


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of haulage, its fetcher, and the example package."""
    folder = tmp_path_factory.mktemp("wheels")
    for source in (ROOT, ROOT / "plugins" / "haulage-ytdlp", ROOT / "examples" / "custom-storage"):
        command = ["uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(source)]
        subprocess.run(command, check=True, cwd=folder, env=os.environ | {"UV_SYSTEM_CERTS": "true"})
    return folder


@pytest.fixture(scope="session")
def environ(wheels: Path) -> Mapping[str, str]:
    """The environment of somebody who has uv: it finds the wheels beside what is published, in the versions tested."""
    shared = Path("/dev/shm")
    ours = ("HAULAGE", "PYTHON", "VIRTUAL_ENV", "UV_PROJECT", "UV_PYTHON")  # they would lead back to this environment
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "UV_FIND_LINKS": str(wheels),
        "UV_CONSTRAINT": str(ROOT / "constraints.txt"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "UV_SYSTEM_CERTS": "true",
        # The laws write hundreds of files that need to outlive nothing.
        **({"PYTEST_DEBUG_TEMPROOT": str(shared)} if shared.is_dir() else {}),
    }
