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
from genrelens.live import EVERY, Listener
from genrelens.prediction import Failure
from genrelens.web.live.messages import Begin, End, Hear, Instruction, Told
from genrelens.web.workers.messages import Ready, Setup, packed, read
from genrelens.web.workers.worker import limit_memory

_INSTRUCTIONS: TypeAdapter[Instruction] = TypeAdapter(Instruction)


class Sessions:
    """Who is listened to, and with which models."""

    def __init__(self, classifiers: list[Classifier]) -> None:
        self._classifiers = {classifier.card.name: classifier for classifier in classifiers}
        self._listeners: dict[int, Listener] = {}

    def do(self, instruction: Instruction, samples: bytes = b"") -> Told:
        """Do what is told, with the samples that came with it, and answer; what cannot be done is told of."""
        try:
            match instruction:
                case Begin():
                    return Told(messages=(self._begin(instruction),))
                case Hear():
                    return Told(messages=self._hear(instruction, samples))
                case End():
                    self._listeners.pop(instruction.session, None)
                    return Told()
                case _:
                    assert_never(instruction)
        except GenrelensError as error:
            return Told(failure=Failure.of("", error))

    def _begin(self, begin: Begin) -> dict[str, Any]:
        classifier = self._classifiers[begin.model]
        self._listeners[begin.session] = Listener(classifier)
        card = classifier.card
        return {"ready": {"model": card.name, "labels": card.labels, "window": card.sound.window, "hop": EVERY}}

    def _hear(self, hear: Hear, samples: bytes) -> tuple[dict[str, Any], ...]:
        listener = self._listeners[hear.session]
        listener.miss(hear.missed)
        heard = np.frombuffer(samples, "<f4").reshape(-1, hear.channels)
        return tuple(answer.model_dump(mode="json") for answer in listener.hear(heard, hear.rate))


def main() -> None:
    """Load the models, then do what the server says until it closes the pipe."""
    instructions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    setup = Setup.model_validate_json(read(instructions) or b"")
    ready, sessions = _set_up(setup)
    answers.write(packed(ready))
    answers.flush()
    limit_memory(setup.worker_mb)
    while message := read(instructions):
        instruction = _INSTRUCTIONS.validate_json(message)
        samples = read(instructions) if isinstance(instruction, Hear) else None
        answers.write(packed(sessions.do(instruction, samples or b"")))
        answers.flush()


def _set_up(setup: Setup) -> tuple[Ready, Sessions]:
    try:
        return Ready(), Sessions([Classifier(model, threads=1) for model in setup.models])
    except GenrelensError as error:
        return Ready(failure=Failure.of("", error)), Sessions([])


if __name__ == "__main__":
    main()
