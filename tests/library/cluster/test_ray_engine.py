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
from genrelens.library.classify.results import DecodedFile
from genrelens.library.classify.results import TrackResult, try_decode_file, classify_tracks
from genrelens.library.cluster import ray_engine
from genrelens.library.cluster.result_folder import from_table
from genrelens.prediction import Failure, Prediction
from tests.support.audio import encode, tone

# Ray warns of its own ways.
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

_STORE = 80 << 20  # bytes; the least that Ray takes is 75 MiB
_NOTICED = {"health_check_initial_delay_ms": 500, "health_check_period_ms": 500, "health_check_failure_threshold": 4}


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two nodes of one core each, the first of which is the one that a program connects to."""
    nodes = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "include_dashboard": False,
            "object_store_memory": _STORE,
            "_system_config": _NOTICED,
        },
    )
    nodes.add_node(num_cpus=1, object_store_memory=_STORE)
    ray.init(address=nodes.address, log_to_driver=False, logging_level="error")
    yield nodes
    ray.shutdown()
    nodes.shutdown()


@pytest.fixture
def songs(tmp_path: Path) -> list[Path]:
    """Tones from low to high, among them a file that is none and one that is not there."""
    files = [
        encode(tmp_path / f"{i:02}.wav", tone(200 + 250 * i, 2.0, 22_050, 1), codec="pcm_s16le", rate=22_050)
        for i in range(38)
    ]
    (tmp_path / "words.wav").write_bytes(b"words")
    return [*files, tmp_path / "words.wav", tmp_path / "none.wav"]


def noted(row: dict[str, bytes], notes: Path, **arguments: Any) -> dict[str, bytes]:
    """As the first stage, but slowly; and a note of the node that does it is left."""
    time.sleep(0.2)
    heard = ray_engine._hear(row, **arguments)
    node = ray.get_runtime_context().get_node_id()
    (notes / f"{node}.{Path(os.fsdecode(row['path'])).name}").touch()
    return heard


def deadly(row: dict[str, bytes], **arguments: Any) -> dict[str, bytes]:
    """As the first stage, but for a file that ends its process."""
    if row["path"].endswith(b"05.wav"):
        os._exit(1)
    return ray_engine._hear(row, **arguments)


def alone(file: Path, classifier: Classifier) -> TrackResult:
    """What the local engine makes of a file."""
    heard = try_decode_file(file, classifier.card.audio_input, 3)
    return classify_tracks(classifier, [heard])[0] if isinstance(heard, DecodedFile) else heard


def test_a_lost_node_costs_no_track_and_changes_no_answer(
    cluster: Any, songs: list[Path], model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.setattr(ray_engine, "_TRACKS", 2)
    monkeypatch.setattr(ray_engine, "_hear", partial(noted, notes=notes))
    (second,) = cluster.worker_nodes
    raylet = second.all_processes["raylet"][0].process
    classifier = Classifier(model_file, threads=1)
    addresses = [f"file://{songs[0]}"]

    outcomes: list[TrackResult] = []
    at_loss = None
    for table in ray_engine.classify_on_cluster([*map(str, songs), *addresses], classifier.model, 3):
        outcomes += from_table(table)
        if at_loss is None and list(notes.glob(f"{second.node_id}.*")):
            at_loss = len(outcomes)
            os.kill(raylet.pid, signal.SIGKILL)

    assert at_loss is not None
    assert at_loss < len(songs)
    assert [node["Alive"] for node in ray.nodes()].count(True) == 1
    (elsewhere,) = [outcome for outcome in outcomes if outcome.path == addresses[0]]
    outcomes.remove(elsewhere)
    expected = {file: alone(file, classifier) for file in songs}
    assert len(outcomes) == len(songs)
    assert {outcome.path: outcome for outcome in outcomes} == expected
    local = expected[songs[0]].result
    assert isinstance(local, Prediction)
    assert elsewhere.result == local.model_copy(update={"path": addresses[0]})


def test_a_file_that_kills_its_process_costs_itself_alone(
    songs: list[Path], model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "_TRACKS", 4)
    monkeypatch.setattr(ray_engine, "_TRIES", 0)
    monkeypatch.setattr(ray_engine, "_STORE", _STORE)
    monkeypatch.setattr(ray_engine, "_hear", deadly)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    model = Classifier(model_file, threads=1).model
    with ray_engine.cluster_connection(2):
        tables = list(ray_engine.classify_on_cluster([str(song) for song in songs[:8]], model, 3))
    results = {outcome.path: outcome.result for table in tables for outcome in from_table(table)}
    assert set(results) == set(songs[:8])
    lost = results.pop(songs[5])
    assert isinstance(lost, Failure)
    assert lost.error.type == "WorkerError"
    assert all(isinstance(result, Prediction) for result in results.values())
