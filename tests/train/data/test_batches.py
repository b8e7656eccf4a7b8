import numpy as np
import pytest
import torch

from genrelens.train.data.batches import TrackWindows, TrainingBatches
from tests.support.recipes import make_recipe


def levels(tracks: int = 10, frames: int = 129) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.uniform(-80, 0, (128, frames)).astype(np.float16) for _ in range(tracks)]


def one_hot(truth: list[int], labels: int = 5) -> np.ndarray:
    return np.eye(labels, dtype=np.float32)[truth]


def test_an_epoch_has_every_track_as_often_as_asked() -> None:
    recipe = make_recipe(train={"crops": 2, "batch": 4, "mixup": 0})
    batches = list(TrainingBatches(levels(), one_hot([n % 5 for n in range(10)]), recipe, epoch=lambda: 0))
    assert len(batches) == len(TrainingBatches(levels(), one_hot([0] * 10), recipe, epoch=lambda: 0)) == 5
    assert all(windows.shape == (4, 1, 128, 44) and windows.dtype == torch.float32 for windows, _ in batches)
    assert torch.cat([targets for _, targets in batches]).sum(dim=0).tolist() == [4] * 5


def test_an_epoch_can_be_repeated_and_differs_from_the_next() -> None:
    def first(epoch: int, seed: int = 1) -> torch.Tensor:
        return next(iter(TrainingBatches(levels(), one_hot([0] * 10), make_recipe(seed=seed), lambda: epoch)))[0]

    assert torch.equal(first(3), first(3))
    assert not torch.equal(first(3), first(4))
    assert not torch.equal(first(3), first(3, seed=2))


def test_echoed_epochs_learn_from_the_same_views_in_another_order() -> None:
    recipe = make_recipe(
        train={"crops": 2, "batch": 4, "echo": 2, "mixup": 0}, augment={"time_masks": 0, "band_masks": 0}
    )
    epoch = 0
    batches = TrainingBatches(levels(), one_hot([n % 5 for n in range(10)]), recipe, lambda: epoch)

    def views() -> list[tuple[float, int]]:
        return [
            (window.sum().item(), int(target.argmax()))
            for windows, targets in batches
            for window, target in zip(windows, targets, strict=True)
        ]

    zeroth = views()
    epoch = 1
    first = views()
    epoch = 2
    second = views()
    assert first != zeroth
    assert sorted(first) == sorted(zeroth)
    assert not set(second) & set(first)
    epoch = 1
    resumed = TrainingBatches(levels(), one_hot([n % 5 for n in range(10)]), recipe, lambda: epoch)
    assert torch.equal(next(iter(resumed))[0], next(iter(batches))[0])


def test_without_variation_a_window_is_a_normalised_stretch_of_its_track() -> None:
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
    windows, _ = next(iter(TrainingBatches(levels(2, frames=10), one_hot([0, 1]), recipe, epoch=lambda: 0)))
    assert windows.shape == (2, 1, 128, 44)
    (whole, own), *_ = TrackWindows(levels(1, frames=10), one_hot([1]), recipe)
    assert whole.shape == (1, 1, 128, 44)
    assert own.tolist() == [0, 1, 0, 0, 0]
    torch.testing.assert_close(whole[..., :10], whole[..., 10:20])


def test_validation_takes_all_windows_to_the_end() -> None:
    (whole, _), *_ = TrackWindows(levels(1, frames=129), one_hot([0]), make_recipe())
    assert whole.shape == (5, 1, 128, 44)  # a window each 22 frames, and one that ends with the track
    assert whole.mean(dim=(1, 2, 3)).abs().max() < 1e-4
