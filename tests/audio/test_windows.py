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
    """Return the numbers 0, 1, 2, ... in blocks of any sizes."""
    sizes = draw(st.lists(st.integers(0, 40), max_size=12))
    numbers = np.arange(sum(sizes), dtype=np.float32)
    return np.split(numbers, np.cumsum(sizes)[:-1]) if sizes else []


@given(streams(), st.integers(1, 50), st.integers(1, 60))
def test_sliding_windows_cover_the_stream_and_end_with_it(blocks: list[Samples], size: int, hop: int) -> None:
    total = sum(map(len, blocks))
    windows = list(sliding_windows(blocks, size, hop))
    starts = [start for start, _ in windows]
    for start, samples in windows:
        assert samples.tolist() == list(range(start, min(start + size, total)))
    assert starts == sorted(set(starts))
    assert bool(windows) == (total > 0)
    if windows:
        assert starts[0] == 0
        assert starts[-1] == max(0, total - size)
    if hop <= size:
        covered = {int(number) for _, samples in windows for number in samples}
        assert covered == set(range(total))


@given(streams(), st.integers(1, 50), st.integers(1, 60))
def test_sliding_windows_start_every_hop_except_at_the_end(blocks: list[Samples], size: int, hop: int) -> None:
    total = sum(map(len, blocks))
    starts = [start for start, _ in sliding_windows(blocks, size, hop)]
    regular = list(range(0, total - size + 1, hop))
    rest = total - size - regular[-1] if regular else 0
    can_move = len(regular) > 1 and hop + rest <= size
    if regular and 0 < rest < hop / 2 and can_move:
        assert starts == [*regular[:-1], total - size]
    elif regular:
        assert starts == [*regular, *([total - size] if rest else [])]
    if len(regular) > 1 and (rest == 0 or rest >= hop / 2 or can_move):
        assert np.diff(starts).min() >= hop / 2


def test_a_track_slightly_longer_than_a_whole_number_of_hops_has_no_nearly_identical_windows() -> None:
    reader = make_reader(30.2)
    starts = [window.start for window in iter_windows(reader, 10.0, 5.0, "all")]
    assert starts == pytest.approx([0, 5, 10, 15, 20.2])


@given(streams(), st.integers(1, 50), st.lists(st.integers(0, 200), max_size=6, unique=True).map(sorted))
def test_windows_at_returns_the_available_samples_of_each_window(
    blocks: list[Samples], size: int, starts: list[int]
) -> None:
    total = sum(map(len, blocks))
    by_start = {start: samples.tolist() for start, samples in windows_at(blocks, starts, size)}
    assert by_start == {start: list(range(start, min(start + size, total))) for start in starts if start < total}


def test_windows_at_stops_reading_after_the_last_window() -> None:
    def blocks() -> Iterator[Samples]:
        yield np.zeros(10, np.float32)
        raise AssertionError("read too far")

    assert [start for start, _ in windows_at(blocks(), [2], 5)] == [2]


@given(st.integers(0, 10_000), st.integers(1, 3_000), st.integers(1, 12))
def test_spread_starts_are_distinct_within_the_track_and_symmetric(total: int, size: int, count: int) -> None:
    starts = spread_starts(total, size, count)
    assert starts == sorted(set(starts))
    assert 1 <= len(starts) <= count
    assert all(0 <= start <= max(0, total - size) for start in starts)
    mirrored = [max(0, total - size) - start for start in reversed(starts)]
    assert starts == pytest.approx(mirrored, abs=1)


def test_spread_starts_of_three_windows() -> None:
    assert spread_starts(30, 10, 3) == [0, 10, 20]
    assert spread_starts(240, 10, 3) == [35, 115, 195]
    assert spread_starts(8, 10, 3) == [0]


@given(st.integers(1, 50), st.integers(1, 200))
def test_repeat_to_size_repeats_the_samples(length: int, size: int) -> None:
    repeated = repeat_to_size(np.arange(length, dtype=np.float32), size)
    assert repeated.tolist() == [i % length for i in range(size)]


def make_reader(seconds: float, rate: int = 1_000) -> ArrayReader:
    return ArrayReader(np.ones(round(seconds * rate), np.float32), rate, stored_rate=rate)


def test_a_short_track_is_repeated_with_a_warning() -> None:
    for count in ("all", 3):
        reader = make_reader(2.5)
        (window,) = iter_windows(reader, 10.0, 5.0, count)
        assert len(window.samples) == 10_000
        assert reader.warnings == ["only 2.5 s of audio, repeated to fill a window of 10.0 s"]


def test_too_short_and_empty_tracks_are_errors() -> None:
    with pytest.raises(TooShortError, match=r"lasts 0\.05 s; at least 0\.1 s are needed"):
        list(iter_windows(make_reader(0.05), 10.0, 5.0, "all"))
    with pytest.raises(UndecodableAudioError, match="contains no audio"):
        list(iter_windows(make_reader(0), 10.0, 5.0, 3))


class WrongDuration(ArrayReader):
    """Samples with a wrong declared duration, as in a truncated file."""

    def __init__(self, declared: float | None) -> None:
        super().__init__(np.arange(9_000, dtype=np.float32), 1_000, stored_rate=1_000)
        self.duration = declared


@pytest.mark.parametrize("declared", [None, 18.0, 9.02])
def test_spread_windows_do_not_rely_on_the_declared_duration(declared: float | None) -> None:
    windows = list(iter_windows(WrongDuration(declared), 2.0, 1.0, 3))
    assert [window.start for window in windows] == pytest.approx([0.5, 3.5, 6.5], abs=0.02)
    assert [window.samples[0] for window in windows] == pytest.approx([500, 3500, 6500], abs=20)


def test_silence_is_distinguished_from_the_softest_sound() -> None:
    assert is_silent(np.zeros(10, np.float32))
    assert is_silent(np.full(10, 1e-5, np.float32))
    assert not is_silent(np.full(10, 1e-4, np.float32))
