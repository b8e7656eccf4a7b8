"""What a test's worker processes run; apart from the tests, whose imports would take each of them seconds."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from genrelens.audio.windows import WindowCount
from genrelens.library.classify.results import TrackResult
from genrelens.library.classify.run import classify_files


def classify_or_die(paths: Sequence[Path], model: Path, windows: WindowCount) -> list[TrackResult]:
    """Judge files, but die over one that is called hostile."""
    if any("hostile" in path.name for path in paths):
        os.kill(os.getpid(), signal.SIGKILL)
    return classify_files(paths, model, windows)
