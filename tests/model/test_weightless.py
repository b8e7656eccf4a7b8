from pathlib import Path

import numpy as np
import pytest

from genrelens.errors import InvalidModelError
from genrelens.model.weightless import insert_weights, strip_weights

RNG = np.random.default_rng(0)
WEIGHTS = {
    "theirs": RNG.standard_normal((3, 4)).astype(np.float32),
    "also": RNG.standard_normal(5).astype(np.float32),
    "count": np.array(0),
    "elsewhere": RNG.standard_normal(2).astype(np.float32),
}
OURS = RNG.bytes(100)
MODEL = OURS + WEIGHTS["also"].tobytes() + b"between" + WEIGHTS["theirs"].tobytes() + OURS


def test_stripped_weights_can_be_inserted_again(tmp_path: Path) -> None:
    slots = strip_weights(MODEL, WEIGHTS, tmp_path / "m.zip")
    assert [(slot.tensor, slot.start, slot.size) for slot in slots] == [("also", 100, 20), ("theirs", 127, 48)]
    assert insert_weights(tmp_path / "m.zip", WEIGHTS) == MODEL
    zeros = {name: np.zeros_like(values) for name, values in WEIGHTS.items()}
    assert insert_weights(tmp_path / "m.zip", zeros) == OURS + bytes(20) + b"between" + bytes(48) + OURS


def test_the_same_content_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        strip_weights(MODEL, WEIGHTS, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_weights_of_another_checkpoint_are_rejected(tmp_path: Path) -> None:
    strip_weights(MODEL, WEIGHTS, tmp_path / "m.zip")
    for wrong in ({"also": WEIGHTS["also"]}, {**WEIGHTS, "theirs": np.zeros(3, np.float32)}):
        with pytest.raises(InvalidModelError, match="no theirs of 48 bytes"):
            insert_weights(tmp_path / "m.zip", wrong)
