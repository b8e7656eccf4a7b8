"""Live listening on the page, from a microphone that plays a file."""

import json
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.support.server import serve_process
from tests.web.static.conftest import Open, Visit

REFUSE = """navigator.mediaDevices.getUserMedia = navigator.mediaDevices.getDisplayMedia =
  async () => { throw new DOMException("told by the test", "%s"); }"""
KEEP_STREAM = """const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wish) => window.stream = await asked(wish)"""
MUTE_TAB = """navigator.mediaDevices.getDisplayMedia = async () => document.createElement("canvas").captureStream()"""
TAB = """navigator.mediaDevices.getDisplayMedia = async () => {
  const context = new AudioContext();
  const tone = new OscillatorNode(context, {frequency: 6000});
  const out = context.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  return out.stream;
}"""


def listen(visit: Visit, source: str = "Use the microphone") -> None:
    visit.page.get_by_role("button", name="Listen live").click()
    visit.page.get_by_role("button", name=source).click()


def test_the_microphone_is_heard_until_it_is_stopped(open_page: Open) -> None:
    visit = open_page()
    listen(visit)
    live = visit.page.get_by_role("region", name="Live")
    expect(live.locator("#live-genre")).to_have_text("low")
    expect(live.get_by_role("img")).to_have_accessible_name(re.compile(r"Genres over 0:\d\d so far; now low"))
    assert live.get_by_role("meter").evaluate("meter => meter.value") > 0.8
    expect(live.locator("#live-genre")).to_have_text("high")
    live.get_by_role("button", name="Pause").click()
    expect(live.locator("#live-words")).to_contain_text("Paused at 0:")
    assert live.get_by_role("meter").evaluate("meter => meter.value") == 0
    words = live.locator("#live-words").inner_text()
    visit.page.wait_for_timeout(1_000)  # in which nothing may come
    expect(live.locator("#live-words")).to_have_text(words)
    live.get_by_role("button", name="Go on").click()
    expect(live.locator("#live-words")).not_to_contain_text("Paused")
    live.get_by_role("button", name="Stop").click()
    expect(live.locator("#live-words")).to_contain_text("Heard 0:")
    live.get_by_role("button", name="Close").click()
    expect(live).to_be_hidden()
    assert visit.complaints == []


def test_what_is_heard_comes_into_view(open_page: Open) -> None:
    visit = open_page(width=360, height=740)
    listen(visit)
    expect(visit.page.locator("#live-bars .bar").last).to_be_in_viewport()


def test_a_tab_is_heard(open_page: Open) -> None:
    visit = open_page(script=TAB)
    listen(visit, "Share the sound of a tab")
    expect(visit.page.locator("#live-genre")).to_have_text("high")
    assert visit.complaints == []


def test_two_tabs_listen_at_once(open_page: Open) -> None:
    visits = [open_page(), open_page()]
    for visit in visits:
        listen(visit)
    for visit in visits:
        expect(visit.page.locator("#live-genre")).not_to_be_empty()
        assert visit.complaints == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NotAllowedError", "was not allowed to use the microphone"),
        ("NotFoundError", "There is no microphone"),
        ("NotReadableError", "perhaps another program has it"),
        ("OddError", "The browser could not listen: told by the test"),
    ],
)
def test_no_microphone_is_told_in_words(open_page: Open, error: str, words: str) -> None:
    visit = open_page(script=REFUSE % error)
    listen(visit)
    expect(visit.page.locator("#live-problem")).to_contain_text(words)
    expect(visit.page.get_by_role("button", name="Use the microphone")).to_be_visible()


def test_a_tab_without_sound_is_told_in_words(open_page: Open) -> None:
    visit = open_page(script=MUTE_TAB)
    listen(visit, "Share the sound of a tab")
    expect(visit.page.locator("#live-problem")).to_contain_text("That was shared without its sound")


def test_a_lost_microphone_is_told_in_words(open_page: Open) -> None:
    visit = open_page(script=KEEP_STREAM)
    listen(visit)
    expect(visit.page.locator("#live-genre")).not_to_be_empty()
    visit.page.evaluate("stream.getAudioTracks()[0].dispatchEvent(new Event('ended'))")
    expect(visit.page.locator("#live-problem")).to_contain_text("The microphone has gone")
    expect(visit.page.locator("#live-words")).to_contain_text("Heard 0:")


def test_a_server_that_goes_is_told_in_words(open_page: Open, explained_file: Path, tmp_path: Path) -> None:
    with serve_process(tmp_path / "spool", "--model", str(explained_file)) as mortal:
        visit = open_page(mortal.url)
        listen(visit)
        expect(visit.page.locator("#live-genre")).not_to_be_empty()
        mortal.process.send_signal(signal.SIGKILL)
        expect(visit.page.locator("#live-problem")).to_have_text("The server has gone. Start again when it is back.")


def test_a_full_server_is_told_in_words(open_page: Open) -> None:
    visit = open_page()

    def full(socket: WebSocketRoute) -> None:
        socket.send('{"problem": {"title": "-", "status": 429, "detail": "8 can be listened to at once; try later"}}')
        socket.close(code=4429)

    visit.page.route_web_socket("**/v1/live", full)
    listen(visit)
    expect(visit.page.locator("#live-problem")).to_have_text("8 can be listened to at once; try later.")


def answer(at: float, **changes: object) -> str:
    """What a server tells at a time."""
    scores = [{"label": "low", "score": 0.9}, {"label": "high", "score": 0.1}]
    plain = {
        "at": at,
        "genre": "low",
        "genres": ["low"],
        "confidence": 0.9,
        "music": 0.9,
        "scores": scores,
        "level": -9,
    }
    return json.dumps(plain | {"missed": 0, **changes})


def told(visit: Visit, halves: int, since: int = 0, **changes: object) -> None:
    """Listen, and be answered so often at once; after the first so many, otherwise."""

    def talk(socket: WebSocketRoute) -> None:
        socket.on_message(lambda _: None)  # what the microphone hears
        socket.send('{"ready": {"model": "tilt", "labels": ["low", "high"], "window": 1, "hop": 0.5}}')
        for half in range(1, halves + 1):
            socket.send(answer(half / 2, **(changes if half > since else {})))

    visit.page.route_web_socket("**/v1/live", talk)
    listen(visit)


def test_a_long_session_shows_its_last_minutes(open_page: Open) -> None:
    visit = open_page()
    told(visit, 1_300)
    expect(visit.page.locator("#live-words")).to_have_text("10:50")
    expect(visit.page.locator("#live-canvas")).to_have_accessible_name("Genres over 10:50 so far; now low")
    assert visit.complaints == []


@pytest.mark.parametrize(
    ("changes", "since", "words"),
    [
        ({"level": -90}, 14, "0:10 – hardly a sound. Is it muted?"),  # noqa: RUF001
        ({"level": -90}, 15, "0:10"),  # it may be the end of a song
        ({"missed": 1.5}, 19, "0:10 – the server is too busy to hear all of it."),  # noqa: RUF001
        ({"filling": True}, 19, "0:10 – the first answers are rough."),  # noqa: RUF001
    ],
)
def test_what_is_amiss_is_told_in_words(open_page: Open, changes: dict[str, object], since: int, words: str) -> None:
    visit = open_page()
    told(visit, 20, since, **changes)
    expect(visit.page.locator("#live-words")).to_have_text(words)
    assert visit.complaints == []


def test_the_key_goes_with_the_greeting(open_page: Open, explained_file: Path, tmp_path: Path) -> None:
    with serve_process(tmp_path / "spool", "--model", str(explained_file), "--api-key", "open-sesame") as locked:
        visit = open_page(locked.url)
        visit.page.get_by_label("Key", exact=True).fill("open-sesame")
        visit.page.get_by_label("Key", exact=True).press("Enter")
        expect(visit.page.get_by_role("button", name="About the model")).to_be_enabled()
        listen(visit)
        expect(visit.page.locator("#live-genre")).not_to_be_empty()
        visit.page.close()
