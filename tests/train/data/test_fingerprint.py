import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelens.train.data.fingerprint import MIN_OVERLAP, STEP, Fingerprint, count_tile_pairs, find_matches, fingerprint
from genrelens.train.data.log_mels import LogMel

THRESHOLD = 14.0


def music(seed: int, frames: int = 344) -> LogMel:
    """A log-mel that changes as notes do: each mel band keeps a value for a few frames."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.normal(-40, 12, (128, -(-frames // 3))), 3, axis=1)[:, :frames]


def prints(*log_mels: LogMel) -> list[Fingerprint]:
    return [fingerprint(log_mel, STEP) for log_mel in log_mels]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(-200, 200), st.floats(-30, 30), st.integers(0, 1000))
def test_finds_the_offset_of_a_filtered_copy(seed: int, lag: int, gain: float, eq: int) -> None:
    log_mel = music(seed, 700)
    curve = np.random.default_rng(eq).uniform(-12, 12, (128, 1))
    first, second = log_mel[:, 300:600], log_mel[:, 300 + lag : 600 + lag] + curve + gain
    (match,) = find_matches(prints(first, second), THRESHOLD)
    assert (match.first, match.second, match.lag, match.overlap) == (0, 1, lag, 300 - abs(lag))
    assert match.similarity > 0.5  # the running mean differs at the ends


def test_ignores_overlaps_below_the_minimum() -> None:
    log_mel = music(1, 700)
    lag = 344 - MIN_OVERLAP
    assert list(find_matches(prints(log_mel[:, :344], log_mel[:, lag : lag + 344]), THRESHOLD))
    assert not list(find_matches(prints(log_mel[:, :344], log_mel[:, lag + 5 : lag + 349]), THRESHOLD))


def test_compares_each_pair_once() -> None:
    log_mels = [music(number, 100) for number in range(70)]
    log_mels += [log_mels[3], log_mels[69][:, :80]]  # in another tile, and shorter
    calls = 0

    def progress(advance: int = 1, total: int | None = None) -> None:
        nonlocal calls
        calls += advance

    found = {(match.first, match.second) for match in find_matches(prints(*log_mels), THRESHOLD, progress)}
    assert found == {(3, 70), (69, 71)}
    assert calls == count_tile_pairs(len(log_mels)) == 3
    assert not list(find_matches([], THRESHOLD))


def test_silence_matches_nothing() -> None:
    silent = fingerprint(np.full((128, 200), -80.0), STEP)
    assert not silent.any()
    assert not list(find_matches([silent, silent, *prints(music(5, 200))], THRESHOLD))


def test_averages_shorter_frames() -> None:
    log_mel = music(7, 200)
    fine = np.repeat(log_mel, 4, axis=1)
    np.testing.assert_allclose(fingerprint(fine, STEP / 4), fingerprint(log_mel, STEP), atol=1e-5)
