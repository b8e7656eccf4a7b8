"""Which changes there are, how they are asked for, and what they may cost."""

import numpy as np
import pytest

from genrelens.train.robustness.battery import allowed_loss, perturbation_battery, select_perturbations
from genrelens.train.robustness.perturbations import Gain, Mp3, Noise, Offset, Opus, Pitch, Polarity, Tempo

ALL = perturbation_battery(np.random.default_rng(0))


def test_names_differ() -> None:
    assert len({change.name for change in ALL}) == len(ALL)


def test_by_family_and_by_name() -> None:
    assert [change.name for change in select_perturbations(ALL, ["polarity", "mp3:64", "pitch"])] == [
        "pitch:-2", "pitch:-1", "pitch:+1", "pitch:+2", "polarity", "mp3:64"
    ]  # fmt: skip
    assert select_perturbations(ALL, []) == ALL


@pytest.mark.parametrize(("asked", "nearest"), [("mp3-64", "mp3:64"), ("temp", "tempo"), ("reverb", "")])
def test_what_there_is_not(asked: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"no transformation '{asked}'; the nearest is '{nearest}"):
        select_perturbations(ALL, [asked])


def test_targets() -> None:
    assert {allowed_loss(change) for change in (Mp3(64), Opus(128), Gain(6), Polarity(), Offset(2))} == {0.02}
    assert {allowed_loss(change) for change in (Pitch(-1), Tempo(4), Tempo(-2))} == {0.05}
    assert {allowed_loss(change) for change in (Mp3(32), Pitch(2), Tempo(-6), Noise(40))} == {None}
