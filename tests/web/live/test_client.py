import sys

import pytest

from genrelens.errors import ListenerLostError
from genrelens.web.live.client import LiveProcess, StartSession
from genrelens.web.workers.messages import WorkerReady, WorkerSetup, encode_message
from tests.support.processes import run_coroutine

ANNOUNCE_TOO_MUCH = f"""
import sys, time
sys.stdout.buffer.write({encode_message(WorkerReady())!r} + b"\\xff" * 100)
sys.stdout.buffer.flush()
time.sleep(60)
"""


def test_a_process_that_announces_too_long_a_message_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrelens.web.workers.process._COMMAND", (sys.executable, "-c", ANNOUNCE_TOO_MUCH))

    async def scenario() -> None:
        process = await LiveProcess.start(WorkerSetup(models=(), worker_mb=1, max_seconds=1, file_seconds=1))
        try:
            with pytest.raises(ListenerLostError):
                await process.send(StartSession(session=0, model="tilt"))
            assert not process.alive
        finally:
            process.kill()
            await process.wait()

    run_coroutine(scenario())
