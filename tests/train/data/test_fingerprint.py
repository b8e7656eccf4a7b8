import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelens.train.data.fingerprint import LEAST_OVERLAP, STEP, Fingerprint, fingerprint, matches, tiles
from genrelens.train.data.log_mels import Level

THRESHOLD = 14.0


def music(seed: int, frames: int = 344) -> Level:
    """Levels that change as notes do: each mel band holds a value for a few frames."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.normal(-40, 12, (128, -(-frames // 3))), 3, axis=1)[:, :frames]


def prints(*levels: Level) -> list[Fingerprint]:
    return [fingerprint(level, STEP) for level in levels]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(-200, 200), st.floats(-30, 30), st.integers(0, 1000))
def test_a_filtered_and_shifted_copy_is_found_where_it_begins(seed: int, lag: int, gain: float, eq: int) -> None:
    level = music(seed, 700)
    curve = np.random.default_rng(eq).uniform(-12, 12, (128, 1))
    first, second = level[:, 300:600], level[:, 300 + lag : 600 + lag] + curve + gain
    (match,) = matches(prints(first, second), THRESHOLD)
    assert (match.first, match.second, match.lag, match.overlap) == (0, 1, lag, 300 - abs(lag))
    assert match.similarity > 0.5  # at the ends, what came a moment before is not known


def test_too_little_in_common_is_no_match() -> None:
    level = music(1, 700)
    lag = 344 - LEAST_OVERLAP
    assert list(matches(prints(level[:, :344], level[:, lag : lag + 344]), THRESHOLD))
    assert not list(matches(prints(level[:, :344], level[:, lag + 5 : lag + 349]), THRESHOLD))


def test_every_pair_of_many_is_compared_once() -> None:
    levels = [music(number, 100) for number in range(70)]
    levels += [levels[3], levels[69][:, :80]]  # in another tile, and shorter
    calls: list[int] = []
    found = {(match.first, match.second) for match in matches(prints(*levels), THRESHOLD, lambda: calls.append(1))}
    assert found == {(3, 70), (69, 71)}
    assert len(calls) == tiles(len(levels)) == 3
    assert not list(matches([], THRESHOLD))


def test_silence_is_like_nothing() -> None:
    silent = fingerprint(np.full((128, 200), -80.0), STEP)
    assert not silent.any()
    assert not list(matches([silent, silent, *prints(music(5, 200))], THRESHOLD))


def test_finer_frames_are_averaged() -> None:
    level = music(7, 200)
    fine = np.repeat(level, 4, axis=1)
    np.testing.assert_allclose(fingerprint(fine, STEP / 4), fingerprint(level, STEP), atol=1e-5)
