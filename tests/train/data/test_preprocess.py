import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from genrelens.errors import RecipeError
from genrelens.train.data.preprocess import prepared
from genrelens.train.recipes.recipe import PreprocessTable

RATE = 22_050


def tone(hz: float, seconds: float = 2.0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def hiss(seconds: float, level: float = 0.01) -> NDArray[np.float32]:
    return (level * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), np.float32)


def loudness(samples: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.square(samples).mean() + 1e-20))


def test_nothing_asked_for_changes_nothing() -> None:
    samples = hiss(1)
    assert prepared(samples, RATE, PreprocessTable()) is samples


@pytest.mark.parametrize("seconds", [4.0, 30.0])
@pytest.mark.parametrize("strikes", [0, 2])
def test_denoising_lowers_the_noise_and_keeps_the_music(seconds: float, strikes: float) -> None:
    """Half a second of hiss, then a chord over hiss, held or struck: the ratio of chord to all else rises."""
    partials = [tone(110 * h * root, seconds) / (4 * h) for h in range(1, 12) for root in (1, 1.26)]
    fading = np.exp(-3 * (np.arange(len(partials[0])) * strikes / RATE % 1))
    chord = np.concatenate([silence(0.5), fading * np.sum(partials, axis=0), silence(0.5)]).astype(np.float32)
    noisy = chord + hiss(seconds + 1)
    clean = prepared(noisy, RATE, PreprocessTable(denoise=True))
    assert clean.shape == noisy.shape
    assert clean.dtype == np.float32
    assert loudness(clean[: RATE // 3]) < loudness(noisy[: RATE // 3]) - 15
    assert loudness(clean - chord) < loudness(noisy - chord) - 5
    assert loudness(clean) == pytest.approx(loudness(chord), abs=0.5)


def test_digital_silence_does_not_tell_what_the_noise_is() -> None:
    noisy = np.concatenate([silence(2), hiss(1), tone(440, 2) + hiss(2)])
    clean = prepared(noisy, RATE, PreprocessTable(denoise=True))
    heard = slice(round(2.2 * RATE), round(2.8 * RATE))
    assert loudness(clean[heard]) < loudness(noisy[heard]) - 15
    assert not clean[:RATE].any()


@pytest.mark.parametrize("samples", [silence(2), hiss(0.3), hiss(0.0001)], ids=["silence", "short", "two samples"])
def test_what_tells_nothing_of_noise_is_left_as_it_is(samples: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(prepared(samples, RATE, PreprocessTable(denoise=True)), samples)


def test_ends_below_the_threshold_are_trimmed_and_the_middle_is_not() -> None:
    quiet = 0.001 * tone(440, 1.0)
    samples = np.concatenate([quiet, tone(440, 1.5), quiet, tone(440, 0.5), quiet])
    assert len(prepared(samples, RATE, PreprocessTable(trim=40))) / RATE == pytest.approx(3, abs=0.15)
    assert len(prepared(samples, RATE, PreprocessTable(trim=80))) == len(samples)


def test_trimming_leaves_something_of_silence() -> None:
    assert len(prepared(silence(1), RATE, PreprocessTable(trim=30))) > 0


@pytest.mark.parametrize(
    ("table", "kept", "gone"),
    [
        (PreprocessTable(low=500), (2_000, 8_000), (100,)),
        (PreprocessTable(high=2_000), (100, 500), (8_000,)),
        (PreprocessTable(low=300, high=3_000), (1_000,), (75, 10_000)),
    ],
    ids=["low", "high", "both"],
)
def test_frequencies_outside_the_band_are_attenuated(
    table: PreprocessTable, kept: tuple[float, ...], gone: tuple[float, ...]
) -> None:
    for hz in kept:
        np.testing.assert_allclose(middle(prepared(tone(hz), RATE, table)), middle(tone(hz)), atol=0.01)
    for hz in gone:
        assert loudness(middle(prepared(tone(hz), RATE, table))) < loudness(tone(hz)) - 60


def test_a_few_samples_can_be_filtered() -> None:
    assert prepared(tone(100)[:2], RATE, PreprocessTable(low=300, high=3_000)).shape == (2,)


def test_the_filter_comes_before_the_ends_are_judged() -> None:
    rumble = np.concatenate([tone(20, 1), tone(20, 1) + tone(1_000, 1), tone(20, 1)])
    assert len(prepared(rumble, RATE, PreprocessTable(trim=30))) == len(rumble)
    assert len(prepared(rumble, RATE, PreprocessTable(trim=30, low=300))) / RATE == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("table", "rate", "words"),
    [
        (PreprocessTable(high=12_000), RATE, r"12000 Hz.*below 11025 Hz; lower preprocess\.high"),
        (PreprocessTable(low=100, high=11_025), RATE, r"lower preprocess\.high"),
        (PreprocessTable(low=12_000), RATE, r"lower preprocess\.low"),
        (PreprocessTable(denoise=True), 4_000, r"at least 5120 Hz, and it is 4000 Hz; leave preprocess\.denoise out"),
    ],
)
def test_what_the_rate_cannot_hold_is_refused(table: PreprocessTable, rate: int, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        prepared(hiss(1), rate, table)


def test_a_band_rises() -> None:
    with pytest.raises(ValidationError, match="low is 3000 Hz and high 300 Hz; low must lie below high"):
        PreprocessTable(low=3_000, high=300)


def middle(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """All but a quarter of a second at both ends, where a filter has not settled."""
    return samples[RATE // 4 : -RATE // 4]
