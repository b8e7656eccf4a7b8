import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genrelens.explain.attribution import Floats, ModelInput, TimeAxis, class_activation, occlusion

sizes = st.integers(1, 6)


@given(sizes, sizes, sizes, sizes, sizes)
def test_class_activation_adds_up_to_the_logits(
    windows: int, channels: int, rows: int, columns: int, labels: int
) -> None:
    rng = np.random.default_rng(windows + 7 * channels)
    maps, weights = rng.standard_normal((windows, channels, rows, columns)), rng.standard_normal((labels, channels))
    evidence = class_activation(maps, weights)
    assert evidence.shape == (windows, labels, rows, columns)
    np.testing.assert_allclose(evidence.mean(axis=(2, 3)), maps.mean(axis=(2, 3)) @ weights.T)


def linear(labels: int, planes: ModelInput) -> tuple[Floats, Floats]:
    weights = np.random.default_rng(5).standard_normal((labels, *planes.shape[1:]))
    return weights, np.einsum("lpbf,wpbf->wl", weights, planes)


@given(st.integers(1, 3), st.integers(1, 2), st.integers(1, 4), st.integers(1, 5), st.integers(0, 9))
def test_occlusion_of_a_linear_judge_is_what_each_patch_adds(
    windows: int, planes: int, rows: int, columns: int, spare: int
) -> None:
    """So the falls add up to the fall of all, whatever the patches' number; and each is of its own place."""
    rng = np.random.default_rng(spare)
    heard = rng.standard_normal((windows, planes, rows + spare, columns + 2 * spare)).astype(np.float32)
    weights, before = linear(3, heard)
    falls = occlusion(lambda given: np.einsum("lpbf,wpbf->wl", weights, given), heard, rows, columns)
    grey = np.broadcast_to(heard.mean(axis=3, keepdims=True), heard.shape)
    assert falls.shape == (windows, 3, rows, columns)
    np.testing.assert_allclose(falls.sum(axis=(2, 3)), before - linear(3, grey)[1], atol=1e-3)
    last = weights[..., -1, -1] @ (heard - grey)[0, :, -1, -1] if spare == 0 else None
    if last is not None:
        np.testing.assert_allclose(falls[0, :, -1, -1], last, atol=1e-4)


def test_occlusion_points_at_the_patch_that_matters_and_leaves_the_windows_as_they_are() -> None:
    heard = np.random.default_rng(0).standard_normal((2, 1, 8, 20)).astype(np.float32)
    heard[1, 0, 4:6, 15:] += 9
    kept = heard.copy()
    falls = occlusion(lambda given: np.maximum(given, 3).sum(axis=(1, 2, 3))[:, None], heard, 4, 4)
    assert np.unravel_index(falls[1, 0].argmax(), (4, 4)) == (2, 3)
    assert np.abs(falls[0]).max() < 1
    np.testing.assert_array_equal(heard, kept)


def test_windows_that_overlap_are_averaged() -> None:
    axis = TimeAxis(np.linspace(0, 6, 7), 1)
    axis.add(np.full((2, 4), 1.0), 0, 4)
    axis.add(np.full((2, 4), 3.0), 2, 6)
    np.testing.assert_allclose(axis.mean(), [[1, 1, 2, 2, 3, 3]] * 2)


def test_what_is_beyond_the_axis_or_not_heard() -> None:
    axis = TimeAxis(np.linspace(0, 4, 5))
    np.testing.assert_array_equal(axis.mean(nothing=-7.0), [-7] * 4)
    axis.add(np.array([1.0, 2.0, 3.0]), 2, 5)
    np.testing.assert_allclose(axis.mean(nothing=-7.0), [-7, -7, 1, 2])


@given(st.integers(1, 50), st.integers(1, 50), st.floats(0.1, 100))
def test_nothing_is_lost_between_the_columns(count: int, columns: int, seconds: float) -> None:
    """Neighbours are averaged by how long they last, so the mean over time stays."""
    values = np.random.default_rng(count).standard_normal((3, count))
    axis = TimeAxis(np.linspace(0, seconds, columns + 1), 3)
    axis.add(values, 0, seconds)
    np.testing.assert_allclose(axis.mean().mean(axis=1), values.mean(axis=1), atol=1e-9)
    if columns == count:
        np.testing.assert_allclose(axis.mean(), values, atol=1e-6)
