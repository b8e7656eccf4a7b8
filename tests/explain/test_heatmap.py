import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from genrelens.classifier import Classifier
from genrelens.explain.explainer import explain
from genrelens.explain.explanation import TrackExplanation
from genrelens.explain.heatmap import WIDTH, draw_heatmap
from genrelens.features.pictures import read_picture
from tests.support.audio import RATE, encode, encode_with_event, tone
from tests.support.models import make_card, make_traceable_model


@pytest.fixture(scope="module")
def explanation(tmp_path_factory: pytest.TempPathFactory) -> TrackExplanation:
    folder = tmp_path_factory.mktemp("heatmap")
    classifier = Classifier(make_traceable_model(folder / "m.onnx", make_card()), threads=1)
    return explain(classifier, encode_with_event(folder / "a.wav", 6, 9, seconds=12))


def draw(explanation: TrackExplanation) -> NDArray[np.int64]:
    return read_picture(draw_heatmap(explanation)).astype(np.int64)


def with_genres(explanation: TrackExplanation, *genres: str) -> TrackExplanation:
    by_genre = {each.genre: each for each in explanation.explanations}
    return explanation.model_copy(update={"explanations": tuple(by_genre[genre] for genre in genres)})


def warmth(picture: NDArray[np.int64], top: int, bottom: int) -> NDArray[np.float64]:
    """Return the mean excess of red over blue in each twelfth of the width of the plots."""
    part = picture[top:bottom, 84 : WIDTH - 196]
    return np.array([(strip[..., 0] - strip[..., 2]).mean() for strip in np.array_split(part, 12, axis=1)])


def test_positive_attribution_is_warm_and_negative_cold(explanation: TrackExplanation) -> None:
    high, low = (warmth(draw(with_genres(explanation, genre)), 150, 414) for genre in ("high", "low"))
    planted_at = np.isin(np.arange(12), [6, 7, 8])
    assert high[planted_at].min() > 0 > high[~planted_at].max()
    assert low[planted_at].max() < 0 < low[~planted_at].min()


def test_the_timeline_shows_the_genres_at_the_same_seconds(explanation: TrackExplanation) -> None:
    timeline = draw(with_genres(explanation, "high"))[-218:-50, 84 : WIDTH - 196]
    first = np.array([0x2F, 0xC3, 0x9B])  # of the most probable genre
    shares = (np.abs(timeline - first).sum(axis=2) < 12).mean(axis=0)
    genre = explanation.prediction.scores[0].label
    scores = [next(s.score for s in segment.scores if s.label == genre) for segment in explanation.prediction.segments]
    centres = [(segment.start + segment.end) / 2 / 12 * len(shares) for segment in explanation.prediction.segments]
    np.testing.assert_allclose(np.interp(centres, np.arange(len(shares)), shares), scores, atol=0.03)


def test_each_genre_has_its_own_plot(explanation: TrackExplanation) -> None:
    single, both = draw(with_genres(explanation, "high")), draw(with_genres(explanation, "high", "low"))
    assert single.shape[1] == both.shape[1] == WIDTH
    assert 300 < both.shape[0] - single.shape[0] < 500
    np.testing.assert_array_equal(single[100:500], both[100:500])


def test_the_same_explanation_gives_the_same_bytes(explanation: TrackExplanation) -> None:
    assert draw_heatmap(with_genres(explanation, "high")) == draw_heatmap(with_genres(explanation, "high"))


@pytest.mark.parametrize(("seconds", "labelling"), [(0.3, "one"), (70.0, "several"), (1.0, "tree")])
def test_any_track_and_labelling_can_be_drawn(tmp_path: Path, seconds: float, labelling: str) -> None:
    card = make_card(
        labels=("All---a name that is far too long for a legend", "All---\u7235\u58eb"),
        labelling=labelling,
        thresholds=(0.5, 0.5) if labelling == "several" else (),
    )
    classifier = Classifier(make_traceable_model(tmp_path / "m.onnx", card), threads=1)
    file = encode(tmp_path / "a.wav", tone(300, seconds, 22_050), codec="pcm_s16le", rate=22_050)
    odd = file.rename(tmp_path / os.fsdecode(b"\xff\xfe" + b"long" * 40 + b".wav"))
    assert draw(explain(classifier, odd)).shape[1] == WIDTH


def test_silence_can_be_drawn(tmp_path: Path) -> None:
    classifier = Classifier(make_traceable_model(tmp_path / "m.onnx", make_card()), threads=1)
    file = encode(tmp_path / "a.wav", 0 * tone(300, 2, RATE), codec="pcm_s16le")
    picture = draw(explain(classifier, file, genres=["low"]))
    assert np.abs(warmth(picture, 150, 414)).max() < 1  # no attribution
