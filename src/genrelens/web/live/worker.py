"""The live worker process: one window of audio, one resampler and a few model outputs per session.

    python -m genrelens.web.live.worker

It exchanges the messages of `genrelens.web.live.client` over stdin and stdout, and exits when stdin closes.
"""

from typing import Any, assert_never

import numpy as np
from pydantic import TypeAdapter

from genrelens.classifier import Classifier
from genrelens.errors import GenrelensError
from genrelens.live import UPDATE_SECONDS, LiveClassifier
from genrelens.prediction import Failure
from genrelens.web.live.client import AddAudio, Command, EndSession, LiveReply, StartSession
from genrelens.web.workers.messages import read_message
from genrelens.web.workers.worker import open_pipes, prepare, send

_COMMAND: TypeAdapter[Command] = TypeAdapter(Command)


class Sessions:
    """The open sessions, each with its classifier of live audio."""

    def __init__(self, classifiers: dict[str, Classifier]) -> None:
        self._classifiers = classifiers
        self._sessions: dict[int, LiveClassifier] = {}

    def execute(self, command: Command, samples: bytes = b"") -> LiveReply:
        """Execute a command, with the samples that followed it; errors become a failure."""
        try:
            match command:
                case StartSession():
                    return LiveReply(messages=(self._start(command),))
                case AddAudio():
                    return LiveReply(messages=self._add_audio(command, samples))
                case EndSession():
                    self._sessions.pop(command.session, None)
                    return LiveReply()
                case _:
                    assert_never(command)
        except GenrelensError as error:
            return LiveReply(failure=Failure.from_error("", error))

    def _start(self, command: StartSession) -> dict[str, Any]:
        classifier = self._classifiers[command.model]
        self._sessions[command.session] = LiveClassifier(classifier)
        card = classifier.card
        window = card.audio_input.window
        return {"ready": {"model": card.name, "labels": card.labels, "window": window, "hop": UPDATE_SECONDS}}

    def _add_audio(self, command: AddAudio, samples: bytes) -> tuple[dict[str, Any], ...]:
        session = self._sessions[command.session]
        session.report_missed(command.missed)
        audio = np.frombuffer(samples, "<f4").reshape(-1, command.channels)
        return tuple(prediction.model_dump(mode="json") for prediction in session.process(audio, command.rate))


def main() -> None:
    """Execute commands until the server closes the pipe."""
    commands, replies = open_pipes()
    _, classifiers = prepare(commands, replies)
    sessions = Sessions(classifiers)
    while message := read_message(commands):
        command = _COMMAND.validate_json(message)
        samples = read_message(commands) if isinstance(command, AddAudio) else None
        send(replies, sessions.execute(command, samples or b""))


if __name__ == "__main__":
    main()
