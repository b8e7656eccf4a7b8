import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from genrelens.errors import AudioNotFoundError, AudioUnreadableError, RemoteFileError, UndecodableAudioError
from genrelens.library.classify.results import DecodedFile, decode_open_file, decode_file
from genrelens.library.cluster.urls import find_audio, open_url, resolve_file_system, write_atomically
from genrelens.model.input_spec import AudioInput
from tests.support.models import make_card

SOUND: AudioInput = make_card().audio_input


def heard_there(address: str) -> DecodedFile:
    with open_url(address) as (file, stamp):
        return decode_open_file(file, address, stamp, SOUND, 3)


@pytest.fixture
def memory() -> Iterator[Any]:
    """A file system that is no disk."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


class TestReading:
    def test_hears_the_same_at_an_address_as_on_disk(self, memory: Any, wav: Callable[..., Path]) -> None:
        file = wav()
        memory.pipe_file("/music/tone.wav", file.read_bytes())
        there, here = heard_there("memory://music/tone.wav"), decode_file(file, SOUND, 3)
        assert (there.track.windows.inputs == here.track.windows.inputs).all()
        assert there.track.windows.starts == here.track.windows.starts
        assert (there.track.duration, there.track.warnings) == (here.track.duration, here.track.warnings)
        assert there.path == "memory://music/tone.wav"
        assert there.stamp.size == file.stat().st_size

    def test_names_the_address_of_what_is_no_audio(self, memory: Any) -> None:
        memory.pipe_file("/music/words.mp3", b"words")
        with pytest.raises(UndecodableAudioError, match=r"memory://music/words\.mp3 is not audio"):
            heard_there("memory://music/words.mp3")

    def test_says_what_is_not_there(self, memory: Any) -> None:
        with pytest.raises(AudioNotFoundError, match=r"memory://none\.mp3 does not exist"):
            heard_there("memory://none.mp3")

    def test_a_connection_that_breaks_is_no_short_song(
        self, memory: Any, wav: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Breaking(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if self.tell() > 100_000:
                    raise TimeoutError("the network is gone")
                return super().read(size)

        content = wav(seconds=10.0).read_bytes()
        memory.pipe_file("/tone.wav", content)
        monkeypatch.setattr(type(memory), "open", lambda *_: Breaking(content))
        with pytest.raises(AudioUnreadableError, match="the network is gone"):
            heard_there("memory://tone.wav")


class TestFinding:
    def test_finds_the_audio_in_a_folder_here_or_there(self, memory: Any, tmp_path: Path) -> None:
        for name in ("b.mp3", "a.FLAC", "cover.jpg", "._a.mp3", "below/c.ogg"):
            memory.pipe_file(f"/music/{name}", b"x")
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(b"x")
        names = ["a.FLAC", "b.mp3", "below/c.ogg"]
        assert find_audio("memory://music") == [f"memory:///music/{name}" for name in names]
        assert find_audio(str(tmp_path)) == [str(tmp_path / name) for name in names]

    def test_reads_a_list_whatever_bytes_are_in_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        listed = tmp_path / "songs"
        listed.write_bytes(
            b"s3://bucket/a.mp3\n\n/music/\xff.mp3\r\n b.mp3 \ns3://bucket/a.mp3\n/music/../c.mp3\n/c.mp3"
        )
        monkeypatch.chdir(tmp_path)
        here = str(tmp_path / " b.mp3 ")
        assert find_audio(str(listed)) == ["s3://bucket/a.mp3", "/music/\udcff.mp3", here, "/c.mp3"]

    def test_takes_no_song_for_a_list(self, wav: Callable[..., Path]) -> None:
        with pytest.raises(RemoteFileError, match="is an audio file; give a folder"):
            find_audio(str(wav()))

    def test_says_what_cannot_be_listed(self, tmp_path: Path) -> None:
        with pytest.raises(RemoteFileError, match="none cannot be read"):
            find_audio(str(tmp_path / "none"))

    def test_says_which_file_systems_it_does_not_know(self) -> None:
        with pytest.raises(RemoteFileError, match="odd://a cannot be opened"):
            resolve_file_system("odd://a")


class TestWriting:
    def test_leaves_nothing_half_written(self, memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(memory), "mv", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            write_atomically(memory, "/out/a.parquet", b"content")
        assert memory.find("/out") == []
