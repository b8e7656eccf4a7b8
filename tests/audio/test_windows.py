from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrelens.audio.decoder import ArrayReader
from genrelens.audio.windows import is_silent, iter_windows, repeat_to_size, sliding_windows, spread_starts, windows_at
from genrelens.errors import TooShortError, UndecodableAudioError

Samples = NDArray[np.float32]


@st.composite
def streams(draw: st.DrawFn) -> list[Samples]:
    """The numbers 0, 1, 2, ... in blocks of any sizes."""
    sizes = draw(st.lists(st.integers(0, 40), max_size=12))
    numbers = np.arange(sum(sizes), dtype=np.float32)
    return np.split(numbers, np.cumsum(sizes)[:-1]) if sizes else []


@given(streams(), st.integers(1, 50), st.integers(1, 60))
def test_cut_gives_regular_windows_and_a_last_one_that_ends_with_the_stream(
    blocks: list[Samples], size: int, hop: int
) -> None:
    total = sum(map(len, blocks))
    windows = list(sliding_windows(blocks, size, hop))
    expected = list(range(0, total - size + 1, hop))
    if total and (not expected or expected[-1] + size < total):
        expected.append(max(0, total - size))
    assert [start for start, _ in windows] == expected
    for start, samples in windows:
        assert samples.tolist() == list(range(start, min(start + size, total)))


@given(streams(), st.integers(1, 50), st.lists(st.integers(0, 200), max_size=6, unique=True).map(sorted))
def test_pick_gives_what_the_stream_holds_of_each_window(blocks: list[Samples], size: int, starts: list[int]) -> None:
    total = sum(map(len, blocks))
    picked = {start: samples.tolist() for start, samples in windows_at(blocks, starts, size)}
    assert picked == {start: list(range(start, min(start + size, total))) for start in starts if start < total}


def test_pick_reads_no_further_than_it_must() -> None:
    def blocks() -> Iterator[Samples]:
        yield np.zeros(10, np.float32)
        raise AssertionError("read on")

    assert [start for start, _ in windows_at(blocks(), [2], 5)] == [2]


@given(st.integers(0, 10_000), st.integers(1, 3_000), st.integers(1, 12))
def test_spread_windows_are_distinct_inside_and_centred(total: int, size: int, count: int) -> None:
    starts = spread_starts(total, size, count)
    assert starts == sorted(set(starts))
    assert 1 <= len(starts) <= count
    assert all(0 <= start <= max(0, total - size) for start in starts)
    mirrored = [max(0, total - size) - start for start in reversed(starts)]
    assert starts == pytest.approx(mirrored, abs=1)


def test_three_spread_windows_cover_three_lengths() -> None:
    assert spread_starts(30, 10, 3) == [0, 10, 20]
    assert spread_starts(240, 10, 3) == [35, 115, 195]
    assert spread_starts(8, 10, 3) == [0]


@given(st.integers(1, 50), st.integers(1, 200))
def test_fill_repeats(length: int, size: int) -> None:
    filled = repeat_to_size(np.arange(length, dtype=np.float32), size)
    assert filled.tolist() == [i % length for i in range(size)]


def recording(seconds: float, rate: int = 1_000) -> ArrayReader:
    return ArrayReader(np.ones(round(seconds * rate), np.float32), rate, stored_rate=rate)


def test_a_short_track_is_repeated_with_a_warning() -> None:
    for take in ("all", 3):
        track = recording(2.5)
        (window,) = iter_windows(track, 10.0, 5.0, take)
        assert len(window.samples) == 10_000
        assert track.warnings == ["only 2.5 s of audio, repeated to fill a window of 10.0 s"]


def test_far_too_short_and_empty_tracks() -> None:
    with pytest.raises(TooShortError, match=r"lasts 0\.05 s; at least 0\.1 s are needed"):
        list(iter_windows(recording(0.05), 10.0, 5.0, "all"))
    with pytest.raises(UndecodableAudioError, match="holds no audio"):
        list(iter_windows(recording(0), 10.0, 5.0, 3))


class Liar(ArrayReader):
    """Declares twice the length that it has, as a file that was cut off does."""

    def __init__(self, declared: float | None) -> None:
        super().__init__(np.arange(9_000, dtype=np.float32), 1_000, stored_rate=1_000)
        self.duration = declared


@pytest.mark.parametrize("declared", [None, 18.0, 9.02])
def test_spread_windows_do_not_trust_the_declared_length(declared: float | None) -> None:
    windows = list(iter_windows(Liar(declared), 2.0, 1.0, 3))
    assert [window.start for window in windows] == pytest.approx([0.5, 3.5, 6.5], abs=0.02)
    assert [window.samples[0] for window in windows] == pytest.approx([500, 3500, 6500], abs=20)


def test_silence_is_told_from_the_softest_sound() -> None:
    assert is_silent(np.zeros(10, np.float32))
    assert is_silent(np.full(10, 1e-5, np.float32))
    assert not is_silent(np.full(10, 1e-4, np.float32))
