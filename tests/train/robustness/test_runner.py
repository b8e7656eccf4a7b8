from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from genrelens.classifier import Classifier
from genrelens.model.card import Card
from genrelens.model.session import Model
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.robustness.perturbations import Shuffle
from genrelens.train.robustness.runner import ShuffledFramesModel, predict_track
from tests.support.audio import encode, tone
from tests.support.models import make_card, make_mapped_model, make_model


class RecordingModel(ShuffledFramesModel):
    """Records the input of its graph."""

    def _run_session(self, outputs: list[str], inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        self.recorded = inputs
        return super()._run_session(outputs, inputs)


@pytest.mark.parametrize("make", [make_model, make_mapped_model])
def test_frames_are_shuffled_for_models_with_and_without_feature_maps(
    make: Callable[[Path, Card], Path], tmp_path: Path
) -> None:
    file = make(tmp_path / "model.onnx", make_card())
    inputs = np.random.default_rng(0).standard_normal((2, *Model(file).card.input.shape)).astype(np.float32)
    model = RecordingModel(file, Shuffle(0.0), np.random.default_rng(1))
    model.run(inputs)
    assert not np.array_equal(model.recorded, inputs)
    np.testing.assert_array_equal(np.sort(model.recorded, axis=3), np.sort(inputs, axis=3))


def test_all_windows_are_classified(tmp_path: Path) -> None:
    file = make_model(tmp_path / "model.onnx", make_card())
    song = tmp_path / "rising.wav"
    rising = np.concatenate([tone(100, 6.0), tone(6_000, 2.0)], axis=1)
    encode(song, rising, codec="pcm_s16le")
    (clean,) = predict_track(LabelledTrack(str(song), "rising", "low"), file, (), 0)
    classifier = Classifier(file, threads=1)
    assert clean[0] == pytest.approx(classifier.predict(song, windows="all").scores[0].score, abs=1e-3)
    assert clean[0] != pytest.approx(classifier.predict(song, windows=3).scores[0].score, abs=1e-2)
