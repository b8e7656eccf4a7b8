import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genrelens.explain.attribution import Floats, TimeAxis, class_activation, occlusion
from genrelens.model.session import ModelInput

sizes = st.integers(1, 6)


@given(sizes, sizes, sizes, sizes, sizes)
def test_class_activation_maps_average_to_the_logits(
    windows: int, channels: int, rows: int, columns: int, labels: int
) -> None:
    rng = np.random.default_rng(windows + 7 * channels)
    maps, weights = rng.standard_normal((windows, channels, rows, columns)), rng.standard_normal((labels, channels))
    attribution = class_activation(maps, weights)
    assert attribution.shape == (windows, labels, rows, columns)
    np.testing.assert_allclose(attribution.mean(axis=(2, 3)), maps.mean(axis=(2, 3)) @ weights.T)


def linear_model(labels: int, inputs: ModelInput) -> tuple[Floats, Floats]:
    weights = np.random.default_rng(5).standard_normal((labels, *inputs.shape[1:]))
    return weights, np.einsum("lpbf,wpbf->wl", weights, inputs)


@given(st.integers(1, 3), st.integers(1, 2), st.integers(1, 4), st.integers(1, 5), st.integers(0, 9))
def test_occlusion_of_a_linear_model_is_the_contribution_of_each_patch(
    windows: int, channels: int, rows: int, columns: int, spare: int
) -> None:
    """The drops sum to the drop for all patches, whatever their number, and each belongs to its own place."""
    rng = np.random.default_rng(spare)
    inputs = rng.standard_normal((windows, channels, rows + spare, columns + 2 * spare)).astype(np.float32)
    weights, original = linear_model(3, inputs)
    drops = occlusion(lambda batch: np.einsum("lpbf,wpbf->wl", weights, batch), inputs, rows, columns)
    fill = np.broadcast_to(inputs.mean(axis=3, keepdims=True), inputs.shape)
    assert drops.shape == (windows, 3, rows, columns)
    np.testing.assert_allclose(drops.sum(axis=(2, 3)), original - linear_model(3, fill)[1], atol=1e-3)
    last = weights[..., -1, -1] @ (inputs - fill)[0, :, -1, -1] if spare == 0 else None
    if last is not None:
        np.testing.assert_allclose(drops[0, :, -1, -1], last, atol=1e-4)


def test_occlusion_finds_the_relevant_patch_and_does_not_modify_the_windows() -> None:
    inputs = np.random.default_rng(0).standard_normal((2, 1, 8, 20)).astype(np.float32)
    inputs[1, 0, 4:6, 15:] += 9
    copy = inputs.copy()
    drops = occlusion(lambda batch: np.maximum(batch, 3).sum(axis=(1, 2, 3))[:, None], inputs, 4, 4)
    assert np.unravel_index(drops[1, 0].argmax(), (4, 4)) == (2, 3)
    assert np.abs(drops[0]).max() < 1
    np.testing.assert_array_equal(inputs, copy)


def test_overlapping_windows_are_averaged() -> None:
    axis = TimeAxis(np.linspace(0, 6, 7), 1)
    axis.add(np.full((2, 4), 1.0), 0, 4)
    axis.add(np.full((2, 4), 3.0), 2, 6)
    np.testing.assert_allclose(axis.mean(), [[1, 1, 2, 2, 3, 3]] * 2)


def test_columns_without_values_have_the_fill_value() -> None:
    axis = TimeAxis(np.linspace(0, 4, 5))
    np.testing.assert_array_equal(axis.mean(fill_value=-7.0), [-7] * 4)
    axis.add(np.array([1.0, 2.0, 3.0]), 2, 5)
    np.testing.assert_allclose(axis.mean(fill_value=-7.0), [-7, -7, 1, 2])


@given(st.integers(1, 50), st.integers(1, 50), st.floats(0.1, 100))
def test_resampling_to_columns_preserves_the_mean(count: int, columns: int, seconds: float) -> None:
    """Neighbours are averaged by their durations, so the mean over time is preserved."""
    values = np.random.default_rng(count).standard_normal((3, count))
    axis = TimeAxis(np.linspace(0, seconds, columns + 1), 3)
    axis.add(values, 0, seconds)
    np.testing.assert_allclose(axis.mean().mean(axis=1), values.mean(axis=1), atol=1e-9)
    if columns == count:
        np.testing.assert_allclose(axis.mean(), values, atol=1e-6)
