import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from genrelens.errors import AudioNotFoundError, AudioUnreadableError, RemoteFileError, UndecodableAudioError
from genrelens.library.classify.results import DecodedFile, decode_file, decode_open_file
from genrelens.library.cluster.urls import find_audio, open_url, resolve_file_system, write_atomically
from genrelens.model.input_spec import AudioInput
from tests.support.models import make_card

SOUND: AudioInput = make_card().audio_input


def decode_url(url: str) -> DecodedFile:
    with open_url(url) as (file, stamp):
        return decode_open_file(file, url, stamp, SOUND, 3)


@pytest.fixture
def memory() -> Iterator[Any]:
    """Provide fsspec's file system in memory."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


class TestReading:
    def test_remote_file_is_decoded_like_a_local_one(self, memory: Any, wav: Callable[..., Path]) -> None:
        file = wav()
        memory.pipe_file("/music/tone.wav", file.read_bytes())
        there, here = decode_url("memory://music/tone.wav"), decode_file(file, SOUND, 3)
        assert (there.track.windows.inputs == here.track.windows.inputs).all()
        assert there.track.windows.starts == here.track.windows.starts
        assert (there.track.duration, there.track.warnings) == (here.track.duration, here.track.warnings)
        assert there.path == "memory://music/tone.wav"
        assert there.stamp.size == file.stat().st_size

    def test_error_names_the_url_of_a_file_that_is_not_audio(self, memory: Any) -> None:
        memory.pipe_file("/music/words.mp3", b"words")
        with pytest.raises(UndecodableAudioError, match=r"memory://music/words\.mp3 is not audio"):
            decode_url("memory://music/words.mp3")

    def test_missing_file_is_an_error(self, memory: Any) -> None:
        with pytest.raises(AudioNotFoundError, match=r"memory://missing\.mp3 does not exist"):
            decode_url("memory://missing.mp3")

    def test_lost_connection_is_an_error_and_not_a_short_track(
        self, memory: Any, wav: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class LostConnection(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if self.tell() > 100_000:
                    raise TimeoutError("the network is unreachable")
                return super().read(size)

        content = wav(seconds=10.0).read_bytes()
        memory.pipe_file("/tone.wav", content)
        monkeypatch.setattr(type(memory), "open", lambda *_: LostConnection(content))
        with pytest.raises(AudioUnreadableError, match="the network is unreachable"):
            decode_url("memory://tone.wav")


class TestFinding:
    def test_finds_the_audio_files_of_a_local_or_remote_folder(self, memory: Any, tmp_path: Path) -> None:
        for name in ("b.mp3", "a.FLAC", "cover.jpg", "._a.mp3", "below/c.ogg"):
            memory.pipe_file(f"/music/{name}", b"x")
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(b"x")
        names = ["a.FLAC", "b.mp3", "below/c.ogg"]
        assert find_audio("memory://music") == [f"memory:///music/{name}" for name in names]
        assert find_audio(str(tmp_path)) == [str(tmp_path / name) for name in names]

    def test_reads_a_list_with_names_that_are_not_utf8(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        listed = tmp_path / "songs"
        listed.write_bytes(
            b"s3://bucket/a.mp3\n\n/music/\xff.mp3\r\n b.mp3 \ns3://bucket/a.mp3\n/music/../c.mp3\n/c.mp3"
        )
        monkeypatch.chdir(tmp_path)
        here = str(tmp_path / " b.mp3 ")
        assert find_audio(str(listed)) == ["s3://bucket/a.mp3", "/music/\udcff.mp3", here, "/c.mp3"]

    def test_refuses_an_audio_file_as_list(self, wav: Callable[..., Path]) -> None:
        with pytest.raises(RemoteFileError, match="is an audio file; pass a folder"):
            find_audio(str(wav()))

    def test_missing_list_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(RemoteFileError, match="missing cannot be read"):
            find_audio(str(tmp_path / "missing"))

    def test_unsupported_file_system_is_an_error(self) -> None:
        with pytest.raises(RemoteFileError, match="odd://a cannot be opened"):
            resolve_file_system("odd://a")


class TestWriting:
    def test_failed_write_leaves_no_file(self, memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(memory), "mv", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            write_atomically(memory, "/out/a.parquet", b"content")
        assert memory.find("/out") == []
