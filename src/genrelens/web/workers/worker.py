"""A worker process: decodes and classifies one file at a time, so that a hostile file can only harm this process.

    python -m genrelens.web.workers.worker

It exchanges the messages of `genrelens.web.workers.messages` over stdin and stdout. It does not handle unexpected
errors: it dies, and the server starts another worker.
"""

import os
import signal
import sys
from math import ceil
from typing import IO, BinaryIO

from pydantic import BaseModel

from genrelens.audio.containers import SeekTolerantFile
from genrelens.audio.decoder import AudioReader
from genrelens.classifier import Classifier
from genrelens.errors import GenrelensError, TooLongError, display_name
from genrelens.model.input_spec import AudioInput
from genrelens.prediction import Failure
from genrelens.web.core.settings import MB
from genrelens.web.workers import messages

_GRACE_SECONDS = 2  # for the server to kill a worker that is late, before the worker's own alarm does


def main() -> None:
    """Run jobs until the server closes the pipe."""
    jobs, results = open_pipes()
    setup, classifiers = prepare(jobs, results)
    while message := messages.read_message(jobs):
        job = messages.Job.model_validate_json(message)
        _set_alarm(setup.file_seconds + _GRACE_SECONDS)
        send(results, run_job(classifiers[job.model], job, setup.max_seconds))
        _set_alarm(0)


def open_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Return the streams of messages from and to the server; whatever libraries print goes to stderr instead."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sys.stdin.buffer, replies


def prepare(setups: IO[bytes], replies: IO[bytes]) -> tuple[messages.WorkerSetup, dict[str, Classifier]]:
    """Receive the setup, load the models, report to the server, and limit the memory of this process.

    Returns:
        The setup, and the classifiers by the names on their cards.

    Raises:
        SystemExit: a model cannot be loaded; the server has received the reason.
    """
    setup = messages.WorkerSetup.model_validate_json(messages.read_message(setups) or b"")
    try:
        classifiers = [Classifier(model, threads=1) for model in setup.models]
    except GenrelensError as error:
        send(replies, messages.WorkerReady(failure=Failure.from_error("", error)))
        sys.exit()
    send(replies, messages.WorkerReady(models=tuple(_describe(classifier) for classifier in classifiers)))
    limit_memory(setup.worker_mb)
    return setup, {classifier.card.name: classifier for classifier in classifiers}


def send(stream: IO[bytes], message: BaseModel) -> None:
    """Send a message to the server."""
    stream.write(messages.encode_message(message))
    stream.flush()


def run_job(classifier: Classifier, job: messages.Job, max_seconds: float) -> messages.JobResult:
    """Classify one file; an unusable file yields a failure."""
    try:
        with SeekTolerantFile.open_path(job.path, job.name) as file:
            if isinstance(classifier.card.input, AudioInput):
                check_length(file, classifier.card.audio_input.front_end.rate, max_seconds)
            return _classify(classifier, file, job)
    except GenrelensError as error:
        return Failure.from_error(job.name, error)


def check_length(file: BinaryIO, rate: int, max_seconds: float) -> None:
    """Refuse audio that is too long before it is classified.

    If the container declares no duration, the audio is decoded to measure it. A file that declares too short a
    duration runs into the deadline instead.

    Args:
        file: the audio file.
        rate: sampling rate in Hz to decode at.
        max_seconds: maximum duration in seconds.

    Raises:
        TooLongError: the audio is longer than `max_seconds`.
    """
    with AudioReader(file, rate) as audio:
        duration = audio.duration
        if duration is None:
            duration = _measure_duration(audio, max_seconds)
    if duration > max_seconds:
        raise TooLongError(
            f"{display_name(file)} is longer than the {max_seconds:g} s of audio that this server accepts; send a "
            "part of it"
        )


def limit_memory(megabytes: int) -> None:
    """Limit the data segment of this process where the system supports it (not on Windows); disable core dumps."""
    try:
        import resource
    except ModuleNotFoundError:
        return
    for kind, limit in ((resource.RLIMIT_DATA, megabytes * MB), (resource.RLIMIT_CORE, 0)):
        hard_limit = resource.getrlimit(kind)[1]
        allowed = limit if hard_limit == resource.RLIM_INFINITY else min(limit, hard_limit)
        resource.setrlimit(kind, (allowed, hard_limit))


def _measure_duration(audio: AudioReader, max_seconds: float) -> float:
    """Return the duration in seconds, or any value above `max_seconds` as soon as it is exceeded."""
    seconds = 0.0
    for block in audio.blocks():
        seconds += len(block) / audio.rate
        if seconds > max_seconds:
            break
    return seconds


def _classify(classifier: Classifier, file: BinaryIO, job: messages.Job) -> messages.Result:
    spectrogram = explanations = None
    if job.explain is None:
        prediction = classifier.predict(file, windows=job.windows)
    else:
        from genrelens.explain.explainer import explain

        explained = explain(classifier, file, method=job.explain, windows=job.windows)
        prediction, spectrogram, explanations = explained.prediction, explained.spectrogram, explained.explanations
    if job.top is not None:
        prediction = prediction.top(job.top)
    return messages.Result(**dict(prediction), spectrogram=spectrogram, explanations=explanations)


def _describe(classifier: Classifier) -> messages.LoadedModel:
    card = classifier.card
    return messages.LoadedModel(name=card.name, summary=card.summary, card=card.model_dump(mode="json"))


def _set_alarm(seconds: float) -> None:
    """Schedule the end of this process by the kernel: it may hang in C code, and the server may have died."""
    if hasattr(signal, "alarm"):
        signal.alarm(ceil(seconds))


if __name__ == "__main__":
    main()
