import numpy as np
import pytest
from numpy.typing import NDArray

from genrelens.errors import RecipeError
from genrelens.train.data.preprocess import preprocess
from genrelens.train.recipes.recipe import PreprocessTable

RATE = 22_050


def tone(hz: float, seconds: float = 2.0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def hiss(seconds: float, amplitude: float = 0.01) -> NDArray[np.float32]:
    return (amplitude * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), np.float32)


def loudness(samples: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.square(samples).mean() + 1e-20))


def test_default_settings_change_nothing() -> None:
    samples = hiss(1)
    assert preprocess(samples, RATE, PreprocessTable()) is samples


@pytest.mark.parametrize("seconds", [4.0, 30.0])
@pytest.mark.parametrize("strikes", [0, 2])
def test_denoising_reduces_noise_and_keeps_music(seconds: float, strikes: float) -> None:
    """Half a second of hiss, then a chord over hiss, sustained or struck: the ratio of the chord to the rest rises."""
    partials = [tone(110 * h * root, seconds) / (4 * h) for h in range(1, 12) for root in (1, 1.26)]
    fading = np.exp(-3 * (np.arange(len(partials[0])) * strikes / RATE % 1))
    chord = np.concatenate([silence(0.5), fading * np.sum(partials, axis=0), silence(0.5)]).astype(np.float32)
    noisy = chord + hiss(seconds + 1)
    clean = preprocess(noisy, RATE, PreprocessTable(denoise=True))
    assert clean.shape == noisy.shape
    assert clean.dtype == np.float32
    assert loudness(clean[: RATE // 3]) < loudness(noisy[: RATE // 3]) - 15
    assert loudness(clean - chord) < loudness(noisy - chord) - 5
    assert loudness(clean) == pytest.approx(loudness(chord), abs=0.5)


def test_digital_silence_is_not_used_as_noise() -> None:
    noisy = np.concatenate([silence(2), hiss(1), tone(440, 2) + hiss(2)])
    clean = preprocess(noisy, RATE, PreprocessTable(denoise=True))
    hissing = slice(round(2.2 * RATE), round(2.8 * RATE))
    assert loudness(clean[hissing]) < loudness(noisy[hissing]) - 15
    assert not clean[:RATE].any()


@pytest.mark.parametrize("samples", [silence(2), hiss(0.3), hiss(0.0001)], ids=["silence", "short", "two samples"])
def test_denoising_changes_nothing_without_a_noise_sample(samples: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(preprocess(samples, RATE, PreprocessTable(denoise=True)), samples)


def test_trims_quiet_ends_but_not_the_middle() -> None:
    quiet = 0.001 * tone(440, 1.0)
    samples = np.concatenate([quiet, tone(440, 1.5), quiet, tone(440, 0.5), quiet])
    assert len(preprocess(samples, RATE, PreprocessTable(trim=40))) / RATE == pytest.approx(3, abs=0.15)
    assert len(preprocess(samples, RATE, PreprocessTable(trim=80))) == len(samples)


def test_trimming_silence_leaves_samples() -> None:
    assert len(preprocess(silence(1), RATE, PreprocessTable(trim=30))) > 0


@pytest.mark.parametrize(
    ("table", "kept", "removed"),
    [
        (PreprocessTable(low=500), (2_000, 8_000), (100,)),
        (PreprocessTable(high=2_000), (100, 500), (8_000,)),
        (PreprocessTable(low=300, high=3_000), (1_000,), (75, 10_000)),
    ],
    ids=["low", "high", "both"],
)
def test_frequencies_outside_the_band_are_attenuated(
    table: PreprocessTable, kept: tuple[float, ...], removed: tuple[float, ...]
) -> None:
    for hz in kept:
        np.testing.assert_allclose(middle(preprocess(tone(hz), RATE, table)), middle(tone(hz)), atol=0.01)
    for hz in removed:
        assert loudness(middle(preprocess(tone(hz), RATE, table))) < loudness(tone(hz)) - 60


def test_filters_a_few_samples() -> None:
    assert preprocess(tone(100)[:2], RATE, PreprocessTable(low=300, high=3_000)).shape == (2,)


def test_filters_before_trimming() -> None:
    rumble = np.concatenate([tone(20, 1), tone(20, 1) + tone(1_000, 1), tone(20, 1)])
    assert len(preprocess(rumble, RATE, PreprocessTable(trim=30))) == len(rumble)
    assert len(preprocess(rumble, RATE, PreprocessTable(trim=30, low=300))) / RATE == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("table", "rate", "words"),
    [
        (PreprocessTable(high=12_000), RATE, r"12000 Hz.*below 11025 Hz; lower preprocess\.high"),
        (PreprocessTable(low=100, high=11_025), RATE, r"lower preprocess\.high"),
        (PreprocessTable(low=12_000), RATE, r"lower preprocess\.low"),
        (PreprocessTable(denoise=True), 4_000, r"at least 5120 Hz, but it is 4000 Hz; leave preprocess\.denoise out"),
    ],
)
def test_rejects_settings_that_need_a_higher_rate(table: PreprocessTable, rate: int, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        preprocess(hiss(1), rate, table)


def middle(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the samples without a quarter of a second at both ends, where the filter has not settled."""
    return samples[RATE // 4 : -RATE // 4]
