import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelens.features.frontend import FrontEnd, log_mel, mel_filterbank
from genrelens.train.augment import spectrogram
from genrelens.train.recipes.recipe import AugmentTable

FRONT_END = FrontEnd(hop=1024)
ALL = AugmentTable(
    shift=2, equaliser=6, tilt=6, low_pass=0.5, noise=0.5, time_masks=2, time_mask=5, band_masks=2, band_mask=9
)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def levels(windows: int = 4) -> torch.Tensor:
    noise = np.random.default_rng(0).standard_normal((windows, 22_050))
    return torch.from_numpy(log_mel(noise, FRONT_END).astype(np.float32))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_draws_follow_from_the_generator_and_give_numbers(seed: int) -> None:
    level = levels()
    once = spectrogram.mask(spectrogram.augment_log_mels(level, ALL, FRONT_END, rng(seed))[:, None], ALL, rng(seed))[:, 0]
    again = spectrogram.mask(spectrogram.augment_log_mels(level, ALL, FRONT_END, rng(seed))[:, None], ALL, rng(seed))[:, 0]
    assert once.shape == level.shape
    assert torch.isfinite(once).all()
    assert torch.equal(once, again)
    assert not torch.equal(once, level)


def test_nothing_asked_for_changes_nothing() -> None:
    level = levels()
    assert spectrogram.mask(spectrogram.augment_log_mels(level, AugmentTable(), FRONT_END, rng()), AugmentTable(), rng()) is level


def test_a_stretch_plays_faster_and_slower() -> None:
    ramp = torch.arange(200.0).expand(64, 3, 200)
    assert spectrogram.stretched_frames(100, 0.5) == 151
    stretched = spectrogram.time_stretch(ramp, 100, 0.5, rng())
    rates = stretched[:, 0, 99] / 99
    assert rates.min() > 1 / 1.5 - 1e-4
    assert rates.max() < 1.5 + 1e-4
    assert rates.std() > 0.1
    torch.testing.assert_close(stretched[:, 1], rates[:, None] * torch.arange(100.0))


@pytest.mark.parametrize("semitones", [-3, 0, 2])
def test_a_shift_of_bands_is_a_transposition(semitones: float) -> None:
    ratio = 2 ** (semitones / 12)

    def peak(hz: float) -> int:
        wave = np.sin(2 * np.pi * hz * np.arange(22_050) / 22_050)
        return int(log_mel(wave, FRONT_END).mean(axis=1).argmax())

    positions = spectrogram.band_positions(torch.tensor([1 / ratio]), FRONT_END)[0]
    for hz in (500.0, 1_000.0, 3_000.0):
        assert positions[peak(hz * ratio)] == pytest.approx(peak(hz), abs=1.01)


def test_band_positions_of_no_shift_are_the_bands() -> None:
    positions = spectrogram.band_positions(torch.ones(1), FRONT_END)[0]
    torch.testing.assert_close(positions, torch.arange(128.0), atol=1e-3, rtol=0)
    assert mel_filterbank(FRONT_END).shape[0] == 128


def test_a_filter_is_the_same_at_all_times_and_noise_only_adds() -> None:
    level = levels()
    for change in (
        spectrogram.equalise(level, 6, rng()),
        spectrogram.tilt(level, 6, rng()),
        spectrogram.low_pass(level, 1.0, rng()),
    ):
        difference = change - level
        torch.testing.assert_close(difference, difference[:, :, :1].expand_as(difference), atol=1e-3, rtol=0)
        assert difference.abs().max() > 1
    assert (spectrogram.low_pass(level, 1.0, rng()) <= level).all()
    assert (spectrogram.add_noise(level, 1.0, rng()) >= level - 1e-4).all()
    torch.testing.assert_close(spectrogram.add_noise(level, 0.0, rng()), level)


def test_masks_blank_whole_bands_and_times() -> None:
    ones = torch.ones(50, 2, 128, 60)
    table = AugmentTable(band_masks=1, band_mask=20, time_masks=1, time_mask=10)
    masked, other = spectrogram.mask(ones, table, rng()).unbind(dim=1)
    assert torch.equal(masked, other)  # all planes alike
    blank_bands = (masked == 0).all(dim=2).sum(dim=1)
    blank_times = (masked == 0).all(dim=1).sum(dim=1)
    assert 5 < blank_bands.float().mean() < 15
    assert 2 < blank_times.float().mean() < 8
    assert blank_bands.max() <= 21
    assert blank_times.max() <= 11


def test_mixup_mixes_windows_and_targets_alike() -> None:
    windows = torch.eye(8)[:, None].repeat(1, 3, 1)  # window i is all in column i
    mixed, targets = spectrogram.mixup(windows, torch.eye(8), 0.3, 0.5, rng(1))
    torch.testing.assert_close(mixed[:, 0], targets)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(8))
    assert (targets.diagonal() >= 0.5).all()
    assert 1 <= (targets.diagonal() < 1).sum() < 8
    same, _ = spectrogram.mixup(windows, torch.eye(8), 0.3, 0.0, rng(1))
    assert torch.equal(same, windows)


def test_an_overlaid_window_holds_both_and_its_targets_say_how_much_of_each() -> None:
    level = torch.full((64, 4, 6), -60.0)
    for window in range(64):
        level[window, window % 4] = 0.0
    targets = torch.eye(4)[torch.arange(64) % 4]
    heard, told = spectrogram.overlay(level, targets, 1.0, rng())
    torch.testing.assert_close(told.sum(dim=1), torch.ones(64))
    for window in range(64):
        own = window % 4
        other = int((told[window] - torch.eye(4)[own]).argmax())
        if other == own or told[window, own] == 1:
            continue
        louder = heard[window, other, 0] - heard[window, own, 0]
        assert -10.1 <= louder <= 10.1
        assert told[window, other].item() == pytest.approx(1 / (1 + 10 ** (-louder.item() / 10)), abs=0.01)


def test_only_the_share_that_is_asked_for_is_overlaid() -> None:
    level, targets = torch.rand(400, 3, 3) * -60.0, torch.eye(400)
    heard, told = spectrogram.overlay(level, targets, 0.25, rng())
    changed = (heard != level).flatten(1).any(dim=1)
    assert 60 <= changed.sum() <= 140
    assert torch.equal(told[~changed], targets[~changed])
