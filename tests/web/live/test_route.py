"""Listening through a websocket, by real servers."""

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
from genrelens.live import LiveClassifier
from genrelens.model.session import Model
from genrelens.web.core.settings import LiveLimits
from tests.support.audio import tone
from tests.support.processes import PATIENCE, children, wait_until
from tests.support.server import Server, serve_in_thread, serve_process

HELLO = {"rate": 22_050}
LOW = tone(110, 10.0, 22_050)[0]
PIECE = 2_205  # samples, a tenth of a second


@contextmanager
def session(address: str, hello: Any = None, **options: Any) -> Iterator[ClientConnection]:
    """A client that has said hello."""
    with connect(f"{address.replace('http', 'ws', 1)}/v1/live", open_timeout=PATIENCE, **options) as client:
        client.send(json.dumps(HELLO if hello is None else hello))
        yield client


def receive(client: ClientConnection) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(client.recv(PATIENCE))
    return told


def send(client: ClientConnection, samples: np.ndarray[Any, Any]) -> None:
    """Send samples, a tenth of a second at a time."""
    for start in range(0, len(samples), PIECE):
        client.send(samples[start : start + PIECE].astype("<f4").tobytes())


def refusal(client: ClientConnection) -> tuple[int, dict[str, Any]]:
    """The problem that a client is told next but for answers, and the code that it is closed with."""
    problem: dict[str, Any] = {}
    with contextlib.suppress(ConnectionClosed):
        while True:
            problem = receive(client).get("problem", problem)
    assert client.close_code
    return client.close_code, problem


@pytest.fixture
def listening(server: Server) -> Callable[[], list[int]]:
    """The process ids of what listens."""

    def those() -> list[int]:
        commands = {process: Path(f"/proc/{process}/cmdline") for process in children(server.process.pid)}
        return [process for process, file in commands.items() if file.exists() and b"live_worker" in file.read_bytes()]

    return those


@pytest.mark.parametrize(("rate", "channels"), [(22_050, 1), (48_000, 2)])
def test_answers_are_those_of_a_listener(server: Server, model_file: Path, rate: int, channels: int) -> None:
    samples = np.ascontiguousarray(tone(110, 2.2, rate, channels).T)
    with session(server.url, {"rate": rate, "channels": channels, "model": "tilt"}) as client:
        assert receive(client) == {"ready": {"model": "tilt", "labels": ["low", "high"], "window": 1.0, "hop": 0.5}}
        send(client, samples)
        told = [receive(client) for _ in range(4)]
    expected = LiveClassifier(Classifier(Model(model_file, threads=1))).process(samples, rate)
    assert told == [answer.model_dump(mode="json") for answer in expected]
    assert told[-1]["genre"] == "low"


def test_two_at_once_hear_their_own(server: Server) -> None:
    with session(server.url) as first, session(server.url, {"rate": 8_000}) as second:
        send(first, LOW[:22_050])
        send(second, tone(3_500, 1.0, 8_000)[0])
        assert [receive(client).keys() for client in (first, second)] == [{"ready"}, {"ready"}]
        assert [receive(client)["genre"] for client in (first, second)] == ["low", "high"]
        assert server.metric("genrelens_live_sessions ") == 2
    wait_until(lambda: server.metric("genrelens_live_sessions ") == 0)


def test_a_pause_is_not_heard(server: Server) -> None:
    with session(server.url) as client:
        receive(client)
        send(client, LOW[:11_025])
        assert receive(client)["at"] == 0.5
        client.send('{"pause": true}')
        send(client, LOW)
        client.send('{"pause": false}')
        send(client, LOW[:11_025])
        told = receive(client)
        assert (told["at"], told["missed"]) == (1.0, 0.0)
        client.send('{"stop": true}')
        assert refusal(client) == (1000, {})


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
def test_a_greeting_that_is_none_is_refused_in_words(server: Server, hello: Any, code: int, word: str) -> None:
    with session(server.url, hello) as client:
        told, problem = refusal(client)
    assert told == code
    assert problem["status"] == code - 4000
    assert problem["type"].startswith("tag:genrelens")
    assert word in problem["detail"] or hello == "no json"


def test_what_is_no_audio_is_refused_in_words(server: Server) -> None:
    with session(server.url):  # so that the process that listens need not start for each
        for message, code, word in (
            (b"abc", 4400, "float32"),
            (b"\0" * 4 * 55_125, 4413, "2.5 s"),
            ("play louder", 4400, "cannot be used"),
            ('{"pause": "perhaps"}', 4400, "pause"),
        ):
            with session(server.url) as client:
                client.send(message)
                told, problem = refusal(client)
            assert told == code
            assert word in problem["detail"]


def test_audio_before_the_greeting_is_refused(server: Server) -> None:
    with connect(f"{server.url.replace('http', 'ws')}/v1/live") as client:
        client.send(b"\0" * 400)
        assert refusal(client)[0] == 4400


def test_only_the_process_that_listens_has_the_runtime_and_it_leaves_with_the_last(
    server: Server, listening: Callable[[], list[int]]
) -> None:
    wait_until(lambda: not listening())
    with session(server.url) as client:
        receive(client)
        [worker] = listening()
        with session(server.url) as other:
            receive(other)
            assert listening() == [worker]
        assert "onnxruntime" in Path(f"/proc/{worker}/maps").read_text()
        assert "onnxruntime" not in Path(f"/proc/{server.process.pid}/maps").read_text()
    wait_until(lambda: not listening())


def test_what_comes_too_fast_is_dropped_and_told_of(server: Server, listening: Callable[[], list[int]]) -> None:
    with session(server.url) as client:
        receive(client)
        [worker] = listening()
        os.kill(worker, signal.SIGSTOP)
        try:
            send(client, LOW)
            client.ping().wait(PATIENCE)
        finally:
            os.kill(worker, signal.SIGCONT)
        heard = missed = 0.0
        while heard + missed < 9.4:  # an answer for all but the last half second
            told = receive(client)
            heard, missed = told["at"], missed + told["missed"]
        assert missed > 1
        assert heard + missed < 10.1


def test_what_is_not_heard_yet_takes_little_memory(server: Server, listening: Callable[[], list[int]]) -> None:
    most, megabytes = b"\0" * (1 << 18), 20
    with session(server.url) as innocent, contextlib.ExitStack() as stack:
        receive(innocent)
        [worker] = listening()
        greedy = [stack.enter_context(session(server.url, {"rate": 192_000, "channels": 2})) for _ in range(3)]
        for client in greedy:
            receive(client)
        before = resident(server)
        os.kill(worker, signal.SIGSTOP)
        try:
            for client in greedy:
                for _ in range(megabytes * 4):
                    client.send(most)
                client.ping().wait(PATIENCE)
            assert resident(server) - before < 40
        finally:
            os.kill(worker, signal.SIGCONT)
        send(innocent, LOW[:11_025])
        assert receive(innocent)["genre"] == "low"
    wait_until(lambda: server.metric("genrelens_live_sessions ") == 0)  # that was all that one client may have


def test_a_message_that_is_too_large_is_not_taken(server: Server) -> None:
    with session(server.url, {"rate": 192_000, "channels": 2}) as client:
        client.send(b"\0" * (1 << 18) + b"\0" * 8)
        assert refusal(client)[0] == 1009


def resident(server: Server) -> float:
    """MB that the server itself has in memory."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def test_who_leaves_amid_an_answer_takes_it_along(server: Server, listening: Callable[[], list[int]]) -> None:
    with session(server.url) as stays:
        receive(stays)
        [worker] = listening()
        with session(server.url) as leaves:
            receive(leaves)
            os.kill(worker, signal.SIGSTOP)
            try:
                send(leaves, tone(6_000, 1.0, 22_050)[0])
                leaves.ping().wait(PATIENCE)
                leaves.close()
            finally:
                os.kill(worker, signal.SIGCONT)
        send(stays, LOW[:22_050])
        assert [receive(stays)["genre"] for _ in range(2)] == ["low", "low"]


def test_a_process_that_dies_is_told_of_and_replaced(server: Server, listening: Callable[[], list[int]]) -> None:
    with session(server.url) as client:
        receive(client)
        [worker] = listening()
        os.kill(worker, signal.SIGKILL)
        send(client, LOW[:22_050])
        code, problem = refusal(client)
    assert (code, problem["status"]) == (4503, 503)
    assert problem["title"].startswith("The process that listens has come to an end")
    with session(server.url) as client:
        assert "ready" in receive(client)
    assert server.get("/readyz").status_code == 200


def test_all_that_is_logged_is_json_whatever_is_heard(server: Server) -> None:
    broken = np.full(22_050 * 2, np.inf, "<f4")
    broken[::2] *= -1
    with session(server.url, {"rate": 22_050, "channels": 2}) as client:
        receive(client)
        client.send(broken.tobytes())
        assert receive(client)["level"] == -120.0
    wait_until(lambda: server.metric("genrelens_live_sessions ") == 0)
    assert not any("says something" in json.loads(line)["message"] for line in server.log)


def test_sessions_are_logged_without_what_was_heard(server: Server) -> None:
    heard = server.metric("genrelens_audio_seconds_total")
    with session(server.url) as client:
        receive(client)
        send(client, LOW[:22_050])
        assert [receive(client)["at"] for _ in range(2)] == [0.5, 1.0]
        wait_until(lambda: server.metric("genrelens_audio_seconds_total") >= heard + 0.99)  # and not when it ends
        client.send('{"stop": true}')
        refusal(client)
    wait_until(lambda: server.metric("genrelens_audio_seconds_total") == pytest.approx(heard + 1, abs=0.01))
    wait_until(lambda: [line for line in server.log if '"message": "session"' in line])
    line = json.loads([line for line in server.log if '"message": "session"' in line][-1])
    assert (line["code"], line["audio_seconds"], line["missed_seconds"]) == (1000, 1.0, 0.0)


def test_pages_from_elsewhere_are_not_listened_to(server: Server, model_file: Path) -> None:
    with pytest.raises(InvalidStatus) as refused, session(server.url, origin="https://example.com"):
        pass
    answer = refused.value.response
    assert answer.status_code == 403
    problem = json.loads(answer.body)
    assert problem["type"].endswith("ForeignPageError")
    wait_until(lambda: any(problem["instance"][9:] in line for line in server.log))
    assert server.metric('genrelens_requests_total{method="GET",route="none",status="403"}') >= 1
    with session(server.url, origin=server.url) as client:
        assert "ready" in receive(client)


def test_keys_come_in_the_header_or_in_the_greeting(model_file: Path) -> None:
    keys = (SecretStr("first"), SecretStr("second"))
    with serve_in_thread(model_file, api_keys=keys, cors=("https://example.org",)) as address:
        with session(address, origin="https://example.org") as client:
            code, problem = refusal(client)
        assert code == 4401
        assert "API key" in problem["detail"]
        with session(address, {**HELLO, "key": "third"}) as client:
            assert refusal(client)[0] == 4401
        with session(address, {**HELLO, "key": "second"}) as client:
            assert "ready" in receive(client)
        with session(address, {**HELLO, "key": "second"}, additional_headers={"Authorization": "Basic eDp5"}) as client:
            assert "ready" in receive(client)
        with session(address, additional_headers={"Authorization": "Bearer first"}) as client:
            assert "ready" in receive(client)


def test_who_does_not_greet_does_not_keep_others_out_for_ever(model_file: Path) -> None:
    limits = LiveLimits(greetings=4, share=1)
    with serve_in_thread(model_file, live=limits) as address, session(address) as first:
        assert "ready" in receive(first)
        with session(address) as second:
            assert refusal(second)[0] == 4429
        with connect(f"{address.replace('http', 'ws')}/v1/live") as silent:
            with pytest.raises(InvalidStatus) as refused, session(address):
                pass
            assert refused.value.response.status_code == 429
            silent.close()
            wait_until(lambda: _ends_as(address) == 4429)


def test_limits_hold_and_places_become_free_again(model_file: Path) -> None:
    limits = LiveLimits(sessions=2, share=3, greeting_seconds=0.5, idle_seconds=0.5, paused_seconds=2.0)
    with serve_in_thread(model_file, live=limits) as address:
        with session(address) as first, session(address) as second, session(address) as third:
            for client in (first, second):
                receive(client)
                client.send('{"pause": true}')
            code, problem = refusal(third)
            assert code == 4503
            assert problem["detail"].startswith("2 live sessions are under way")
        wait_until(lambda: _ends_as(address) == 4408)  # who is idle leaves
        with session(address) as client:
            receive(client)
            assert _ends_though(client, b"", '{"pause": false}') == 4408
        with session(address) as client:
            receive(client)
            assert (
                _ends_though(client, '{"pause": true}', '{"pause": false}', '{"pause": true}', LOW[:9].tobytes())
                == 4408
            )
        with connect(f"{address.replace('http', 'ws')}/v1/live") as client:
            assert refusal(client)[0] == 4408  # it never greets


def test_no_session_lasts_for_ever(model_file: Path) -> None:
    with serve_in_thread(model_file, live=LiveLimits(longest_seconds=1.0)) as address, session(address) as client:
        receive(client)
        assert _ends_though(client, LOW[:PIECE].tobytes()) == 4413


def _ends_though(client: ClientConnection, *messages: str | bytes) -> int | None:
    """How a session ends in which these are said again and again."""
    with contextlib.suppress(ConnectionClosed):
        for message in itertools.cycle(messages):
            client.send(message)
            time.sleep(0.05)
    return client.close_code


def _ends_as(address: str) -> int:
    with session(address) as client:
        return refusal(client)[0]


def test_the_server_ends_though_somebody_is_listened_to(tmp_path: Path, model_file: Path) -> None:
    with serve_process(tmp_path, "--model", str(model_file)) as server, session(server.url) as client:
        receive(client)
        workers = children(server.process.pid)
        assert len(workers) == 2
        server.process.send_signal(signal.SIGINT)
        assert refusal(client)[0] == 1012
        assert server.process.wait(PATIENCE) == 0
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    assert not any("exception" in line.lower() for line in server.log), server.log
