"""Analysis of files on the page."""

import base64
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.support.audio import encode, tone
from tests.support.browser import OpenTab, canvas_image, cursor_seconds
from tests.support.models import make_card
from tests.support.server import Server, serve_process

DROP = """async ([name, content]) => {
  const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type: "audio/wav"}));
  return transfer;
}"""


RECORD_TEXTS = """const fillText = CanvasRenderingContext2D.prototype.fillText;
window.drawnTexts = [];
CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
  drawnTexts.push(text);
  fillText.call(this, text, ...place);
}"""


def test_dropped_file_is_analysed_and_explained(open_tab: OpenTab, explaining_server: Server, melody: Path) -> None:
    tab = open_tab()
    content = base64.b64encode(melody.read_bytes()).decode()
    transfer = tab.page.evaluate_handle(DROP, ["melody.wav", content])
    tab.page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    card = tab.card("melody.wav")
    expect(card.locator(".genre")).to_have_text("Low")
    expect(card.locator(".confidence")).to_have_text(re.compile(r"^Confidence \d+ % . \w+"))
    assert [bar.inner_text() for bar in card.locator(".bar-name").all()] == ["Low", "High"]
    expect(card.get_by_role("img", name="Most probable genres over time")).to_have_accessible_name(
        "Most probable genres over time: Low from 0:00 to 0:04, High from 0:04 to 0:08"
    )
    card.get_by_text("Details per 1 s").click()
    expect(card.get_by_role("row")).to_have_count(1 + 15)
    assert tab.errors == []
    assert all(url.startswith((explaining_server.url, "blob:", "data:")) for url in tab.requests)


def test_one_file_plays_at_a_time(open_tab: OpenTab, melody: Path, low_song: Path) -> None:
    tab = open_tab()
    first, second = tab.analyse(melody, low_song)
    first.get_by_role("button", name="Play melody.wav").click()
    expect(first.locator(".clock")).to_have_text("0:01 / 0:08")
    second.get_by_role("button", name="Play low.wav").click()
    expect(first.get_by_role("button", name="Play melody.wav")).to_be_visible()
    second.get_by_role("button", name="Pause low.wav").click()
    expect(second.get_by_role("button", name="Play low.wav")).to_be_visible()
    assert tab.errors == []


@pytest.mark.parametrize(("share", "names"), [(0.6, {"Low", "High"}), (0.95, {"Low"})])
def test_areas_are_labelled_where_there_is_room(
    open_tab: OpenTab, explaining_server: Server, low_song: Path, share: float, names: set[str]
) -> None:
    answer = explaining_server.post(low_song, query="?explain=cam").json()
    scores = [{"label": "low", "score": share}, {"label": "high", "score": 1 - share}]
    for segment in answer["results"][0]["segments"]:
        segment["scores"] = scores
    tab = open_tab(script=RECORD_TEXTS)
    tab.page.route("**/v1/predictions*", lambda route: route.fulfill(json=answer))
    [card] = tab.analyse(low_song)
    expect(card.get_by_role("img", name="Most probable genres over time")).to_be_visible()
    assert {"Low", "High"} & set(tab.page.evaluate("drawnTexts")) == names


def test_click_moves_the_cursor(open_tab: OpenTab, melody: Path) -> None:
    tab = open_tab()
    [card] = tab.analyse(melody)
    lane = card.locator(".lane-genres")
    box = lane.bounding_box()
    assert box
    tab.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 20)
    assert cursor_seconds(card) == 6
    expect(card.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile(r"6 seconds, High \d+ %"))
    card.get_by_role("button", name="Play melody.wav").click()
    expect(card.locator(".clock")).to_have_text("0:07 / 0:08")


def test_another_genre_can_be_explained(open_tab: OpenTab, melody: Path) -> None:
    tab = open_tab()
    [card] = tab.analyse(melody)
    spectrogram, attribution = (card.locator(f".lane-{kind} canvas") for kind in ("spectrogram", "attribution"))
    expect(attribution).to_have_accessible_name("Strongest evidence for Low: 0:00 to 0:03")
    before = canvas_image(spectrogram), canvas_image(attribution)
    card.get_by_role("radio", name="High").check()
    expect(attribution).to_have_accessible_name(re.compile("Strongest evidence for High: 0:0[45] to 0:0[78]"))
    assert canvas_image(spectrogram) != before[0]
    assert canvas_image(attribution) != before[1]
    card.locator(".chip").first.click()
    assert cursor_seconds(card) >= 4
    expect(card.get_by_role("button", name="Pause melody.wav")).to_be_visible()
    with_overlay = canvas_image(spectrogram)
    card.get_by_label("Evidence on the spectrum").uncheck()
    assert canvas_image(spectrogram) != with_overlay
    assert tab.errors == []


def test_error_is_shown_in_the_card_of_its_file(open_tab: OpenTab, text_file: Path, low_song: Path) -> None:
    bad, good = open_tab().analyse(text_file, low_song)
    expect(bad.get_by_role("alert")).to_contain_text("notes.txt is not audio")
    expect(bad.get_by_role("button", name="Try again")).to_be_visible()
    expect(good.locator(".genre")).to_have_text("Low")


def test_waveform_of_undecodable_file_is_estimated_from_the_spectrogram(open_tab: OpenTab, tmp_path: Path) -> None:
    file = encode(tmp_path / "old.wma", tone(150, 3), codec="wmav2")
    [card] = open_tab().analyse(file)
    expect(card.locator(".warnings")).to_contain_text("the waveform is estimated from the spectrogram")
    expect(card.locator(".warnings")).to_contain_text("cannot play this format")
    expect(card.get_by_role("button", name="Play old.wma")).to_be_disabled()
    card.get_by_role("slider").press("End")
    assert cursor_seconds(card) == 3


def test_file_names_are_not_interpreted_as_html(open_tab: OpenTab, tmp_path: Path, low_song: Path) -> None:
    file = tmp_path / "<img src=x onerror=alert(1)>.wav"
    file.write_bytes(low_song.read_bytes())
    tab = open_tab()
    [card] = tab.analyse(file)
    expect(card.locator("h2")).to_have_text(file.name)
    assert tab.errors == []


def test_unknown_genre_is_explained(open_tab: OpenTab, explaining_server: Server, low_song: Path) -> None:
    answer = explaining_server.post(low_song, query="?explain=cam").json()
    answer["results"][0] |= {"genre": "unknown", "genres": ["unknown"], "music": 0.1, "warnings": ["it is short"]}
    tab = open_tab()
    tab.page.route("**/v1/predictions*", lambda route: route.fulfill(json=answer))
    [card] = tab.analyse(low_song)
    expect(card.locator(".genre")).to_have_text("Unknown")
    expect(card.locator(".confidence")).to_have_text("Probably not music (music: 10 %). Closest genre: Low.")
    expect(card.locator(".warnings")).to_contain_text("it is short")


def test_request_is_retried_while_the_server_is_busy(open_tab: OpenTab, low_song: Path) -> None:
    tab = open_tab()
    problem = {"type": "tag:genrelens,2026:OverloadedError", "title": "-", "status": 503, "detail": "no more"}
    answers = iter([503])

    def busy(route: Route) -> None:
        if next(answers, None):
            route.fulfill(status=503, headers={"Retry-After": "1"}, json=problem)
        else:
            route.continue_()

    tab.page.route("**/v1/predictions*", busy)
    tab.page.locator("#files").set_input_files(low_song)
    card = tab.card("low.wav")
    expect(card.locator(".progress-text")).to_have_text("The server is busy; retrying in 1 s")
    expect(card.locator(".genre")).to_have_text("Low")


def test_two_files_can_be_compared(open_tab: OpenTab, melody: Path, low_song: Path, tmp_path: Path) -> None:
    high_song = encode(tmp_path / "high.wav", tone(6_000, 3), codec="pcm_s16le")
    tab = open_tab()
    [first] = tab.analyse(melody)
    expect(first.get_by_role("button", name="Compare")).to_be_hidden()
    cards = tab.analyse(low_song, high_song)
    cards[0].get_by_role("slider").press("End")
    for card in cards:
        card.get_by_role("button", name="Compare").click()
    comparison = tab.page.get_by_role("region", name="Comparison")
    expect(comparison.locator(".genre")).to_have_text(["Low", "High"])
    expect(comparison.locator(".clock")).to_have_text(["0:03 / 0:03", "0:00 / 0:03"])
    expect(comparison.locator(".pair-summary")).to_contain_text("points higher for")
    expect(comparison.get_by_role("row")).to_have_count(1 + 2)
    comparison.get_by_role("button", name="Close").click()
    expect(comparison).to_be_hidden()
    assert tab.errors == []


def test_result_can_be_downloaded(open_tab: OpenTab, low_song: Path) -> None:
    tab = open_tab()
    [card] = tab.analyse(low_song)
    with tab.page.expect_download() as saved:
        card.get_by_role("button", name="Save as JSON").click()
    assert saved.value.suggested_filename == "low.genre.json"
    answer = json.loads(Path(saved.value.path()).read_text())
    assert answer["path"] == "low.wav"
    assert [explanation["genre"] for explanation in answer["explanations"]] == ["low", "high"]
    with tab.page.expect_download() as saved:
        card.get_by_role("button", name="Save as image").click()
    assert saved.value.suggested_filename == "low.genre.png"
    picture = Path(saved.value.path()).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20]) == 2400
    assert len(picture) > 20_000  # not a blank image


def test_sample_has_several_styles(open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.page.get_by_role("button", name="Try a sample").click()
    card = tab.card("sample.wav")
    expect(card.locator(".clock")).to_have_text("0:00 / 0:42")
    answer = card.locator(".lane-attribution canvas").get_attribute("aria-label") or ""
    begins = [int(seconds) for seconds in re.findall(r"0:(\d\d) to", answer)]
    assert answer.startswith("Strongest evidence for Low")
    assert all(begin < 10 or begin >= 30 for begin in begins)  # the strings, without drums
    assert tab.errors == []


def test_untraceable_model_is_explained_by_occlusion(open_tab: OpenTab, server: Server, low_song: Path) -> None:
    tab = open_tab(server.url)
    [card] = tab.analyse(low_song)
    expect(card.get_by_role("radio")).to_have_count(0)
    card.get_by_role("button", name="Explain by occlusion (slow)").click()
    expect(card.get_by_role("radio", name="Low")).to_be_checked()


def test_key_is_requested_once(open_tab: OpenTab, tmp_path: Path, traceable_model: Path, low_song: Path) -> None:
    with serve_process(tmp_path / "spool", "--model", str(traceable_model), "--api-key", "open-sesame") as locked:
        tab = open_tab(locked.url)
        dialog = tab.page.get_by_role("dialog")
        for key in ("wrong", "open-sesame"):
            dialog.get_by_label("Key").fill(key)
            dialog.get_by_label("Key").press("Enter")
            if key == "wrong":
                expect(dialog.get_by_role("alert")).to_have_text("The server rejected that key.")
        expect(dialog).to_be_hidden()
        [card] = tab.analyse(low_song)
        expect(card.locator(".genre")).to_have_text("Low")
        tab.page.close()


def test_model_dialog_shows_the_card(open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.page.get_by_role("button", name="About the model").click()
    dialog = tab.page.get_by_role("dialog", name="tilt")
    expect(dialog).to_contain_text(make_card().summary)
    expect(dialog).to_contain_text("Low and High")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_analysis_does_not_wait_for_the_list_of_models(open_tab: OpenTab, low_song: Path) -> None:
    tab = open_tab(script="fetch = () => new Promise(() => {})")
    [card] = tab.analyse(low_song)
    expect(card.locator(".genre")).to_have_text("Low")


def test_two_tabs_work_concurrently(open_tab: OpenTab, melody: Path, low_song: Path) -> None:
    first, second = open_tab(), open_tab()
    for tab, file in ((first, melody), (second, low_song)):
        tab.page.locator("#files").set_input_files([file, file])
    for tab, file in ((first, melody), (second, low_song)):
        expect(tab.card(file.name).locator(".genre")).to_have_text(["Low", "Low"])
        assert tab.errors == []


def test_unreachable_server_is_reported(open_tab: OpenTab, low_song: Path) -> None:
    tab = open_tab()
    tab.page.route("**/v1/predictions*", lambda route: route.abort())
    [card] = tab.analyse(low_song)
    expect(card.get_by_role("alert")).to_contain_text("The server may have stopped")
    tab.page.unroute("**/v1/predictions*")
    card.get_by_role("button", name="Try again").click()
    expect(card.locator(".genre")).to_have_text("Low")
