import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from genrelens.web.core.private_folder import private_folder

pytest.importorskip("fcntl")

HOLD_FOLDER = """
import time
from genrelens.web.core.private_folder import private_folder
with private_folder() as folder:
    (folder / "song").write_bytes(b"0")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_folders_of_killed_processes_are_removed_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "genrelens-other").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "genrelens-uploads-link").symlink_to(tmp_path / "elsewhere")
    with subprocess.Popen([sys.executable, "-c", HOLD_FOLDER], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        stale = Path(other.stdout.readline().strip())
        with private_folder():
            assert (stale / "song").exists()  # its process is alive
        os.kill(other.pid, signal.SIGKILL)
    assert (stale / "song").exists()
    with private_folder() as folder:
        assert not stale.exists()
        assert folder.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "elsewhere",
        "genrelens-other",
        "genrelens-uploads-link",
    ]
