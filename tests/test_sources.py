from pathlib import Path

from genrelens.sources import audio_files


def test_audio_files_are_found_by_their_endings(tmp_path: Path) -> None:
    for name in ("b/x.MP3", "a.flac", "cover.jpg", "b/c/y.opus", "notes.txt", "b/._x.mp3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    found = [str(path.relative_to(tmp_path)) for path in audio_files(tmp_path)]
    assert found == ["a.flac", "b/c/y.opus", "b/x.MP3"]
