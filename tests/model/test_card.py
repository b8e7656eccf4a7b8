import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from genrelens.errors import InvalidModelError, NewerCardError, WrongInputError
from genrelens.model.card import CARD_FORMAT, CARD_KEY, Calibration, Card, MetricEstimate, MusicDetector, read_card
from genrelens.model.input_spec import PictureInput
from tests.support.models import make_card


def test_a_card_round_trips_through_json() -> None:
    estimate = MetricEstimate(
        metric="accuracy", value=0.7, low=0.6, high=0.8, data="GTZAN", split="test", tracks=290, protocol="by track"
    )
    card = make_card(figures=(estimate,), temperature=1.5)
    assert read_card({CARD_KEY: card.model_dump_json()}, "x.onnx") == card


def test_a_card_of_format_1_can_be_read() -> None:
    card = make_card()
    content = card.model_dump(mode="json")
    spec = content.pop("input")
    old = {**content, "format": 1, **{key: spec[key] for key in ("front_end", "window", "hop")}}
    assert read_card({CARD_KEY: json.dumps(old)}, "x.onnx") == card


def test_a_card_of_format_2_can_be_read() -> None:
    old = {**make_card().model_dump(mode="json"), "format": 2}
    del old["calibration"], old["detector"]
    assert read_card({CARD_KEY: json.dumps(old)}, "x.onnx") == make_card()


def test_a_card_with_calibration_and_detector_round_trips() -> None:
    calibration = Calibration(tracks=197, log_loss=(0.98, 0.97), error=(0.08, 0.05))
    detector = MusicDetector(centre=(0.5, 1.5), axes=((1.0, 0.0),), usual=1.0, limit=3.0)
    card = make_card(temperature=0.8, calibration=calibration, detector=detector)
    assert read_card({CARD_KEY: card.model_dump_json()}, "x.onnx") == card


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": ((1.0,),)}, "an axis does not have the 2 channels of the centre"),
        ({"limit": 1.0}, "the usual distance must be less than the limit"),
        ({"usual": 0.0}, "greater than 0"),
        ({"centre": ()}, "at least 1 item"),
    ],
)
def test_invalid_detectors_are_rejected(changes: dict[str, object], message: str) -> None:
    valid = {"centre": (0.5, 1.5), "axes": ((1.0, 0.0),), "usual": 1.0, "limit": 3.0}
    with pytest.raises(ValidationError, match=message):
        MusicDetector.model_validate({**valid, **changes})


def test_a_card_of_a_picture_model_has_no_audio_input() -> None:
    card = make_card(input=PictureInput(kind="picture", width=224, height=100))
    assert read_card({CARD_KEY: card.model_dump_json()}, "x.onnx") == card
    assert card.input.shape == (3, 100, 224)
    with pytest.raises(WrongInputError, match="takes pictures of spectrograms; create them from audio with"):
        _ = card.audio_input


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "without a GenreLens card"),
        ({CARD_KEY: "{"}, "malformed card"),
        ({CARD_KEY: "[]"}, "malformed card"),
        ({CARD_KEY: json.dumps({"format": 1})}, "name: Field required"),
        ({CARD_KEY: json.dumps({"format": "one"})}, "format"),
    ],
)
def test_missing_and_malformed_cards_are_errors(metadata: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidModelError, match=message):
        read_card(metadata, "x.onnx")


def test_a_card_of_a_newer_format_is_rejected() -> None:
    content = {**make_card().model_dump(mode="json"), "format": CARD_FORMAT + 1, "novelty": True}
    with pytest.raises(NewerCardError, match=f"card of format {CARD_FORMAT + 1}.*upgrade"):
        read_card({CARD_KEY: json.dumps(content)}, "x.onnx")


@given(st.text())
def test_any_text_is_a_card_or_a_clear_error(text: str) -> None:
    with pytest.raises(InvalidModelError):
        read_card({CARD_KEY: text}, "x.onnx")


def test_duplicate_labels_are_rejected() -> None:
    with pytest.raises(ValidationError, match="two labels are the same"):
        make_card(labels=("a", "a"))
    assert isinstance(make_card(labels=("a", "b")), Card)


def test_multi_label_and_tree_cards_round_trip() -> None:
    multilabel = make_card(labelling="several", thresholds=(0.3, 0.6))
    tree = make_card(labels=("Jazz", "Rock---Pop"), labelling="tree", certainty=0.6)
    for card in (multilabel, tree):
        assert read_card({CARD_KEY: card.model_dump_json()}, "x.onnx") == card
    assert tree.tree is not None
    assert tree.tree.nodes == ("Jazz", "Rock", "Rock---Pop")
    assert multilabel.tree is make_card().tree is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labelling": "several"}, "0 thresholds do not match 2 labels"),
        ({"thresholds": (0.5, 0.5)}, "2 thresholds do not match 2 labels with labelling 'one'"),
        ({"labelling": "several", "thresholds": (0.5, 1.5)}, "less than or equal to 1"),
        ({"labelling": "tree", "labels": ("a", "a---b")}, "'a' is a leaf and also has subgenres"),
        ({"labelling": "tree", "labels": ("a", "b---")}, "has an empty part"),
    ],
)
def test_inconsistent_labelling_is_rejected(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make_card(**changes)


def test_a_tie_predicts_the_first_label() -> None:
    assert make_card(labels=("a", "b")).predicted_labels(np.array([0.5, 0.5], np.float32)) == ("a",)
