"""Tests of the worker's functions in this process."""

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from genrelens.audio.decoder import AudioReader
from genrelens.classifier import Classifier
from genrelens.errors import TooLongError
from genrelens.explain.explanation import Spectrogram
from genrelens.prediction import Failure
from genrelens.web.workers import worker
from genrelens.web.workers.messages import Job, Result
from tests.support.audio import encode, tone


@pytest.fixture(scope="module")
def classifier(model_file: Path) -> Classifier:
    return Classifier(model_file, threads=1)


def test_a_result_has_the_clients_file_name(classifier: Classifier, song: Path) -> None:
    result = worker.run_job(classifier, Job(path=str(song), name="mine.wav", model="tilt", top=1), 10.0)
    assert isinstance(result, Result)
    assert result.path == "mine.wav"
    assert [score.label for score in result.scores] == ["low"]
    assert result.spectrogram is None
    assert result.explanations is None


def test_a_failure_has_the_clients_file_name_only(classifier: Classifier, text_file: Path) -> None:
    failure = worker.run_job(classifier, Job(path=str(text_file), name="mine.wav", model="tilt"), 10.0)
    assert isinstance(failure, Failure)
    assert failure.path == "mine.wav"
    assert failure.error.message.startswith("mine.wav is not audio")
    assert str(text_file) not in failure.model_dump_json()


def test_a_result_has_explanations_if_the_job_asks_for_them(
    classifier: Classifier, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: dict[str, Any] = {}
    spectrogram = Spectrogram(times=(), bands=(), levels="")

    def explain(classifier: Classifier, source: Any, **options: Any) -> types.SimpleNamespace:
        received.update(options)
        prediction = classifier.predict(source, windows=options["windows"])
        return types.SimpleNamespace(prediction=prediction, spectrogram=spectrogram, explanations=())

    module = types.ModuleType("genrelens.explain.explainer")
    module.explain = explain  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "genrelens.explain.explainer", module)
    result = worker.run_job(
        classifier, Job(path=str(song), name="a", model="tilt", windows=2, explain="cam", top=1), 10.0
    )
    assert received == {"method": "cam", "windows": 2}
    assert isinstance(result, Result)
    assert (result.spectrogram, result.explanations) == (spectrogram, ())
    assert len(result.scores) == 1


def test_an_undeclared_duration_is_measured(tmp_path: Path) -> None:
    file = encode(
        tmp_path / "a.webm", tone(seconds=3, rate=48_000), codec="libopus", rate=48_000, options={"live": "1"}
    )
    with file.open("rb") as source:
        with AudioReader(source, 22_050) as audio:
            assert audio.duration is None
        worker.check_length(source, 22_050, 4.0)
        with pytest.raises(TooLongError, match="longer than the 2 s"):
            worker.check_length(source, 22_050, 2.0)


def test_memory_is_limited() -> None:
    script = "from genrelens.web.workers.worker import limit_memory; limit_memory(300); b'0' * (400 << 20)"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "MemoryError" in process.stderr
