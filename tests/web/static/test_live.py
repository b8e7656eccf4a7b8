"""Live classification on the page, from a simulated microphone."""

import json
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.support.browser import OpenTab, Tab
from tests.support.server import serve_process

REFUSE = """navigator.mediaDevices.getUserMedia = navigator.mediaDevices.getDisplayMedia =
  async () => { throw new DOMException("raised by the test", "%s"); }"""
EXPOSE_STREAM = """const request = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (constraints) => window.stream = await request(constraints)"""
MUTE_TAB = """navigator.mediaDevices.getDisplayMedia = async () => document.createElement("canvas").captureStream()"""
TAB = """navigator.mediaDevices.getDisplayMedia = async () => {
  const context = new AudioContext();
  const tone = new OscillatorNode(context, {frequency: 6000});
  const out = context.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  return out.stream;
}"""


def test_microphone_is_classified_until_it_is_stopped(open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.start_live()
    live = tab.page.get_by_role("region", name="Live")
    expect(live.locator("#live-genre")).to_have_text("Low")
    expect(live.get_by_role("img")).to_have_accessible_name(re.compile(r"Genres over 0:\d\d so far; now Low"))
    assert live.get_by_role("meter").evaluate("meter => meter.value") > 0.8
    expect(live.locator("#live-genre")).to_have_text("High")
    live.get_by_role("button", name="Pause").click()
    expect(live.locator("#live-status")).to_contain_text("Paused at 0:")
    assert live.get_by_role("meter").evaluate("meter => meter.value") == 0
    status = live.locator("#live-status").inner_text()
    tab.page.wait_for_timeout(1_000)  # no predictions may arrive
    expect(live.locator("#live-status")).to_have_text(status)
    live.get_by_role("button", name="Resume").click()
    expect(live.locator("#live-status")).not_to_contain_text("Paused")
    live.get_by_role("button", name="Stop").click()
    expect(live.locator("#live-status")).to_contain_text("Stopped at 0:")
    live.get_by_role("button", name="Close").click()
    expect(live).to_be_hidden()
    assert tab.errors == []


def test_result_scrolls_into_view(open_tab: OpenTab) -> None:
    tab = open_tab(width=360, height=740)
    tab.start_live()
    expect(tab.page.locator("#live-bars .bar").last).to_be_in_viewport()


def test_tab_audio_is_classified(open_tab: OpenTab) -> None:
    tab = open_tab(script=TAB)
    tab.start_live("Share tab audio")
    expect(tab.page.locator("#live-genre")).to_have_text("High")
    assert tab.errors == []


def test_two_tabs_listen_concurrently(open_tab: OpenTab) -> None:
    visits = [open_tab(), open_tab()]
    for tab in visits:
        tab.start_live()
    for tab in visits:
        expect(tab.page.locator("#live-genre")).not_to_be_empty()
        assert tab.errors == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("NotAllowedError", "Microphone access was denied"),
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "another program may be using it"),
        ("OddError", "The browser could not capture audio: raised by the test"),
    ],
)
def test_unavailable_microphone_is_reported(open_tab: OpenTab, error: str, message: str) -> None:
    tab = open_tab(script=REFUSE % error)
    tab.start_live()
    expect(tab.page.locator("#live-problem")).to_contain_text(message)
    expect(tab.page.get_by_role("button", name="Use the microphone")).to_be_visible()


def test_tab_without_audio_is_reported(open_tab: OpenTab) -> None:
    tab = open_tab(script=MUTE_TAB)
    tab.start_live("Share tab audio")
    expect(tab.page.locator("#live-problem")).to_contain_text("The tab was shared without audio")


def test_disconnected_microphone_is_reported(open_tab: OpenTab) -> None:
    tab = open_tab(script=EXPOSE_STREAM)
    tab.start_live()
    expect(tab.page.locator("#live-genre")).not_to_be_empty()
    tab.page.evaluate("stream.getAudioTracks()[0].dispatchEvent(new Event('ended'))")
    expect(tab.page.locator("#live-problem")).to_contain_text("The microphone was disconnected")
    expect(tab.page.locator("#live-status")).to_contain_text("Stopped at 0:")


def test_lost_connection_is_reported(open_tab: OpenTab, traceable_model: Path, tmp_path: Path) -> None:
    with serve_process(tmp_path / "spool", "--model", str(traceable_model)) as server:
        tab = open_tab(server.url)
        tab.start_live()
        expect(tab.page.locator("#live-genre")).not_to_be_empty()
        server.process.send_signal(signal.SIGKILL)
        expect(tab.page.locator("#live-problem")).to_have_text(
            "The connection to the server was lost. Start again when the server is back."
        )


def test_full_server_is_reported(open_tab: OpenTab) -> None:
    tab = open_tab()

    def full(socket: WebSocketRoute) -> None:
        socket.send('{"problem": {"title": "-", "status": 429, "detail": "8 live sessions at most; try later"}}')
        socket.close(code=4429)

    tab.page.route_web_socket("**/v1/live", full)
    tab.start_live()
    expect(tab.page.locator("#live-problem")).to_have_text("8 live sessions at most; try later.")


def live_prediction(at: float, **changes: object) -> str:
    """Return the message of a server after `at` seconds of audio."""
    scores = [{"label": "low", "score": 0.9}, {"label": "high", "score": 0.1}]
    usual = {
        "at": at,
        "genre": "low",
        "genres": ["low"],
        "confidence": 0.9,
        "music": 0.9,
        "scores": scores,
        "level": -9,
    }
    return json.dumps(usual | {"missed": 0, **changes})


def start_simulated(tab: Tab, count: int, since: int = 0, **changes: object) -> None:
    """Start a session in which `count` predictions arrive at once, those after the first `since` with changes."""

    def simulate(socket: WebSocketRoute) -> None:
        socket.on_message(lambda _: None)  # samples of the microphone
        socket.send('{"ready": {"model": "tilt", "labels": ["low", "high"], "window": 1, "hop": 0.5}}')
        for number in range(1, count + 1):
            socket.send(live_prediction(number / 2, **(changes if number > since else {})))

    tab.page.route_web_socket("**/v1/live", simulate)
    tab.start_live()


def test_long_session_is_thinned_out(open_tab: OpenTab) -> None:
    tab = open_tab()
    start_simulated(tab, 1_300)
    expect(tab.page.locator("#live-status")).to_have_text("10:50")
    expect(tab.page.locator("#live-canvas")).to_have_accessible_name("Genres over 10:50 so far; now Low")
    assert tab.errors == []


@pytest.mark.parametrize(
    ("changes", "since", "status"),
    [
        ({"level": -90}, 14, "0:10 – hardly any signal. Is the input muted?"),  # noqa: RUF001
        ({"level": -90}, 15, "0:10"),  # may be the end of a song
        ({"missed": 1.5}, 19, "0:10 – the server is overloaded and skips some audio."),  # noqa: RUF001
        ({"filling": True}, 19, "0:10 – first results are approximate."),  # noqa: RUF001
    ],
)
def test_poor_input_is_reported(open_tab: OpenTab, changes: dict[str, object], since: int, status: str) -> None:
    tab = open_tab()
    start_simulated(tab, 20, since, **changes)
    expect(tab.page.locator("#live-status")).to_have_text(status)
    assert tab.errors == []


def test_key_is_sent_with_the_first_message(open_tab: OpenTab, traceable_model: Path, tmp_path: Path) -> None:
    with serve_process(tmp_path / "spool", "--model", str(traceable_model), "--api-key", "open-sesame") as locked:
        tab = open_tab(locked.url)
        tab.page.get_by_label("API key", exact=True).fill("open-sesame")
        tab.page.get_by_label("API key", exact=True).press("Enter")
        expect(tab.page.get_by_role("button", name="About the model")).to_be_enabled()
        tab.start_live()
        expect(tab.page.locator("#live-genre")).not_to_be_empty()
        tab.page.close()
