import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from genrelens.web.core.private_folder import private_folder

pytest.importorskip("fcntl")

KEEPS = """
import time
from genrelens.web.folder import private_folder
with private_folder() as folder:
    (folder / "song").write_bytes(b"0")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_what_a_killed_process_left_goes_with_the_next_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "genrelens-of-mine").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "genrelens-uploads-link").symlink_to(tmp_path / "elsewhere")
    with subprocess.Popen([sys.executable, "-c", KEEPS], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        theirs = Path(other.stdout.readline().strip())
        with private_folder():
            assert (theirs / "song").exists()  # it is alive
        os.kill(other.pid, signal.SIGKILL)
    assert (theirs / "song").exists()
    with private_folder() as ours:
        assert not theirs.exists()
        assert ours.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "elsewhere",
        "genrelens-of-mine",
        "genrelens-uploads-link",
    ]
