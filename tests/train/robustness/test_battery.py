import numpy as np
import pytest

from genrelens.train.robustness.battery import allowed_drop, perturbation_battery, select_perturbations
from genrelens.train.robustness.perturbations import Gain, Mp3, Noise, Offset, Opus, Pitch, Polarity, Tempo

ALL = perturbation_battery(np.random.default_rng(0))


def test_names_are_unique() -> None:
    assert len({perturbation.name for perturbation in ALL}) == len(ALL)


def test_selection_by_family_and_by_name() -> None:
    assert [perturbation.name for perturbation in select_perturbations(ALL, ["polarity", "mp3:64", "pitch"])] == [
        "pitch:-2", "pitch:-1", "pitch:+1", "pitch:+2", "polarity", "mp3:64"
    ]  # fmt: skip
    assert select_perturbations(ALL, []) == ALL


@pytest.mark.parametrize(("name", "closest"), [("mp3-64", "mp3:64"), ("temp", "tempo"), ("reverb", "")])
def test_unknown_name_suggests_the_closest_one(name: str, closest: str) -> None:
    with pytest.raises(ValueError, match=f"unknown perturbation '{name}'; the closest is '{closest}"):
        select_perturbations(ALL, [name])


def test_allowed_drop_of_inaudible_and_small_perturbations() -> None:
    assert set(map(allowed_drop, (Mp3(64), Opus(128), Gain(6), Polarity(), Offset(2)))) == {0.02}
    assert set(map(allowed_drop, (Pitch(-1), Tempo(4), Tempo(-2)))) == {0.05}
    assert set(map(allowed_drop, (Mp3(32), Pitch(2), Tempo(-6), Noise(40)))) == {None}
