import io

import pytest

from genrelens.errors import UndecodableAudioError
from genrelens.explain.explanation import Explanation, Spectrogram
from genrelens.prediction import Failure
from genrelens.web.workers.messages import JOB_RESULT, Result, WorkerSetup, encode_message, read_message

RESULT = Result(
    path="ä.mp3",
    genre="jazz",
    genres=("jazz",),
    confidence=0.9,
    scores=(),
    segments=(),
    duration=1.0,
    model="lens",
    version="2",
)
EXPLAINED = RESULT.model_copy(
    update={
        "spectrogram": Spectrogram(times=(0.0, 1.0), bands=(0.0, 100.0), levels="AA=="),
        "explanations": (
            Explanation(genre="jazz", method="cam", times=(0.0, 1.0), bands=(0.0, 100.0), evidence=((0.5,),)),
        ),
    }
)


def test_messages_are_read_as_they_were_written() -> None:
    setup = WorkerSetup(models=("ä",), worker_mb=1, max_seconds=1, file_seconds=1)
    stream = io.BytesIO(encode_message(setup) + encode_message(b"\0samples"))
    assert WorkerSetup.model_validate_json(read_message(stream) or b"") == setup
    assert read_message(stream) == b"\0samples"
    assert read_message(stream) is None


@pytest.mark.parametrize(
    "result", [RESULT, EXPLAINED, Failure.from_error("a", UndecodableAudioError("a is not audio"))]
)
def test_results_and_failures_keep_their_type(result: Result | Failure) -> None:
    received = JOB_RESULT.validate_json(result.model_dump_json())
    assert type(received) is type(result)
    assert received == result
