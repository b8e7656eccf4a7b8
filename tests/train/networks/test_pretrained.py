"""Published weights: torchvision's names and shapes, derived here from its architectures, and loading errors."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from genrelens.errors import (
    ChecksumError,
    DownloadError,
    InvalidModelError,
    ModelNotFoundError,
    RecipeError,
)
from genrelens.train.networks.imagenet import Resnet18, Vgg16
from genrelens.train.networks.pretrained import load_checkpoint

Shapes = dict[str, tuple[int, ...]]

SHAPE = (1, 128, 46)


def vgg16_shapes() -> Shapes:
    """torchvision.models.vgg16: thirteen convolutions, then three linear layers."""
    numbers = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    channels = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    shapes: Shapes = {}
    for index, number in enumerate(numbers):
        shapes[f"features.{number}.weight"] = (channels[index + 1], channels[index], 3, 3)
        shapes[f"features.{number}.bias"] = (channels[index + 1],)
    for number, (inputs, outputs) in {0: (512 * 49, 4096), 3: (4096, 4096), 6: (4096, 1000)}.items():
        shapes[f"classifier.{number}.weight"], shapes[f"classifier.{number}.bias"] = (outputs, inputs), (outputs,)
    return shapes


def resnet18_shapes() -> Shapes:
    """torchvision.models.resnet18: a stem, four layers of two blocks, a linear layer."""
    shapes: Shapes = {"conv1.weight": (64, 3, 7, 7), **_norm("bn1", 64)}
    inputs = 64
    for layer, width in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            name = f"layer{layer}.{block}"
            shapes |= {f"{name}.conv1.weight": (width, inputs, 3, 3), **_norm(f"{name}.bn1", width)}
            shapes |= {f"{name}.conv2.weight": (width, width, 3, 3), **_norm(f"{name}.bn2", width)}
            if width != inputs:
                shapes |= {f"{name}.downsample.0.weight": (width, inputs, 1, 1), **_norm(f"{name}.downsample.1", width)}
            inputs = width
    return shapes | {"fc.weight": (1000, 512), "fc.bias": (1000,)}


def _norm(name: str, width: int) -> Shapes:
    vectors = {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}
    return {**vectors, f"{name}.num_batches_tracked": ()}


NETWORKS = [(Vgg16, vgg16_shapes, "classifier"), (Resnet18, resnet18_shapes, "fc")]
Kind = type[Vgg16] | type[Resnet18]


def _content(shapes: Shapes) -> dict[str, Tensor]:
    """Fill each weight with a distinct number; expanded tensors keep ImageNet's linear layers small."""
    content = {}
    for number, (name, shape) in enumerate(shapes.items(), start=1):
        count = name.endswith("num_batches_tracked")
        content[name] = torch.tensor(number if count else number / 1000).expand(shape)
    return content


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    for kind, shapes, _ in NETWORKS:
        torch.save(_content(shapes()), folder / f"{kind.__name__}.pth")
    return folder


def test_the_published_state_dicts_have_the_expected_length() -> None:
    assert len(vgg16_shapes()) == 32
    assert len(resnet18_shapes()) == 122


@pytest.mark.parametrize(("kind", "shapes", "head"), NETWORKS)
def test_parameter_names_and_shapes_match_torchvision(
    kind: Kind, shapes: "functools.partial[Shapes]", head: str
) -> None:
    actual = {name: tuple(value.shape) for name, value in kind(10, SHAPE).state_dict().items()}
    published = {name: shape for name, shape in shapes().items() if not name.startswith(head)}
    assert [(name, shape) for name, shape in actual.items() if not name.startswith(head)] == list(published.items())


@pytest.mark.parametrize(("kind", "shapes", "head"), NETWORKS)
def test_every_weight_but_the_head_is_loaded(
    kind: Kind, shapes: "functools.partial[Shapes]", head: str, checkpoints: Path
) -> None:
    network = kind(10, SHAPE, weights=str(checkpoints / f"{kind.__name__}.pth"))
    for name, value in _content(shapes()).items():
        if not name.startswith(head):
            assert torch.equal(network.state_dict()[name], value), name
    with torch.no_grad():
        assert network.eval()(torch.randn(1, *SHAPE)).shape == (1, 10)


@pytest.mark.parametrize(("kind", "_shapes", "head"), NETWORKS)
def test_a_frozen_network_trains_its_head_only(kind: Kind, _shapes: object, head: str, checkpoints: Path) -> None:
    network = kind(2, SHAPE, weights=str(checkpoints / f"{kind.__name__}.pth"), frozen=True, size=32).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1, weight_decay=0.1)
    nn.functional.cross_entropy(network(torch.randn(4, *SHAPE)), torch.tensor([0, 1, 0, 1])).backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    changed = {
        name.split(".")[0] for name, value in network.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {head}  # nor do batch statistics change


def test_freezing_requires_weights() -> None:
    with pytest.raises(RecipeError, match=r"names none; set it, or set net\.frozen=false"):
        Resnet18(2, SHAPE, frozen=True)


def test_checkpoints_without_batch_counts_can_be_loaded(tmp_path: Path) -> None:
    content = {name: value for name, value in _content(resnet18_shapes()).items() if "num_batches" not in name}
    torch.save(content, tmp_path / "old.pth")
    assert torch.equal(Resnet18(2, SHAPE, weights=str(tmp_path / "old.pth")).bn1.weight, content["bn1.weight"])


@pytest.mark.parametrize(
    ("change", "mismatch"),
    [
        ({"layer1.0.conv1.weight": torch.zeros(64, 64, 1, 1)}, r"layer1.0.conv1.weight is \(64, 64, 1, 1\), not"),
        ({"layer1.2.conv1.weight": torch.zeros(1)}, r"layer1.2.conv1.weight is unexpected"),
        ({"bn1.bias": None}, r"bn1.bias is missing"),
    ],
)
def test_the_first_mismatch_of_another_network_is_named(
    change: dict[str, Tensor | None], mismatch: str, tmp_path: Path
) -> None:
    content = _content(resnet18_shapes()) | change
    torch.save({name: value for name, value in content.items() if value is not None}, tmp_path / "other.pth")
    with pytest.raises(InvalidModelError, match=f"checkpoint of another network than Resnet18: {mismatch}"):
        Resnet18(2, SHAPE, weights=str(tmp_path / "other.pth"))


def test_the_checksum_in_a_file_name_is_verified(tmp_path: Path) -> None:
    plain = tmp_path / "plain.pth"
    torch.save({"a": torch.zeros(1)}, plain)
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    right = plain.rename(tmp_path / f"right-{digest[:8]}.pth")
    assert list(load_checkpoint(str(right))) == ["a"]
    wrong = right.rename(tmp_path / "wrong-00000000.pth")
    with pytest.raises(ChecksumError, match=rf"{digest[:12]}\.\.\. instead of the expected 00000000\.\.\."):
        load_checkpoint(str(wrong))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_a_file_that_is_not_a_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(InvalidModelError, match=r"x\.pth is not a PyTorch checkpoint"):
        load_checkpoint(str(tmp_path / "x.pth"))


@pytest.mark.parametrize("content", [{"state_dict": {"a": torch.zeros(1)}}, [torch.zeros(1)], Path("code")])
def test_a_checkpoint_that_contains_more_than_weights_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(InvalidModelError):  # unpickling a Path would run code, which torch refuses
        load_checkpoint(str(tmp_path / "x.pth"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"none\.pth do not exist; correct net\.weights"):
        load_checkpoint(str(tmp_path / "none.pth"))


@pytest.fixture
def checkpoint_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve a folder with model.pth, and yield its URL; downloads go to an empty cache."""
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: str(tmp_path / "cache"))
    monkeypatch.delenv("GENRELENS_MODELS", raising=False)
    (tmp_path / "site").mkdir()
    torch.save({"a": torch.zeros(1)}, tmp_path / "site" / "model.pth")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        digest = hashlib.sha256((tmp_path / "site" / "model.pth").read_bytes()).hexdigest()
        yield f"http://127.0.0.1:{server.server_port}/model.pth#sha256={digest}"
        server.shutdown()


def test_a_url_is_downloaded_once(checkpoint_url: str, tmp_path: Path) -> None:
    assert list(load_checkpoint(checkpoint_url)) == ["a"]
    (tmp_path / "site" / "model.pth").unlink()
    assert list(load_checkpoint(checkpoint_url)) == ["a"]


def test_the_offline_error_names_the_url_and_the_setting(
    checkpoint_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENRELENS_MODELS", str(tmp_path))
    with pytest.raises(DownloadError) as error:
        load_checkpoint(checkpoint_url)
    assert checkpoint_url.partition("#")[0] in str(error.value)
    assert "--set net.weights=FILE" in str(error.value)
    (tmp_path / "model.pth").write_bytes((tmp_path / "site" / "model.pth").read_bytes())
    assert list(load_checkpoint(checkpoint_url)) == ["a"]  # as the message suggests: the file is in that folder
    (tmp_path / "model.pth").write_bytes(b"other")
    with pytest.raises(ChecksumError):
        load_checkpoint(checkpoint_url)
