# ruff: noqa: E402 (what follows is imported only where Ray is installed)

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray")
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from ray.cluster_utils import Cluster

from genrelens.classifier import Classifier
from genrelens.library.classify.results import DecodedFile, TrackResult, classify_tracks, try_decode_file
from genrelens.library.cluster import ray_engine
from genrelens.library.cluster.result_folder import from_table
from genrelens.prediction import Failure, Prediction
from tests.support.audio import encode, tone

# Ray raises deprecation warnings of its own.
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

_STORE_BYTES = 80 << 20  # Ray needs at least 75 MiB
_FAST_HEALTH_CHECKS = {
    "health_check_initial_delay_ms": 500,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Start two nodes of one core each, and connect to the first."""
    nodes = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
            "_system_config": _FAST_HEALTH_CHECKS,
        },
    )
    nodes.add_node(num_cpus=1, object_store_memory=_STORE_BYTES)
    ray.init(address=nodes.address, log_to_driver=False, logging_level="error")
    yield nodes
    ray.shutdown()
    nodes.shutdown()


@pytest.fixture
def songs(tmp_path: Path) -> list[Path]:
    """Write tones from low to high; one file is not audio, and another is missing."""
    files = [
        encode(tmp_path / f"{i:02}.wav", tone(200 + 250 * i, 2.0, 22_050, 1), codec="pcm_s16le", rate=22_050)
        for i in range(38)
    ]
    (tmp_path / "words.wav").write_bytes(b"words")
    return [*files, tmp_path / "words.wav", tmp_path / "missing.wav"]


def decode_slowly(row: dict[str, bytes], log: Path, **arguments: Any) -> dict[str, bytes]:
    """Run the first stage slowly, and log the node that ran it."""
    time.sleep(0.2)
    decoded = ray_engine._decode(row, **arguments)
    node = ray.get_runtime_context().get_node_id()
    (log / f"{node}.{Path(os.fsdecode(row['path'])).name}").touch()
    return decoded


def decode_or_crash(row: dict[str, bytes], **arguments: Any) -> dict[str, bytes]:
    """Run the first stage, but crash on one file."""
    if row["path"].endswith(b"05.wav"):
        os._exit(1)
    return ray_engine._decode(row, **arguments)


def classify_locally(file: Path, classifier: Classifier) -> TrackResult:
    """Return the result of the local engine for a file."""
    decoded = try_decode_file(file, classifier.card.audio_input, 3)
    return classify_tracks(classifier, [decoded])[0] if isinstance(decoded, DecodedFile) else decoded


def test_lost_node_changes_no_result(
    cluster: Any, songs: list[Path], model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    log.mkdir()
    monkeypatch.setattr(ray_engine, "_TASK_TRACKS", 2)
    monkeypatch.setattr(ray_engine, "_decode", partial(decode_slowly, log=log))
    (second,) = cluster.worker_nodes
    raylet = second.all_processes["raylet"][0].process
    classifier = Classifier(model_file, threads=1)
    url = f"file://{songs[0]}"

    results: list[TrackResult] = []
    at_loss = None
    for table in ray_engine.classify_on_cluster([*map(str, songs), url], classifier.model, 3):
        results += from_table(table)
        if at_loss is None and list(log.glob(f"{second.node_id}.*")):
            at_loss = len(results)
            os.kill(raylet.pid, signal.SIGKILL)

    assert at_loss is not None
    assert at_loss < len(songs)
    assert [node["Alive"] for node in ray.nodes()].count(True) == 1
    (remote,) = [result for result in results if result.path == url]
    results.remove(remote)
    expected = {file: classify_locally(file, classifier) for file in songs}
    assert len(results) == len(songs)
    assert {result.path: result for result in results} == expected
    local = expected[songs[0]].result
    assert isinstance(local, Prediction)
    assert remote.result == local.model_copy(update={"path": url})


def test_crashing_file_affects_no_other_file(
    songs: list[Path], model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "_TASK_TRACKS", 4)
    monkeypatch.setattr(ray_engine, "_MAX_RETRIES", 0)
    monkeypatch.setattr(ray_engine, "_LOCAL_STORE_BYTES", _STORE_BYTES)
    monkeypatch.setattr(ray_engine, "_decode", decode_or_crash)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    model = Classifier(model_file, threads=1).model
    with ray_engine.cluster_connection(2):
        tables = list(ray_engine.classify_on_cluster([str(song) for song in songs[:8]], model, 3))
    results = {result.path: result.result for table in tables for result in from_table(table)}
    assert set(results) == set(songs[:8])
    crashed = results.pop(songs[5])
    assert isinstance(crashed, Failure)
    assert crashed.error.type == "WorkerError"
    assert all(isinstance(result, Prediction) for result in results.values())
