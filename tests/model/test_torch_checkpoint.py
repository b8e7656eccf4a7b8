import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genrelens.errors import InvalidModelError
from genrelens.model.torch_checkpoint import read_checkpoint


def test_tensors_equal_those_read_by_torch(tmp_path: Path) -> None:
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
    torch.save({"a": torch.zeros(1000)}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as archive, zipfile.ZipFile(tmp_path / "b.pt", "w") as shorter:
        for name in archive.namelist():
            shorter.writestr(name, archive.read(name)[:40] if name.endswith("/data/0") else archive.read(name))
    with pytest.raises(InvalidModelError):
        read_checkpoint(tmp_path / "b.pt")
