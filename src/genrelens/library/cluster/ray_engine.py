"""Judging on many machines: Ray Data, with the two halves of judging as stages.

Decoding is a task for each few tracks, on every core of the cluster. What was heard goes through the object store to
actors that hold the model each. What comes of it comes back here, where it is kept.
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
from genrelens.errors import ClusterError, WorkerError, display_name
from genrelens.library.catalog.tracks import FileStamp
from genrelens.library.classify.results import (
    DecodedFile,
    TrackResult,
    classify_tracks,
    decode_open_file,
    failed_result,
    try_decode,
    try_decode_file,
)
from genrelens.library.cluster.result_folder import run_settings, to_table
from genrelens.library.cluster.urls import is_url, open_url
from genrelens.model.input_spec import AudioInput
from genrelens.model.session import Model

_TRACKS = 32  # that one task decodes: seconds of work, of which little is lost with a node
_CORES = 4  # that decode for one model
_TRIES = 3  # more of a task whose node or process died, which may be the fault of a file
_FORGIVEN = 100  # tasks given up before the cluster itself counts as broken
_STORE = 1 << 30  # bytes of the object store, if the cluster is this machine alone


@contextlib.contextmanager
def cluster_connection(cores: int) -> Iterator[None]:
    """Be connected to the cluster that RAY_ADDRESS names, or that this machine is part of; else to one made of it.

    Args:
        cores: of this machine, if the cluster is made of it.

    Raises:
        ClusterError: the cluster that is named cannot be reached.
    """
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # GenreLens reports nothing to anyone
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        ray.init(address="auto", **quiet)
    except ConnectionError as error:
        if named := os.environ.get("RAY_ADDRESS"):
            raise ClusterError(f"no Ray cluster answers at {named}; see `ray status`, or unset RAY_ADDRESS") from error
        ray.init(address="local", num_cpus=cores, include_dashboard=False, object_store_memory=_STORE, **quiet)
    try:
        yield
    finally:
        ray.shutdown()


def classify_on_cluster(paths: Iterable[str], model: Model, windows: WindowCount) -> Iterator[pa.Table]:
    """Judge tracks on the cluster that one is `cluster_connection` to, in any order.

    A node that is lost costs time alone: what was under way there is done again elsewhere. A file that makes its
    process die is tried again without others beside it, and is a failure at last.

    Args:
        paths: on disks that all nodes share, or addresses that fsspec reads.
        model: of sound; its file is needed here alone.
        windows: how many of each track to hear, spread over it; or "all".

    Yields:
        Outcomes, as tables of `outcomes.SCHEMA`; each path is in one of them, once.

    Raises:
        ClusterError: the cluster cannot go on.
        WrongInputError: the model looks at pictures.
    """
    left = dict.fromkeys(os.fsencode(path) for path in paths)
    for together in (_TRACKS, 1):
        for table in _judged(list(left), model, windows, together):
            for path in table["path"].to_pylist():
                del left[path]
            yield table
    if left:
        yield to_table([_fatal(os.fsdecode(path)) for path in left], run_settings(model.card, windows))


def _judged(paths: list[bytes], model: Model, windows: WindowCount, together: int) -> Iterator[pa.Table]:
    """One pass over the paths; those whose task was given up are not among the outcomes."""
    if not paths:
        return
    blocks = [
        pa.table({"path": pa.array(paths[at : at + together], pa.binary())}) for at in range(0, len(paths), together)
    ]
    _prepare_data()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of the tries, which Ray 2.64 takes away: see pyproject.toml
        outcomes = (
            ray.data.from_arrow(blocks)
            .map(partial(_hear, sound=model.card.audio_input, windows=windows), num_cpus=1, max_retries=_TRIES)
            .map_batches(
                _Judge,
                fn_constructor_args=(model.path.read_bytes(), windows),
                batch_size=1 if windows == "all" else math.ceil(BATCH_WINDOWS / windows),
                batch_format="pyarrow",
                num_cpus=0,  # the cores are the decoders': a model finds its place beside them even if nodes are lost
                concurrency=_models(),
                max_task_retries=_TRIES,
            )
        )
    try:
        yield from outcomes.iter_batches(batch_size=None, batch_format="pyarrow")
    except ray.exceptions.RayError as error:
        told = str(error).strip().splitlines()[-1]
        raise ClusterError(f"the cluster cannot go on ({told}); see `ray status`, and run again to go on") from error


def _models() -> int:
    """How many actors the cluster gets: one for some cores, and for each node at least."""
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    cores: list[float] = [node["CPU"] for node in resources if node.get("CPU")]
    return max(1, len(cores), math.ceil(sum(cores) / _CORES))


def _prepare_data() -> None:
    """Let Ray Data give up a task and go on, and leave the telling of it to us."""
    context = ray.data.DataContext.get_current()
    context.max_errored_blocks = _FORGIVEN
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def _hear(row: dict[str, bytes], sound: AudioInput, windows: WindowCount) -> dict[str, bytes]:
    """The first stage. What was heard travels pickled, exact to the last bit, as does why nothing was."""
    path = os.fsdecode(row["path"])
    if is_url(path):
        heard = try_decode(path, None, partial(_heard_address, path, sound, windows))
    else:
        heard = try_decode_file(Path(path), sound, windows)
    return {"heard": pickle.dumps(heard)}


def _heard_address(address: str, sound: AudioInput, windows: WindowCount) -> DecodedFile:
    with open_url(address) as (file, stamp):
        return decode_open_file(file, address, stamp, sound, windows)


class _Judge:
    """The second stage: an actor with the model."""

    def __init__(self, model: bytes, windows: WindowCount) -> None:
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
            file.write(model)
            file.flush()
            self._classifier = Classifier(Model(file.name, threads=1))
        self._asked = run_settings(self._classifier.card, windows)

    def __call__(self, table: pa.Table) -> pa.Table:
        heard = [pickle.loads(content) for content in table["heard"].to_pylist()]
        outcomes = [track for track in heard if isinstance(track, TrackResult)]
        outcomes += classify_tracks(self._classifier, [track for track in heard if isinstance(track, DecodedFile)])
        return to_table(outcomes, self._asked)


def _fatal(path: str) -> TrackResult:
    fault = f"{display_name(path)} made its process die (or memory ran out); try it alone by `genrelens predict`"
    return failed_result(path, None if is_url(path) else FileStamp.try_from_path(Path(path)), WorkerError(fault))
