"""The process that listens, for all sessions of a server: one window, one resampler and a few answers for each.

    python -m genrelens.web.live.worker

It is told what to do on stdin and answers on stdout, in `genrelens.web.live.messages`, and ends when stdin does.
"""

import os
import sys
from typing import Any, assert_never

import numpy as np
from pydantic import TypeAdapter

from genrelens.classifier import Classifier
from genrelens.errors import GenrelensError
from genrelens.live import UPDATE_SECONDS, LiveClassifier
from genrelens.prediction import Failure
from genrelens.web.live.messages import StartSession, EndSession, AddAudio, Instruction, LiveReply
from genrelens.web.workers.messages import WorkerReady, WorkerSetup, encode_message, read_message
from genrelens.web.workers.worker import limit_memory

_INSTRUCTIONS: TypeAdapter[Instruction] = TypeAdapter(Instruction)


class Sessions:
    """Who is listened to, and with which models."""

    def __init__(self, classifiers: list[Classifier]) -> None:
        self._classifiers = {classifier.card.name: classifier for classifier in classifiers}
        self._listeners: dict[int, LiveClassifier] = {}

    def do(self, instruction: Instruction, samples: bytes = b"") -> LiveReply:
        """Do what is told, with the samples that came with it, and answer; what cannot be done is told of."""
        try:
            match instruction:
                case StartSession():
                    return LiveReply(messages=(self._begin(instruction),))
                case AddAudio():
                    return LiveReply(messages=self._hear(instruction, samples))
                case EndSession():
                    self._listeners.pop(instruction.session, None)
                    return LiveReply()
                case _:
                    assert_never(instruction)
        except GenrelensError as error:
            return LiveReply(failure=Failure.from_error("", error))

    def _begin(self, begin: StartSession) -> dict[str, Any]:
        classifier = self._classifiers[begin.model]
        self._listeners[begin.session] = LiveClassifier(classifier)
        card = classifier.card
        return {"ready": {"model": card.name, "labels": card.labels, "window": card.audio_input.window, "hop": UPDATE_SECONDS}}

    def _hear(self, hear: AddAudio, samples: bytes) -> tuple[dict[str, Any], ...]:
        listener = self._listeners[hear.session]
        listener.report_missed(hear.missed)
        heard = np.frombuffer(samples, "<f4").reshape(-1, hear.channels)
        return tuple(answer.model_dump(mode="json") for answer in listener.process(heard, hear.rate))


def main() -> None:
    """Load the models, then do what the server says until it closes the pipe."""
    instructions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    setup = WorkerSetup.model_validate_json(read_message(instructions) or b"")
    ready, sessions = _set_up(setup)
    answers.write(encode_message(ready))
    answers.flush()
    limit_memory(setup.worker_mb)
    while message := read_message(instructions):
        instruction = _INSTRUCTIONS.validate_json(message)
        samples = read_message(instructions) if isinstance(instruction, AddAudio) else None
        answers.write(encode_message(sessions.do(instruction, samples or b"")))
        answers.flush()


def _set_up(setup: WorkerSetup) -> tuple[WorkerReady, Sessions]:
    try:
        return WorkerReady(), Sessions([Classifier(model, threads=1) for model in setup.models])
    except GenrelensError as error:
        return WorkerReady(failure=Failure.from_error("", error)), Sessions([])


if __name__ == "__main__":
    main()
