"""Published weights: torchvision's names and shapes, written out here from its architectures, and what can go wrong."""

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
from genrelens.train.networks.pretrained import load_checkpoint
from genrelens.train.networks.resnet18 import Resnet18
from genrelens.train.networks.vgg16 import Vgg16

Shapes = dict[str, tuple[int, ...]]

SHAPE = (1, 128, 46)


def vgg16_shapes() -> Shapes:
    """torchvision.models.vgg16: thirteen convolutions, then three dense layers."""
    numbers = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    channels = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    shapes: Shapes = {}
    for place, number in enumerate(numbers):
        shapes[f"features.{number}.weight"] = (channels[place + 1], channels[place], 3, 3)
        shapes[f"features.{number}.bias"] = (channels[place + 1],)
    for number, (inputs, outputs) in {0: (512 * 49, 4096), 3: (4096, 4096), 6: (4096, 1000)}.items():
        shapes[f"classifier.{number}.weight"], shapes[f"classifier.{number}.bias"] = (outputs, inputs), (outputs,)
    return shapes


def resnet18_shapes() -> Shapes:
    """torchvision.models.resnet18: a stem, four layers of two blocks, a dense layer."""
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


NETS = [(Vgg16, vgg16_shapes, "classifier"), (Resnet18, resnet18_shapes, "fc")]
Kind = type[Vgg16] | type[Resnet18]


def _content(shapes: Shapes) -> dict[str, Tensor]:
    """Each weight filled with a number of its own; the dense layers of ImageNet take no room."""
    content = {}
    for number, (name, shape) in enumerate(shapes.items(), start=1):
        count = name.endswith("num_batches_tracked")
        content[name] = torch.tensor(number if count else number / 1000).expand(shape)
    return content


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    for kind, shapes, _ in NETS:
        torch.save(_content(shapes()), folder / f"{kind.__name__}.pth")
    return folder


def test_the_published_lists_are_as_long_as_published() -> None:
    assert len(vgg16_shapes()) == 32
    assert len(resnet18_shapes()) == 122


@pytest.mark.parametrize(("kind", "shapes", "head"), NETS)
def test_names_and_shapes_are_torchvisions(kind: Kind, shapes: "functools.partial[Shapes]", head: str) -> None:
    own = {name: tuple(value.shape) for name, value in kind(10, SHAPE).state_dict().items()}
    published = {name: shape for name, shape in shapes().items() if not name.startswith(head)}
    assert [(name, shape) for name, shape in own.items() if not name.startswith(head)] == list(published.items())


@pytest.mark.parametrize(("kind", "shapes", "head"), NETS)
def test_every_weight_but_the_heads_is_taken(
    kind: Kind, shapes: "functools.partial[Shapes]", head: str, checkpoints: Path
) -> None:
    net = kind(10, SHAPE, weights=str(checkpoints / f"{kind.__name__}.pth"))
    for name, value in _content(shapes()).items():
        if not name.startswith(head):
            assert torch.equal(net.state_dict()[name], value), name
    with torch.no_grad():
        assert net.eval()(torch.randn(1, *SHAPE)).shape == (1, 10)


@pytest.mark.parametrize(("kind", "_shapes", "head"), NETS)
def test_a_frozen_net_learns_with_its_head_alone(kind: Kind, _shapes: object, head: str, checkpoints: Path) -> None:
    net = kind(2, SHAPE, weights=str(checkpoints / f"{kind.__name__}.pth"), frozen=True, size=32).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1, weight_decay=0.1)
    nn.functional.cross_entropy(net(torch.randn(4, *SHAPE)), torch.tensor([0, 1, 0, 1])).backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    changed = {name.split(".")[0] for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {head}  # nor do the running means of batch normalisation move


def test_there_must_be_weights_to_freeze() -> None:
    with pytest.raises(RecipeError, match=r"name them, or set net\.frozen=false"):
        Resnet18(2, SHAPE, frozen=True)


def test_checkpoints_that_count_no_batches_fit(tmp_path: Path) -> None:
    content = {name: value for name, value in _content(resnet18_shapes()).items() if "num_batches" not in name}
    torch.save(content, tmp_path / "old.pth")
    assert torch.equal(Resnet18(2, SHAPE, weights=str(tmp_path / "old.pth")).bn1.weight, content["bn1.weight"])


@pytest.mark.parametrize(
    ("change", "misfit"),
    [
        ({"layer1.0.conv1.weight": torch.zeros(64, 64, 1, 1)}, r"layer1.0.conv1.weight is \(64, 64, 1, 1\), not"),
        ({"layer1.2.conv1.weight": torch.zeros(1)}, r"layer1.2.conv1.weight is too many"),
        ({"bn1.bias": None}, r"bn1.bias is missing"),
    ],
)
def test_the_first_misfit_of_another_net_is_named(
    change: dict[str, Tensor | None], misfit: str, tmp_path: Path
) -> None:
    content = _content(resnet18_shapes()) | change
    torch.save({name: value for name, value in content.items() if value is not None}, tmp_path / "other.pth")
    with pytest.raises(InvalidModelError, match=f"checkpoint of another net than Resnet18: {misfit}"):
        Resnet18(2, SHAPE, weights=str(tmp_path / "other.pth"))


def test_the_digits_in_a_name_are_checked(tmp_path: Path) -> None:
    plain = tmp_path / "plain.pth"
    torch.save({"a": torch.zeros(1)}, plain)
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    right = plain.rename(tmp_path / f"right-{digest[:8]}.pth")
    assert list(load_checkpoint(str(right))) == ["a"]
    wrong = right.rename(tmp_path / "wrong-00000000.pth")
    with pytest.raises(ChecksumError, match=rf"{digest[:12]}\.\.\., not the 00000000\.\.\. that was promised"):
        load_checkpoint(str(wrong))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_what_is_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(InvalidModelError, match=r"x\.pth is not a PyTorch checkpoint"):
        load_checkpoint(str(tmp_path / "x.pth"))


@pytest.mark.parametrize("content", [{"state_dict": {"a": torch.zeros(1)}}, [torch.zeros(1)], Path("code")])
def test_only_weights_by_their_names_are_taken(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(InvalidModelError):  # a Path would have to run code: torch refuses to
        load_checkpoint(str(tmp_path / "x.pth"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"none\.pth are not there; correct net\.weights"):
        load_checkpoint(str(tmp_path / "none.pth"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a folder with model.pth, and a cache of our own."""
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


def test_an_address_is_downloaded_once(site: str, tmp_path: Path) -> None:
    assert list(load_checkpoint(site)) == ["a"]
    (tmp_path / "site" / "model.pth").unlink()
    assert list(load_checkpoint(site)) == ["a"]


def test_offline_it_says_what_to_download_and_where_to_name_it(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENRELENS_MODELS", str(tmp_path))
    with pytest.raises(DownloadError) as error:
        load_checkpoint(site)
    assert site.partition("#")[0] in str(error.value)
    assert "--set net.weights=FILE" in str(error.value)
    (tmp_path / "model.pth").write_bytes((tmp_path / "site" / "model.pth").read_bytes())
    assert list(load_checkpoint(site)) == ["a"]  # as the message says: put the file into that folder
    (tmp_path / "model.pth").write_bytes(b"other")
    with pytest.raises(ChecksumError):
        load_checkpoint(site)
