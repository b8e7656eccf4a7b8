"""Tests of live sessions with real servers."""

import contextlib
import itertools
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from genrelens.classifier import Classifier
from genrelens.errors import ListenerLostError
from genrelens.live import LiveClassifier
from genrelens.model.session import Model
from genrelens.web.core.problems import problem_title
from genrelens.web.core.settings import LiveLimits
from tests.support.audio import tone
from tests.support.processes import PATIENCE, children, wait_until
from tests.support.server import Server, serve_in_thread, serve_process

HELLO = {"rate": 22_050}
LOW = tone(110, 10.0, 22_050)[0]
PIECE = 2_205  # samples, a tenth of a second

FindWorkers = Callable[[], list[int]]


@contextmanager
def session(url: str, hello: Any = None, **options: Any) -> Iterator[ClientConnection]:
    """Connect a client and send its hello."""
    with connect(f"{url.replace('http', 'ws', 1)}/v1/live", open_timeout=PATIENCE, **options) as client:
        client.send(json.dumps(HELLO if hello is None else hello))
        yield client


def receive(client: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(client.recv(PATIENCE))
    return message


def send(client: ClientConnection, samples: np.ndarray[Any, Any]) -> None:
    """Send samples in messages of a tenth of a second."""
    for start in range(0, len(samples), PIECE):
        client.send(samples[start : start + PIECE].astype("<f4").tobytes())


def receive_problem(client: ClientConnection) -> tuple[int, dict[str, Any]]:
    """Receive until the connection is closed; return its close code, and the problem that was sent, if any."""
    problem: dict[str, Any] = {}
    with contextlib.suppress(ConnectionClosed):
        while True:
            problem = receive(client).get("problem", problem)
    assert client.close_code
    return client.close_code, problem


@pytest.fixture
def live_workers(server: Server) -> FindWorkers:
    """A function that returns the process ids of the server's live workers."""

    def find() -> list[int]:
        commands = {process: Path(f"/proc/{process}/cmdline") for process in children(server.process.pid)}
        return [process for process, file in commands.items() if file.exists() and b"live.worker" in file.read_bytes()]

    return find


@pytest.mark.parametrize(("rate", "channels"), [(22_050, 1), (48_000, 2)])
def test_predictions_are_those_of_a_live_classifier(server: Server, model_file: Path, rate: int, channels: int) -> None:
    samples = np.ascontiguousarray(tone(110, 2.2, rate, channels).T)
    with session(server.url, {"rate": rate, "channels": channels, "model": "tilt"}) as client:
        assert receive(client) == {"ready": {"model": "tilt", "labels": ["low", "high"], "window": 1.0, "hop": 0.5}}
        send(client, samples)
        predictions = [receive(client) for _ in range(4)]
    expected = LiveClassifier(Classifier(Model(model_file, threads=1))).process(samples, rate)
    assert predictions == [prediction.model_dump(mode="json") for prediction in expected]
    assert predictions[-1]["genre"] == "low"


def test_concurrent_sessions_are_independent(server: Server) -> None:
    with session(server.url) as first, session(server.url, {"rate": 8_000}) as second:
        send(first, LOW[:22_050])
        send(second, tone(3_500, 1.0, 8_000)[0])
        assert [receive(client).keys() for client in (first, second)] == [{"ready"}, {"ready"}]
        assert [receive(client)["genre"] for client in (first, second)] == ["low", "high"]
        assert server.metric("genrelens_live_sessions ") == 2
    wait_until(lambda: server.metric("genrelens_live_sessions ") == 0)


def test_audio_during_a_pause_is_ignored(server: Server) -> None:
    with session(server.url) as client:
        receive(client)
        send(client, LOW[:11_025])
        assert receive(client)["at"] == 0.5
        client.send('{"pause": true}')
        send(client, LOW)
        client.send('{"pause": false}')
        send(client, LOW[:11_025])
        prediction = receive(client)
        assert (prediction["at"], prediction["missed"]) == (1.0, 0.0)
        client.send('{"stop": true}')
        assert receive_problem(client) == (1000, {})


@pytest.mark.parametrize(
    ("hello", "code", "word"),
    [
        ("no json", 4400, "rate"),
        ({}, 4400, "rate"),
        ({"rate": 0}, 4400, "rate"),
        ({"rate": 384_000}, 4400, "rate"),
        ({"rate": 48_000, "channels": 3}, 4400, "channels"),
        ({"rate": 48_000, "volume": 11}, 4400, "volume"),
        ({"rate": 48_000, "model": "bach"}, 4404, "bach"),
    ],
)
def test_an_invalid_hello_is_refused_with_a_reason(server: Server, hello: Any, code: int, word: str) -> None:
    with session(server.url, hello) as client:
        closed, problem = receive_problem(client)
    assert closed == code
    assert problem["status"] == code - 4000
    assert problem["type"].startswith("tag:genrelens")
    assert word in problem["detail"] or hello == "no json"


def test_invalid_messages_are_refused_with_a_reason(server: Server) -> None:
    with session(server.url):  # keeps the live worker running
        for message, code, word in (
            (b"abc", 4400, "float32"),
            (b"\0" * 4 * 55_125, 4413, "2.5 s"),
            ("play louder", 4400, "is invalid"),
            ('{"pause": "perhaps"}', 4400, "pause"),
        ):
            with session(server.url) as client:
                client.send(message)
                closed, problem = receive_problem(client)
            assert closed == code
            assert word in problem["detail"]


def test_audio_before_the_hello_is_refused(server: Server) -> None:
    with connect(f"{server.url.replace('http', 'ws')}/v1/live") as client:
        client.send(b"\0" * 400)
        assert receive_problem(client)[0] == 4400


def test_only_the_live_worker_loads_the_runtime_and_it_exits_with_the_last_session(
    server: Server, live_workers: Callable[[], list[int]]
) -> None:
    wait_until(lambda: not live_workers())
    with session(server.url) as client:
        receive(client)
        [worker] = live_workers()
        with session(server.url) as other:
            receive(other)
            assert live_workers() == [worker]
        assert "onnxruntime" in Path(f"/proc/{worker}/maps").read_text()
        assert "onnxruntime" not in Path(f"/proc/{server.process.pid}/maps").read_text()
    wait_until(lambda: not live_workers())


def test_audio_that_arrives_too_fast_is_dropped_and_reported(
    server: Server, live_workers: Callable[[], list[int]]
) -> None:
    with session(server.url) as client:
        receive(client)
        [worker] = live_workers()
        os.kill(worker, signal.SIGSTOP)
        try:
            send(client, LOW)
            client.ping().wait(PATIENCE)
        finally:
            os.kill(worker, signal.SIGCONT)
        processed = missed = 0.0
        while processed + missed < 9.4:  # predictions cover all but the last half second
            prediction = receive(client)
            processed, missed = prediction["at"], missed + prediction["missed"]
        assert missed > 1
        assert processed + missed < 10.1


def test_unprocessed_audio_takes_little_memory(server: Server, live_workers: FindWorkers) -> None:
    largest, megabytes = b"\0" * (1 << 18), 20
    with session(server.url) as modest, contextlib.ExitStack() as stack:
        receive(modest)
        [worker] = live_workers()
        greedy = [stack.enter_context(session(server.url, {"rate": 192_000, "channels": 2})) for _ in range(3)]
        for client in greedy:
            receive(client)
        before = resident_mb(server)
        os.kill(worker, signal.SIGSTOP)
        try:
            for client in greedy:
                for _ in range(megabytes * 4):
                    client.send(largest)
                client.ping().wait(PATIENCE)
            assert resident_mb(server) - before < 40
        finally:
            os.kill(worker, signal.SIGCONT)
        send(modest, LOW[:11_025])
        assert receive(modest)["genre"] == "low"
    wait_until(lambda: server.metric("genrelens_live_sessions ") == 0)  # these sessions were the client's whole share


def test_a_message_that_is_too_large_is_refused(server: Server) -> None:
    with session(server.url, {"rate": 192_000, "channels": 2}) as client:
        client.send(b"\0" * (1 << 18) + b"\0" * 8)
        assert receive_problem(client)[0] == 1009


def resident_mb(server: Server) -> float:
    """Return the resident memory of the server process in MB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def test_the_reply_for_a_client_that_left_does_not_reach_another(
    server: Server, live_workers: Callable[[], list[int]]
) -> None:
    with session(server.url) as staying:
        receive(staying)
        [worker] = live_workers()
        with session(server.url) as leaving:
            receive(leaving)
            os.kill(worker, signal.SIGSTOP)
            try:
                send(leaving, tone(6_000, 1.0, 22_050)[0])
                leaving.ping().wait(PATIENCE)
                leaving.close()
            finally:
                os.kill(worker, signal.SIGCONT)
        send(staying, LOW[:22_050])
        assert [receive(staying)["genre"] for _ in range(2)] == ["low", "low"]


def test_a_live_worker_that_dies_is_reported_and_replaced(
    server: Server, live_workers: Callable[[], list[int]]
) -> None:
    with session(server.url) as client:
        receive(client)
        [worker] = live_workers()
        os.kill(worker, signal.SIGKILL)
        send(client, LOW[:22_050])
        code, problem = receive_problem(client)
    assert (code, problem["status"]) == (4503, 503)
    assert problem["title"] == problem_title(ListenerLostError)
    with session(server.url) as client:
        assert "ready" in receive(client)
    assert server.get("/readyz").status_code == 200


def test_the_log_is_json_whatever_the_audio(server: Server) -> None:
    broken = np.full(22_050 * 2, np.inf, "<f4")
    broken[::2] *= -1
    with session(server.url, {"rate": 22_050, "channels": 2}) as client:
        receive(client)
        client.send(broken.tobytes())
        assert receive(client)["level"] == -120.0
    wait_until(lambda: server.metric("genrelens_live_sessions ") == 0)
    assert not any("output of a worker" in json.loads(line)["message"] for line in server.log)


def test_sessions_are_logged_and_counted(server: Server) -> None:
    before = server.metric("genrelens_audio_seconds_total")
    with session(server.url) as client:
        receive(client)
        send(client, LOW[:22_050])
        assert [receive(client)["at"] for _ in range(2)] == [0.5, 1.0]
        wait_until(lambda: server.metric("genrelens_audio_seconds_total") >= before + 0.99)  # not only at its end
        client.send('{"stop": true}')
        receive_problem(client)
    wait_until(lambda: server.metric("genrelens_audio_seconds_total") == pytest.approx(before + 1, abs=0.01))
    wait_until(lambda: [line for line in server.log if '"message": "session"' in line])
    line = json.loads([line for line in server.log if '"message": "session"' in line][-1])
    assert (line["code"], line["audio_seconds"], line["missed_seconds"]) == (1000, 1.0, 0.0)


def test_pages_of_other_origins_are_refused(server: Server, model_file: Path) -> None:
    with pytest.raises(InvalidStatus) as refusal, session(server.url, origin="https://example.com"):
        pass
    response = refusal.value.response
    assert response.status_code == 403
    problem = json.loads(response.body)
    assert problem["type"].endswith("ForeignPageError")
    wait_until(lambda: any(problem["instance"][9:] in line for line in server.log))
    assert server.metric('genrelens_requests_total{method="GET",route="none",status="403"}') >= 1
    with session(server.url, origin=server.url) as client:
        assert "ready" in receive(client)


def test_keys_are_sent_in_the_header_or_in_the_hello(model_file: Path) -> None:
    keys = (SecretStr("first"), SecretStr("second"))
    with serve_in_thread(model_file, api_keys=keys, cors=("https://example.org",)) as url:
        with session(url, origin="https://example.org") as client:
            code, problem = receive_problem(client)
        assert code == 4401
        assert "API key" in problem["detail"]
        with session(url, {**HELLO, "key": "third"}) as client:
            assert receive_problem(client)[0] == 4401
        with session(url, {**HELLO, "key": "second"}) as client:
            assert "ready" in receive(client)
        with session(url, {**HELLO, "key": "second"}, additional_headers={"Authorization": "Basic eDp5"}) as client:
            assert "ready" in receive(client)
        with session(url, additional_headers={"Authorization": "Bearer first"}) as client:
            assert "ready" in receive(client)


def test_pending_handshakes_are_limited_and_released(model_file: Path) -> None:
    limits = LiveLimits(max_handshakes=4, max_share=1)
    with serve_in_thread(model_file, live=limits) as url, session(url) as first:
        assert "ready" in receive(first)
        with session(url) as second:
            assert receive_problem(second)[0] == 4429
        with connect(f"{url.replace('http', 'ws')}/v1/live") as silent:
            with pytest.raises(InvalidStatus) as refusal, session(url):
                pass
            assert refusal.value.response.status_code == 429
            silent.close()
            wait_until(lambda: _close_code(url) == 4429)


def test_limits_of_sessions_hold_and_their_slots_are_released(model_file: Path) -> None:
    limits = LiveLimits(max_sessions=2, max_share=3, hello_seconds=0.5, idle_seconds=0.5, paused_seconds=2.0)
    with serve_in_thread(model_file, live=limits) as url:
        with session(url) as first, session(url) as second, session(url) as third:
            for client in (first, second):
                receive(client)
                client.send('{"pause": true}')
            code, problem = receive_problem(third)
            assert code == 4503
            assert problem["detail"].startswith("the server is at its limit of 2 live sessions")
        wait_until(lambda: _close_code(url) == 4408)  # idle sessions are closed
        with session(url) as client:
            receive(client)
            assert _close_code_after(client, b"", '{"pause": false}') == 4408
        with session(url) as client:
            receive(client)
            assert (
                _close_code_after(client, '{"pause": true}', '{"pause": false}', '{"pause": true}', LOW[:9].tobytes())
                == 4408
            )
        with connect(f"{url.replace('http', 'ws')}/v1/live") as client:
            assert receive_problem(client)[0] == 4408  # without a hello


def test_the_duration_of_a_session_is_limited(model_file: Path) -> None:
    with serve_in_thread(model_file, live=LiveLimits(session_seconds=1.0)) as url, session(url) as client:
        receive(client)
        assert _close_code_after(client, LOW[:PIECE].tobytes()) == 4413


def _close_code_after(client: ClientConnection, *messages: str | bytes) -> int | None:
    """Send messages in turn until the session is closed; return its close code."""
    with contextlib.suppress(ConnectionClosed):
        for message in itertools.cycle(messages):
            client.send(message)
            time.sleep(0.05)
    return client.close_code


def _close_code(url: str) -> int:
    with session(url) as client:
        return receive_problem(client)[0]


def test_the_server_shuts_down_during_a_session(tmp_path: Path, model_file: Path) -> None:
    with serve_process(tmp_path, "--model", str(model_file)) as server, session(server.url) as client:
        receive(client)
        workers = children(server.process.pid)
        assert len(workers) == 2
        server.process.send_signal(signal.SIGINT)
        assert receive_problem(client)[0] == 1012
        assert server.process.wait(PATIENCE) == 0
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert not any("exception" in line.lower() for line in server.log), server.log
