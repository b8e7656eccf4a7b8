import numpy as np
import pytest
import torch

from genrelens.train.data.batches import TrackWindows, TrainingBatches
from tests.support.recipes import make_recipe


def log_mels(tracks: int = 10, frames: int = 129) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.uniform(-80, 0, (128, frames)).astype(np.float16) for _ in range(tracks)]


def one_hot(truth: list[int], labels: int = 5) -> np.ndarray:
    return np.eye(labels, dtype=np.float32)[truth]


def test_epoch_has_each_track_as_often_as_crops() -> None:
    recipe = make_recipe(train={"crops": 2, "batch": 4, "mixup": 0})
    batches = list(TrainingBatches(log_mels(), one_hot([n % 5 for n in range(10)]), recipe, epoch=lambda: 0))
    assert len(batches) == len(TrainingBatches(log_mels(), one_hot([0] * 10), recipe, epoch=lambda: 0)) == 5
    assert all(windows.shape == (4, 1, 128, 44) and windows.dtype == torch.float32 for windows, _ in batches)
    assert torch.cat([targets for _, targets in batches]).sum(dim=0).tolist() == [4] * 5


def test_epochs_are_reproducible_and_differ() -> None:
    def first(epoch: int, seed: int = 1) -> torch.Tensor:
        return next(iter(TrainingBatches(log_mels(), one_hot([0] * 10), make_recipe(seed=seed), lambda: epoch)))[0]

    assert torch.equal(first(3), first(3))
    assert not torch.equal(first(3), first(4))
    assert not torch.equal(first(3), first(3, seed=2))


def test_echoed_epochs_share_windows_in_another_order() -> None:
    recipe = make_recipe(
        train={"crops": 2, "batch": 4, "echo": 2, "mixup": 0}, augment={"time_masks": 0, "band_masks": 0}
    )
    epoch = 0
    batches = TrainingBatches(log_mels(), one_hot([n % 5 for n in range(10)]), recipe, lambda: epoch)

    def drawn() -> list[tuple[float, int]]:
        return [
            (window.sum().item(), int(target.argmax()))
            for windows, targets in batches
            for window, target in zip(windows, targets, strict=True)
        ]

    zeroth = drawn()
    epoch = 1
    first = drawn()
    epoch = 2
    second = drawn()
    assert first != zeroth
    assert sorted(first) == sorted(zeroth)
    assert not set(second) & set(first)
    epoch = 1
    resumed = TrainingBatches(log_mels(), one_hot([n % 5 for n in range(10)]), recipe, lambda: epoch)
    assert torch.equal(next(iter(resumed))[0], next(iter(batches))[0])


def test_without_augmentation_windows_are_normalised_crops() -> None:
    ramp = np.tile(np.linspace(-80, 0, 200, dtype=np.float16), (128, 1))
    recipe = make_recipe(
        augment=dict.fromkeys(("stretch", "shift", "equaliser", "tilt", "low_pass", "noise"), 0)
        | {"time_masks": 0, "band_masks": 0},
        train={"mixup": 0, "batch": 2},
    )
    windows, _ = next(iter(TrainingBatches([ramp, ramp], one_hot([0, 1]), recipe, epoch=lambda: 0)))
    assert windows.mean().item() == pytest.approx(0, abs=1e-3)
    assert windows.std().item() == pytest.approx(1, abs=1e-2)
    steps = windows.diff(dim=3)
    torch.testing.assert_close(steps, steps.mean().expand_as(steps), atol=0.02, rtol=0)


def test_short_tracks_are_repeated() -> None:
    recipe = make_recipe(train={"batch": 2})
    windows, _ = next(iter(TrainingBatches(log_mels(2, frames=10), one_hot([0, 1]), recipe, epoch=lambda: 0)))
    assert windows.shape == (2, 1, 128, 44)
    (whole, target), *_ = TrackWindows(log_mels(1, frames=10), one_hot([1]), recipe)
    assert whole.shape == (1, 1, 128, 44)
    assert target.tolist() == [0, 1, 0, 0, 0]
    torch.testing.assert_close(whole[..., :10], whole[..., 10:20])


def test_validation_covers_all_windows() -> None:
    (whole, _), *_ = TrackWindows(log_mels(1, frames=129), one_hot([0]), make_recipe())
    assert whole.shape == (5, 1, 128, 44)  # a window every 22 frames, and one at the end of the track
    assert whole.mean(dim=(1, 2, 3)).abs().max() < 1e-4
