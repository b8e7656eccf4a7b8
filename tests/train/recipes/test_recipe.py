from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from genrelens.train.recipes.backbone_card import BackboneCard
from genrelens.train.recipes.recipe import AugmentTable, PreprocessTable, WaveformTable
from tests.support.backbones import FRAMES, ROWS, make_backbone
from tests.support.recipes import make_recipe


@pytest.fixture
def backbone(tmp_path: Path) -> BackboneCard:
    return make_backbone(tmp_path, [ROWS, FRAMES], axes='["rows", "frames"]')


def test_copies_need_an_augmentation() -> None:
    assert AugmentTable(expand=5, waveform=WaveformTable(noise=0.0)).expand == 5
    with pytest.raises(ValidationError, match="all copies would be the same; set one of stretch, shift"):
        AugmentTable(expand=2)
    with pytest.raises(ValidationError, match="expand is 1; set expand to 2 or more"):
        AugmentTable(waveform=WaveformTable(shift=1))
    with pytest.raises(ValidationError, match="less than 1"):
        WaveformTable(stretch=1)


def test_rejects_a_band_with_swapped_edges() -> None:
    with pytest.raises(ValidationError, match="low is 3000 Hz and high 300 Hz; low must be below high"):
        PreprocessTable(low=3_000, high=300)


def test_refitting_needs_one_label_per_track(backbone: BackboneCard) -> None:
    with pytest.raises(ValidationError, match=r"distil\.penalties fit a layer that predicts one label per track"):
        make_recipe(
            train={"mixup": 0},
            data={"labels": "several"},
            distil={"backbone": backbone.model_dump(), "penalties": [0.1]},
        )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train": {"mixup": 0.3}}, r"train\.mixup mixes normalised windows, which the teacher cannot process"),
        (
            {"train": {"mixup": 0}, "input": {"features": ["mel", "chroma"]}},
            "distil needs the log-mel as the only input feature",
        ),
    ],
)
def test_rejects_inputs_that_a_teacher_cannot_process(
    backbone: BackboneCard, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        make_recipe(distil={"backbone": backbone.model_dump()}, **changes)


def test_overlay_needs_the_log_mel_alone() -> None:
    with pytest.raises(ValidationError, match=r"augment\.overlay needs the log-mel as the only input feature"):
        make_recipe(augment={"overlay": 0.5}, input={"features": ["mfcc"]})
