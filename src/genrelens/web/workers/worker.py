"""A worker process: it decodes and judges one file at a time, so that a hostile file has nothing to harm but it.

    python -m genrelens.web.workers.worker

It is told what to do on stdin and answers on stdout, in `genrelens.web.workers.messages`. It handles no error that it
does not know: it dies, and the server starts another.
"""

import os
import signal
import sys
from math import ceil
from typing import IO, Any, BinaryIO

from genrelens.audio.containers import SeekTolerantFile
from genrelens.audio.decoder import AudioReader
from genrelens.classifier import Classifier
from genrelens.errors import GenrelensError, TooLongError, display_name
from genrelens.model.input_spec import AudioInput
from genrelens.prediction import Failure
from genrelens.web.core.settings import MB
from genrelens.web.workers.messages import Job, LoadedModel, Outcome, WorkerReady, WorkerSetup, encode_message, read_message

_GRACE = 2  # s that the server has to end a worker that is late, before it ends itself


def main() -> None:
    """Load the models, then do jobs until the server closes the pipe."""
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    setup = WorkerSetup.model_validate_json(read_message(jobs) or b"")
    try:
        loaded = [Classifier(model, threads=1) for model in setup.models]
    except GenrelensError as error:
        _send(answers, WorkerReady(failure=Failure.from_error("", error)))
        return
    _send(answers, WorkerReady(offers=tuple(_offer(one) for one in loaded)))
    classifiers = {one.card.name: one for one in loaded}
    limit_memory(setup.worker_mb)
    while message := read_message(jobs):
        job = Job.model_validate_json(message)
        _end_in(setup.file_seconds + _GRACE)
        _send(answers, run_job(classifiers[job.model], job, setup.max_seconds))
        _end_in(0)


def run_job(classifier: Classifier, job: Job, max_seconds: float) -> Outcome:
    """Do one job; a file that cannot be used is told of."""
    try:
        with SeekTolerantFile.open_path(job.path, job.name) as file:
            if isinstance(classifier.card.input, AudioInput):
                check_length(file, classifier.card.audio_input.front_end.rate, max_seconds)
            return Outcome(result=_answer(classifier, file, job))
    except GenrelensError as error:
        return Outcome(failure=Failure.from_error(job.name, error))


def check_length(file: BinaryIO, rate: int, max_seconds: float) -> None:
    """Refuse what lasts too long before it is judged.

    Where the length is not declared, all is decoded to measure it; a file that declares too little meets the
    deadline.

    Raises:
        TooLongError: it does.
    """
    with AudioReader(file, rate) as track:
        duration = track.duration
        if duration is None:
            duration = _measured(track, max_seconds)
    if duration > max_seconds:
        raise TooLongError(
            f"{display_name(file)} lasts more than the {max_seconds:g} s of audio that this server takes; send a part of it"
        )


def limit_memory(megabytes: int) -> None:
    """Let this process have no more data than that, where the system can (not on Windows); and leave no core."""
    try:
        import resource
    except ModuleNotFoundError:
        return
    for limit, most in ((resource.RLIMIT_DATA, megabytes * MB), (resource.RLIMIT_CORE, 0)):
        highest = resource.getrlimit(limit)[1]
        allowed = most if highest == resource.RLIM_INFINITY else min(most, highest)
        resource.setrlimit(limit, (allowed, highest))


def _measured(track: AudioReader, enough: float) -> float:
    """Seconds of audio, counted no further than to `enough`."""
    seconds = 0.0
    for block in track.blocks():
        seconds += len(block) / track.rate
        if seconds > enough:
            break
    return seconds


def _answer(classifier: Classifier, file: BinaryIO, job: Job) -> dict[str, Any]:
    if job.explain is None:
        prediction, why = classifier.predict(file, windows=job.windows), {}
    else:
        from genrelens.explain.explainer import explain

        explained = explain(classifier, file, method=job.explain, windows=job.windows)
        prediction, why = explained.prediction, explained.model_dump(mode="json", exclude={"prediction"})
    return (prediction if job.top is None else prediction.top(job.top)).model_dump(mode="json") | why


def _offer(classifier: Classifier) -> LoadedModel:
    card = classifier.card
    return LoadedModel(name=card.name, summary=card.summary, card=card.model_dump(mode="json"))


def _end_in(seconds: float) -> None:
    """Let the kernel end this process if it is still busy then: it may hang in C, and the server may be gone."""
    if hasattr(signal, "alarm"):
        signal.alarm(ceil(seconds))


def _send(answers: IO[bytes], message: WorkerReady | Outcome) -> None:
    answers.write(encode_message(message))
    answers.flush()


if __name__ == "__main__":
    main()
