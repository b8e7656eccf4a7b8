"""What a worker does with a job, in this process."""

import io
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from genrelens.audio.decoder import AudioReader
from genrelens.classifier import Classifier
from genrelens.errors import TooLongError
from genrelens.web.workers import worker
from genrelens.web.workers.messages import Job, Outcome, WorkerSetup, encode_message, read_message
from tests.support.audio import encode, tone


@pytest.fixture(scope="module")
def classifier(model_file: Path) -> Classifier:
    return Classifier(model_file, threads=1)


def test_a_job_is_done_and_its_file_called_as_its_sender_does(classifier: Classifier, song: Path) -> None:
    outcome = worker.run_job(classifier, Job(path=str(song), name="mine.wav", model="tilt", top=1), 10.0)
    assert outcome.failure is None
    assert outcome.result
    assert outcome.result["path"] == "mine.wav"
    assert [score["label"] for score in outcome.result["scores"]] == ["low"]


def test_errors_name_the_file_as_its_sender_does(classifier: Classifier, text_file: Path) -> None:
    outcome = worker.run_job(classifier, Job(path=str(text_file), name="mine.wav", model="tilt"), 10.0)
    assert outcome.failure
    assert outcome.failure.path == "mine.wav"
    assert outcome.failure.error.message.startswith("mine.wav is not audio")
    assert str(text_file) not in outcome.model_dump_json()


def test_why_comes_with_the_answer(classifier: Classifier, song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Explained:
        def __init__(self, prediction: object) -> None:
            self.prediction = prediction

        def model_dump(self, **_: object) -> dict[str, object]:
            return {"spectrogram": {}, "explanations": []}

    def explain(classifier: Classifier, source: Any, **options: Any) -> Explained:
        asked.update(options)
        return Explained(classifier.predict(source, windows=options["windows"]))

    module = types.ModuleType("genrelens.explain.explainer")
    module.explain = explain  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "genrelens.explain.explainer", module)
    job = Job(path=str(song), name="a", model="tilt", windows=2, explain="cam", top=1)
    outcome = worker.run_job(classifier, job, 10.0)
    assert asked == {"method": "cam", "windows": 2}
    assert outcome.result
    assert outcome.result["spectrogram"] == {}
    assert len(outcome.result["scores"]) == 1


def test_length_is_measured_where_it_is_not_declared(tmp_path: Path) -> None:
    file = encode(
        tmp_path / "a.webm", tone(seconds=3, rate=48_000), codec="libopus", rate=48_000, options={"live": "1"}
    )
    with file.open("rb") as source:
        with AudioReader(source, 22_050) as track:
            assert track.duration is None
        worker.check_length(source, 22_050, 4.0)
        with pytest.raises(TooLongError, match="lasts more than the 2 s"):
            worker.check_length(source, 22_050, 2.0)


def test_messages_are_read_as_they_were_written() -> None:
    setup = WorkerSetup(models=("ä",), worker_mb=1, max_seconds=1, file_seconds=1)
    stream = io.BytesIO(encode_message(setup) + encode_message(Outcome()))
    assert WorkerSetup.model_validate_json(read_message(stream) or b"") == setup
    assert Outcome.model_validate_json(read_message(stream) or b"") == Outcome()
    assert read_message(stream) is None


def test_memory_is_limited() -> None:
    script = "from genrelens.web.workers.worker import limit_memory; limit_memory(300); b'0' * (400 << 20)"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "MemoryError" in process.stderr


def test_the_server_itself_loads_nothing_heavy() -> None:
    script = "import sys, genrelens.web.app; print(sorted({'av', 'numpy', 'onnxruntime', 'soxr'} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
