import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from genrelens.errors import InvalidModelError, NewerCardError, WrongInputError
from genrelens.model.card import CARD_FORMAT, CARD_KEY, Calibration, Card, MetricEstimate, MusicDetector, read_card
from genrelens.model.input_spec import PictureInput
from tests.support.models import make_card


def test_a_card_there_and_back() -> None:
    figure = MetricEstimate(
        metric="accuracy", value=0.7, low=0.6, high=0.8, data="GTZAN", split="test", tracks=290, protocol="by track"
    )
    card = make_card(figures=(figure,), temperature=1.5)
    assert read_card({CARD_KEY: card.model_dump_json()}, "x.onnx") == card


def test_a_card_of_the_first_format_is_still_read() -> None:
    card = make_card()
    content = card.model_dump(mode="json")
    sound = content.pop("input")
    old = {**content, "format": 1, **{key: sound[key] for key in ("front_end", "window", "hop")}}
    assert read_card({CARD_KEY: json.dumps(old)}, "x.onnx") == card


def test_a_card_of_the_second_format_is_still_read() -> None:
    old = {**make_card().model_dump(mode="json"), "format": 2}
    del old["calibration"], old["detector"]
    assert read_card({CARD_KEY: json.dumps(old)}, "x.onnx") == make_card()


def test_a_card_of_a_calibrated_model_that_knows_music() -> None:
    calibration = Calibration(tracks=197, log_loss=(0.98, 0.97), error=(0.08, 0.05))
    detector = MusicDetector(centre=(0.5, 1.5), axes=((1.0, 0.0),), usual=1.0, limit=3.0)
    card = make_card(temperature=0.8, calibration=calibration, detector=detector)
    assert read_card({CARD_KEY: card.model_dump_json()}, "x.onnx") == card


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"axes": ((1.0,),)}, "an axis does not have the 2 channels of the centre"),
        ({"limit": 1.0}, "the usual distance must lie below the limit"),
        ({"usual": 0.0}, "greater than 0"),
        ({"centre": ()}, "at least 1 item"),
    ],
)
def test_detectors_that_cannot_be(changes: dict[str, object], words: str) -> None:
    possible = {"centre": (0.5, 1.5), "axes": ((1.0, 0.0),), "usual": 1.0, "limit": 3.0}
    with pytest.raises(ValidationError, match=words):
        MusicDetector.model_validate({**possible, **changes})


def test_a_card_of_a_model_that_looks_at_pictures() -> None:
    card = make_card(input=PictureInput(kind="picture", width=224, height=100))
    assert read_card({CARD_KEY: card.model_dump_json()}, "x.onnx") == card
    assert card.input.shape == (3, 100, 224)
    with pytest.raises(WrongInputError, match="looks at pictures of spectrograms; make them of audio with"):
        _ = card.audio_input


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({}, "without a GenreLens card"),
        ({CARD_KEY: "{"}, "card that cannot be read"),
        ({CARD_KEY: "[]"}, "card that cannot be read"),
        ({CARD_KEY: json.dumps({"format": 1})}, "name: Field required"),
        ({CARD_KEY: json.dumps({"format": "one"})}, "format"),
    ],
)
def test_what_is_no_card(metadata: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidModelError, match=words):
        read_card(metadata, "x.onnx")


def test_a_newer_card() -> None:
    content = {**make_card().model_dump(mode="json"), "format": CARD_FORMAT + 1, "novelty": True}
    with pytest.raises(NewerCardError, match=f"card of format {CARD_FORMAT + 1}.*upgrade"):
        read_card({CARD_KEY: json.dumps(content)}, "x.onnx")


@given(st.text())
def test_any_text_is_a_card_or_a_clear_error(text: str) -> None:
    with pytest.raises(InvalidModelError):
        read_card({CARD_KEY: text}, "x.onnx")


def test_labels_differ() -> None:
    with pytest.raises(ValidationError, match="two labels are the same"):
        make_card(labels=("a", "a"))
    assert isinstance(make_card(labels=("a", "b")), Card)


def test_cards_of_several_labels_and_of_a_tree() -> None:
    several = make_card(labelling="several", thresholds=(0.3, 0.6))
    tree = make_card(labels=("Jazz", "Rock---Pop"), labelling="tree", certainty=0.6)
    for card in (several, tree):
        assert read_card({CARD_KEY: card.model_dump_json()}, "x.onnx") == card
    assert tree.tree is not None
    assert tree.tree.nodes == ("Jazz", "Rock", "Rock---Pop")
    assert several.tree is make_card().tree is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labelling": "several"}, "0 thresholds do not fit 2 labels"),
        ({"thresholds": (0.5, 0.5)}, "2 thresholds do not fit 2 labels told one a track"),
        ({"labelling": "several", "thresholds": (0.5, 1.5)}, "less than or equal to 1"),
        ({"labelling": "tree", "labels": ("a", "a---b")}, "'a' is a label of its own and has parts"),
        ({"labelling": "tree", "labels": ("a", "b---")}, "has an empty part"),
    ],
)
def test_cards_that_cannot_be_told_by(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        make_card(**changes)
