from pathlib import Path

from genrelens.prediction import Failure
from tests.support.library import RunLibrary


def test_failed_files_are_listed_with_their_reason(library: RunLibrary, classified_catalog: Path) -> None:
    bad = classified_catalog.parent / "music" / "bad.mp3"
    assert library("errors").stdout.startswith(f"UndecodableAudioError: {bad} is not audio")
    assert Failure.from_json(library("errors", "--json").stdout).path == str(bad)
