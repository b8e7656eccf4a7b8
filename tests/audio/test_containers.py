import io
from pathlib import Path

from genrelens.audio.containers import SeekTolerantFile, audio_files


def test_audio_files_are_found_by_extension(tmp_path: Path) -> None:
    for name in ("b/x.MP3", "a.flac", "cover.jpg", "b/c/y.opus", "notes.txt", "b/._x.mp3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    found = [str(path.relative_to(tmp_path)) for path in audio_files(tmp_path)]
    assert found == ["a.flac", "b/c/y.opus", "b/x.MP3"]


def test_seeking_before_the_beginning_returns_minus_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcd")
    with (
        SeekTolerantFile.open_path(tmp_path / "a", "song.mp3") as file,
        SeekTolerantFile(io.BytesIO(b"abcd")) as memory,
    ):
        assert file.name == "song.mp3"
        for seekable in (file, memory):
            assert seekable.seek(-1) == -1
            assert seekable.seek(2) == 2
            assert seekable.read() == b"cd"
