import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrelens.errors import InvalidModelError
from genrelens.model.weightless import insert_weights, read_checkpoint, strip_weights

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


def test_tensors_equal_those_read_by_torch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    whole = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    tensors = {
        "plain": torch.randn(3, 2, 1),
        "turned": whole.T,
        "part": whole[1:3, ::2],
        "number": torch.tensor(7),
        "half": torch.ones(2, dtype=torch.float16),
        "none": torch.zeros(0, 3),
    }
    torch.save(tensors, tmp_path / "a.pt")
    found = read_checkpoint(tmp_path / "a.pt")
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor.numpy(), strict=True)


class _Malicious:
    def __reduce__(self) -> Any:
        return (print, ("executed",))


def test_no_code_from_the_file_is_executed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "bad.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": _Malicious()}))
    with pytest.raises(InvalidModelError, match=r"bad\.pt is not a PyTorch checkpoint"):
        read_checkpoint(tmp_path / "bad.pt")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04"])
def test_files_that_are_not_checkpoints_are_rejected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(InvalidModelError):
        read_checkpoint(tmp_path / "x.pt")


def test_a_tensor_beyond_its_storage_is_rejected(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.zeros(1000)}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as archive, zipfile.ZipFile(tmp_path / "b.pt", "w") as shorter:
        for name in archive.namelist():
            shorter.writestr(name, archive.read(name)[:40] if name.endswith("/data/0") else archive.read(name))
    with pytest.raises(InvalidModelError):
        read_checkpoint(tmp_path / "b.pt")
