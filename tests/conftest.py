"""Audio and models that the tests make for themselves."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnx
import pytest
import torch
from hypothesis import settings
from matplotlib.figure import Figure
from numpy.typing import NDArray
from onnx import TensorProto, helper

from genrelens.features.frontend import FrontEnd
from genrelens.model.card import CARD_KEY, Card, Training
from genrelens.model.input_spec import Sound

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "gtzan"

RATE = 44_100


def pytest_configure() -> None:
    """Tests share the cores among them: one thread for each, and for what it starts."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    settings.register_profile("untimed", deadline=None)  # how long an example takes, a busy machine tells
    settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs recordings where there are none."""
    if not DATA.is_dir():
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(pytest.mark.skip(reason="the recordings are not here"))


@pytest.fixture(autouse=True)
def _the_same_threads_for_each() -> Iterator[None]:
    """Put back what a benchmark or a search set: sums depend on it in their last digits."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def _libraries_are_not_watched() -> Iterator[None]:
    """Coverage nearly doubles the time of what a library does for seconds, and nothing of it is ours."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((torch.onnx, "export"), (Figure, "savefig")):
            patch.setattr(owner, name, _unwatched(getattr(owner, name)))
        yield


def _unwatched(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        watch = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **options)
        finally:
            sys.settrace(watch)
            _begin()

    def _begin() -> None:
        """The watch sees calls first: without one, it would miss that the caller goes on."""

    return call


def heed_interrupts() -> None:
    """Let a new process end by Ctrl-C, as at a terminal: what is run in the background inherits that it does not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def tone(hz: float = 440.0, seconds: float = 3.0, rate: int = RATE, channels: int = 2) -> NDArray[np.float32]:
    """A sine at half scale, shape (channels, samples)."""
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


def encode(
    file: Path,
    samples: NDArray[np.floating[Any]],
    *,
    codec: str,
    rate: int = RATE,
    container: str | None = None,
    tags: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> Path:
    """Write samples (channels, samples) with a codec."""
    layouts = {1: "mono", 2: "stereo", 6: "5.1"}
    with av.open(str(file), "w", format=container, container_options=options or {}) as output:
        output.metadata.update(tags or {})
        stream = output.add_stream(
            codec, rate=rate, layout=layouts[len(samples)], options={"strict": "experimental", **(codec_options or {})}
        )
        assert isinstance(stream, av.AudioStream)
        if codec == "wmav2":
            stream.bit_rate = 128_000
        _write(output, stream, samples, rate)
    return file


def _write(
    output: av.container.OutputContainer, stream: av.AudioStream, samples: NDArray[np.floating[Any]], rate: int
) -> None:
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(samples, np.float32), format="fltp", layout=stream.layout.name
    )
    frame.sample_rate = rate
    resampler = av.AudioResampler(stream.format, stream.layout, rate, stream.codec_context.frame_size or None)
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        output.mux(stream.encode(piece))
    output.mux(stream.encode(None))


def encode_video(file: Path, samples: NDArray[np.float32] | None, frames: int = 50) -> Path:
    """Write a film of noise, with or without sound."""
    with av.open(str(file), "w") as output:
        video = output.add_stream("mpeg4", rate=25)
        video.width = video.height = 64
        sound = output.add_stream("aac", rate=RATE, layout="stereo") if samples is not None else None
        rng = np.random.default_rng(0)
        for _ in range(frames):
            picture = av.VideoFrame.from_ndarray(rng.integers(0, 255, (64, 64, 3), np.uint8), format="rgb24")
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        if sound is not None and samples is not None:
            _write(output, sound, samples, RATE)
    return file


@pytest.fixture
def wav(tmp_path: Path) -> Callable[..., Path]:
    """Make a 16-bit wav of a tone: wav("a.wav", hz=440, seconds=3)."""

    def make(name: str = "tone.wav", hz: float = 440.0, seconds: float = 3.0, rate: int = RATE) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return encode(file, tone(hz, seconds, rate), codec="pcm_s16le", rate=rate)

    return make


LABELS = ("low", "high")


def make_card(**changes: Any) -> Card:
    """A card for `make_model`'s graph."""
    training = Training(recipe="by hand", data="none", split="none", tracks=0, seed=0, date="2026-01-01", machine="any")
    plain: dict[str, Any] = {
        "name": "tilt",
        "version": "1",
        "summary": "Tells low sounds from high ones.",
        "labels": LABELS,
        "input": Sound(window=1.0, hop=0.5, front_end=FrontEnd(n_mels=32, hop=1024)),
        "parameters": 64,
        "training": training,
        "licence": "MIT",
        "package": "0",
    }
    return Card(**{**plain, **changes})


def make_mapped_model(file: Path, card: Card) -> Path:
    """As `make_model`, with the halves' loudness at each frame as maps: (windows, 2, 1, frames)."""
    bands = card.sound.front_end.n_mels
    halves = np.zeros((2, bands), np.float32)
    halves[0, : bands // 2] = halves[1, bands // 2 :] = 2 / bands
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["halves", "mels"], ["turned"]),
            helper.make_node("Transpose", ["turned"], ["maps"], perm=[0, 2, 1, 3]),
            helper.make_node("ReduceMean", ["maps", "axes"], ["means"], keepdims=0),
            helper.make_node("MatMul", ["means", "twice"], ["logits"]),
        ],
        "mapped tilt",
        [helper.make_tensor_value_info("mels", TensorProto.FLOAT, ["windows", 1, bands, "frames"])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["windows", 2]),
            helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["windows", 2, 1, "frames"]),
        ],
        [
            helper.make_tensor("halves", TensorProto.FLOAT, halves.shape, halves.ravel().tolist()),
            helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
            helper.make_tensor("twice", TensorProto.FLOAT, [2, 2], [2, 0, 0, 2]),
        ],
    )
    return _save(graph, file, {CARD_KEY: card.model_dump_json()})


def make_model(file: Path, card: Card | None = None, metadata: dict[str, str] | None = None) -> Path:
    """A real ONNX model: which half of the mel bands is louder, on the mean over time?"""
    card = card or make_card()
    bands, labels = card.sound.front_end.n_mels, len(card.labels)
    weights = np.zeros((bands, labels), np.float32)
    weights[: bands // 2, 0] = weights[bands // 2 :, 1] = 4 / bands
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["mels", "axes"], ["means"], keepdims=0),
            helper.make_node("MatMul", ["means", "weights"], ["logits"]),
        ],
        "tilt",
        [helper.make_tensor_value_info("mels", TensorProto.FLOAT, ["windows", 1, bands, "frames"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["windows", labels])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], [1, 3]),
            helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel().tolist()),
        ],
    )
    return _save(graph, file, metadata or {CARD_KEY: json.dumps(card.model_dump(mode="json"))})


def _save(graph: onnx.GraphProto, file: Path, metadata: dict[str, str]) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, str(file))
    return file


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model, "low" against "high"."""
    return make_model(tmp_path_factory.mktemp("models") / "tilt.onnx")
