"""Classification on many machines with Ray Data, in two stages.

The first stage decodes a few tracks per task, on every core of the cluster. The decoded windows travel through the
object store to the second stage: actors, each of which holds the model. The results return to this process.
"""

import contextlib
import logging
import math
import os
import pickle
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray
import ray.data

from genrelens.audio.windows import WindowCount
from genrelens.classifier import BATCH_WINDOWS, Classifier
from genrelens.errors import ClusterError
from genrelens.library.classify.results import (
    DecodedFile,
    TrackResult,
    classify_tracks,
    crash_result,
    decode_open_file,
    try_decode,
    try_decode_file,
)
from genrelens.library.cluster.result_folder import run_settings, to_table
from genrelens.library.cluster.urls import is_url, open_url
from genrelens.model.input_spec import AudioInput
from genrelens.model.session import Model

_TASK_TRACKS = 32  # tracks decoded by one task: seconds of work, so little is lost with a node
_CORES_PER_MODEL = 4  # decoding cores that keep one model busy
_MAX_RETRIES = 3  # of a task whose node or process died, before a file may be the cause
_MAX_FAILED_TASKS = 100  # before the cluster itself counts as broken
_LOCAL_STORE_BYTES = 1 << 30  # size of the object store if this machine is the whole cluster


@contextlib.contextmanager
def cluster_connection(cores: int) -> Iterator[None]:
    """Connect to the cluster in RAY_ADDRESS or on this machine, or start a local one with `cores` cores.

    Raises:
        ClusterError: the cluster given by RAY_ADDRESS cannot be reached.
    """
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # GenreLens sends no telemetry
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        ray.init(address="auto", **options)
    except ConnectionError as error:
        if url := os.environ.get("RAY_ADDRESS"):
            raise ClusterError(f"no Ray cluster responds at {url}; see `ray status`, or unset RAY_ADDRESS") from error
        options |= {"include_dashboard": False, "object_store_memory": _LOCAL_STORE_BYTES}
        ray.init(address="local", num_cpus=cores, **options)
    try:
        yield
    finally:
        ray.shutdown()


def classify_on_cluster(sources: Iterable[str], model: Model, windows: WindowCount) -> Iterator[pa.Table]:
    """Classify tracks on the connected cluster, in any order.

    A lost node costs only time: its unfinished work is repeated elsewhere. A file that crashes its process is retried
    in a task of its own, and finally becomes a failure.

    Args:
        sources: paths that all nodes can read, or URLs that fsspec reads.
        model: an audio model; only this process needs its file.
        windows: number of windows per track, evenly spaced, or "all".

    Yields:
        Results as tables with `result_folder.SCHEMA`; each source appears exactly once.

    Raises:
        ClusterError: the cluster failed.
        WrongInputError: the model takes pictures.
    """
    remaining = dict.fromkeys(os.fsencode(source) for source in sources)
    for task_tracks in (_TASK_TRACKS, 1):
        for table in _run_pipeline(list(remaining), model, windows, task_tracks):
            for path in table["path"].to_pylist():
                del remaining[path]
            yield table
    if remaining:
        lost = map(os.fsdecode, remaining)
        results = [crash_result(source if is_url(source) else Path(source)) for source in lost]
        yield to_table(results, run_settings(model.card, windows))


def _run_pipeline(paths: list[bytes], model: Model, windows: WindowCount, task_tracks: int) -> Iterator[pa.Table]:
    """Run both stages over all paths; paths of abandoned tasks are missing from the results."""
    if not paths:
        return
    starts = range(0, len(paths), task_tracks)
    blocks = [pa.table({"path": pa.array(paths[start : start + task_tracks], pa.binary())}) for start in starts]
    decode = partial(_decode, audio_input=model.card.audio_input, windows=windows)
    _configure_ray_data()
    with warnings.catch_warnings():
        # About max_retries, which Ray 2.64 removes: see pyproject.toml.
        warnings.simplefilter("ignore", DeprecationWarning)
        results = (
            ray.data.from_arrow(blocks)
            .map(decode, num_cpus=1, max_retries=_MAX_RETRIES)
            .map_batches(
                _ClassifierActor,
                fn_constructor_args=(model.path.read_bytes(), windows),
                batch_size=1 if windows == "all" else math.ceil(BATCH_WINDOWS / windows),
                batch_format="pyarrow",
                num_cpus=0,  # leaves all cores to the decoders, so that an actor can be placed even if nodes are lost
                concurrency=_actor_count(),
                max_task_retries=_MAX_RETRIES,
            )
        )
    try:
        yield from results.iter_batches(batch_size=None, batch_format="pyarrow")
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ClusterError(f"the cluster failed ({reason}); see `ray status`, and run again to resume") from error


def _actor_count() -> int:
    """Return the number of actors: one per few cores, and at least one per node."""
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    cores: list[float] = [node["CPU"] for node in resources if node.get("CPU")]
    return max(1, len(cores), math.ceil(sum(cores) / _CORES_PER_MODEL))


def _configure_ray_data() -> None:
    """Configure Ray Data to continue after failed tasks, without reporting them itself."""
    context = ray.data.DataContext.get_current()
    context.max_errored_blocks = _MAX_FAILED_TASKS
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def _decode(row: dict[str, bytes], audio_input: AudioInput, windows: WindowCount) -> dict[str, bytes]:
    """Run the first stage on one path: return the pickled windows, bit-exact, or the pickled failed result."""
    source = os.fsdecode(row["path"])
    if is_url(source):
        decoded = try_decode(source, None, partial(_decode_url, source, audio_input, windows))
    else:
        decoded = try_decode_file(Path(source), audio_input, windows)
    return {"decoded": pickle.dumps(decoded)}


def _decode_url(url: str, audio_input: AudioInput, windows: WindowCount) -> DecodedFile:
    with open_url(url) as (file, stamp):
        return decode_open_file(file, url, stamp, audio_input, windows)


class _ClassifierActor:
    """The second stage: an actor that holds the model."""

    def __init__(self, model: bytes, windows: WindowCount) -> None:
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
            file.write(model)
            file.flush()
            self._classifier = Classifier(Model(file.name, threads=1))
        self._settings = run_settings(self._classifier.card, windows)

    def __call__(self, table: pa.Table) -> pa.Table:
        decoded = [pickle.loads(content) for content in table["decoded"].to_pylist()]
        results = [entry for entry in decoded if isinstance(entry, TrackResult)]
        results += classify_tracks(self._classifier, [entry for entry in decoded if isinstance(entry, DecodedFile)])
        return to_table(results, self._settings)
