"""Files on the page, in a real browser."""

import base64
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.support.audio import encode, tone
from tests.support.server import Server, serve_process
from tests.web.static.conftest import Open, cursor, pixels

DROP = """async ([name, content]) => {
  const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name, {type: "audio/wav"}));
  return dropped;
}"""


KEEP_WORDS = """const write = CanvasRenderingContext2D.prototype.fillText;
window.written = [];
CanvasRenderingContext2D.prototype.fillText = function (words, ...where) {
  written.push(words);
  write.call(this, words, ...where);
}"""


def test_a_dropped_file_is_judged_and_explained(open_page: Open, explaining: Server, melody: Path) -> None:
    visit = open_page()
    content = base64.b64encode(melody.read_bytes()).decode()
    dropped = visit.page.evaluate_handle(DROP, ["melody.wav", content])
    visit.page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    sheet = visit.sheet("melody.wav")
    expect(sheet.locator(".genre")).to_have_text("low")
    expect(sheet.locator(".sureness")).to_have_text(re.compile(r"^\d+ % . \w+"))
    assert [bar.inner_text() for bar in sheet.locator(".bar-name").all()] == ["low", "high"]
    expect(sheet.get_by_role("img", name="Most probable genres over time")).to_have_accessible_name(
        "Most probable genres over time: low from 0:00 to 0:04, high from 0:04 to 0:08"
    )
    sheet.get_by_text("Window by window").click()
    expect(sheet.get_by_role("row")).to_have_count(1 + 15)
    assert visit.complaints == []
    assert all(url.startswith((explaining.url, "blob:", "data:")) for url in visit.asked)


def test_it_plays_and_one_file_at_a_time(open_page: Open, melody: Path, low_song: Path) -> None:
    visit = open_page()
    first, second = visit.choose(melody, low_song)
    first.get_by_role("button", name="Play melody.wav").click()
    expect(first.locator(".clock")).to_have_text("0:01 / 0:08")
    second.get_by_role("button", name="Play low.wav").click()
    expect(first.get_by_role("button", name="Play melody.wav")).to_be_visible()
    second.get_by_role("button", name="Pause low.wav").click()
    expect(second.get_by_role("button", name="Play low.wav")).to_be_visible()
    assert visit.complaints == []


@pytest.mark.parametrize(("share", "names"), [(0.6, {"low", "high"}), (0.95, {"low"})])
def test_genres_are_named_where_there_is_room(
    open_page: Open, explaining: Server, low_song: Path, share: float, names: set[str]
) -> None:
    told = explaining.post(low_song, query="?explain=cam").json()
    scores = [{"label": "low", "score": share}, {"label": "high", "score": 1 - share}]
    for segment in told["results"][0]["segments"]:
        segment["scores"] = scores
    visit = open_page(script=KEEP_WORDS)
    visit.page.route("**/v1/predictions*", lambda route: route.fulfill(json=told))
    [sheet] = visit.choose(low_song)
    expect(sheet.get_by_role("img", name="Most probable genres over time")).to_be_visible()
    assert {"low", "high"} & set(visit.page.evaluate("written")) == names


def test_a_click_goes_to_that_moment(open_page: Open, melody: Path) -> None:
    visit = open_page()
    [sheet] = visit.choose(melody)
    lane = sheet.locator(".lane-genres")
    box = lane.bounding_box()
    assert box
    visit.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 20)
    assert cursor(sheet) == 6
    expect(sheet.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile(r"6 seconds, high \d+ %"))
    sheet.get_by_role("button", name="Play melody.wav").click()
    expect(sheet.locator(".clock")).to_have_text("0:07 / 0:08")


def test_another_genre_is_explained(open_page: Open, melody: Path) -> None:
    visit = open_page()
    [sheet] = visit.choose(melody)
    spectrum, evidence = (sheet.locator(f".lane-{kind} canvas") for kind in ("spectrum", "evidence"))
    expect(evidence).to_have_accessible_name("What speaks most for low: 0:00 to 0:03")
    before = pixels(spectrum), pixels(evidence)
    sheet.get_by_role("radio", name="high").check()
    expect(evidence).to_have_accessible_name(re.compile("What speaks most for high: 0:0[45] to 0:0[78]"))
    assert pixels(spectrum) != before[0]
    assert pixels(evidence) != before[1]
    sheet.locator(".chip").first.click()
    assert cursor(sheet) >= 4
    expect(sheet.get_by_role("button", name="Pause melody.wav")).to_be_visible()
    lit = pixels(spectrum)
    sheet.get_by_label("Light on the spectrum").uncheck()
    assert pixels(spectrum) != lit
    assert visit.complaints == []


def test_what_is_wrong_is_told_beside_the_file(open_page: Open, text_file: Path, low_song: Path) -> None:
    bad, good = open_page().choose(text_file, low_song)
    expect(bad.get_by_role("alert")).to_contain_text("notes.txt is not audio")
    expect(bad.get_by_role("button", name="Try again")).to_be_visible()
    expect(good.locator(".genre")).to_have_text("low")


def test_what_the_browser_cannot_decode_is_drawn_from_the_spectrum(open_page: Open, tmp_path: Path) -> None:
    file = encode(tmp_path / "old.wma", tone(150, 3), codec="wmav2")
    [sheet] = open_page().choose(file)
    expect(sheet.locator(".notes")).to_contain_text("the waveform is drawn from the spectrum")
    expect(sheet.locator(".notes")).to_contain_text("cannot play this format")
    expect(sheet.get_by_role("button", name="Play old.wma")).to_be_disabled()
    sheet.get_by_role("slider").press("End")
    assert cursor(sheet) == 3


def test_names_of_files_are_text(open_page: Open, tmp_path: Path, low_song: Path) -> None:
    file = tmp_path / "<img src=x onerror=alert(1)>.wav"
    file.write_bytes(low_song.read_bytes())
    visit = open_page()
    [sheet] = visit.choose(file)
    expect(sheet.locator("h2")).to_have_text(file.name)
    assert visit.complaints == []


def test_unknown_is_explained_in_words(open_page: Open, explaining: Server, low_song: Path) -> None:
    told = explaining.post(low_song, query="?explain=cam").json()
    told["results"][0] |= {"genre": "unknown", "genres": ["unknown"], "music": 0.1, "warnings": ["it is short"]}
    visit = open_page()
    visit.page.route("**/v1/predictions*", lambda route: route.fulfill(json=told))
    [sheet] = visit.choose(low_song)
    expect(sheet.locator(".genre")).to_have_text("Unknown")
    expect(sheet.locator(".sureness")).to_have_text(
        "This hardly sounds like music (10 %). Were it music, low would be closest."
    )
    expect(sheet.locator(".notes")).to_contain_text("it is short")


def test_a_busy_server_is_asked_again(open_page: Open, low_song: Path) -> None:
    visit = open_page()
    problem = {"type": "tag:genrelens,2026:OverloadedError", "title": "-", "status": 503, "detail": "no more"}
    answers = iter([503])

    def busy(route: Route) -> None:
        if next(answers, None):
            route.fulfill(status=503, headers={"Retry-After": "1"}, json=problem)
        else:
            route.continue_()

    visit.page.route("**/v1/predictions*", busy)
    visit.page.locator("#files").set_input_files(low_song)
    sheet = visit.sheet("low.wav")
    expect(sheet.locator(".step")).to_have_text("The server is busy; asking again in 1 s")
    expect(sheet.locator(".genre")).to_have_text("low")


def test_two_files_are_compared(open_page: Open, melody: Path, low_song: Path, tmp_path: Path) -> None:
    high_song = encode(tmp_path / "high.wav", tone(6_000, 3), codec="pcm_s16le")
    visit = open_page()
    [first] = visit.choose(melody)
    expect(first.get_by_role("button", name="Compare")).to_be_hidden()
    sheets = visit.choose(low_song, high_song)
    sheets[0].get_by_role("slider").press("End")
    for sheet in sheets:
        sheet.get_by_role("button", name="Compare").click()
    comparison = visit.page.get_by_role("region", name="Side by side")
    expect(comparison.locator(".genre")).to_have_text(["low", "high"])
    expect(comparison.locator(".clock")).to_have_text(["0:03 / 0:03", "0:00 / 0:03"])
    expect(comparison.locator(".pair-words")).to_contain_text("points more in")
    expect(comparison.get_by_role("row")).to_have_count(1 + 2)
    comparison.get_by_role("button", name="Close").click()
    expect(comparison).to_be_hidden()
    assert visit.complaints == []


def test_a_result_can_be_kept(open_page: Open, low_song: Path) -> None:
    visit = open_page()
    [sheet] = visit.choose(low_song)
    with visit.page.expect_download() as saved:
        sheet.get_by_role("button", name="Save as JSON").click()
    assert saved.value.suggested_filename == "low.genre.json"
    told = json.loads(Path(saved.value.path()).read_text())
    assert told["path"] == "low.wav"
    assert [one["genre"] for one in told["explanations"]] == ["low", "high"]
    with visit.page.expect_download() as saved:
        sheet.get_by_role("button", name="Save as picture").click()
    assert saved.value.suggested_filename == "low.genre.png"
    picture = Path(saved.value.path()).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20]) == 2400
    assert len(picture) > 20_000  # much is drawn on it


def test_the_sample_has_several_styles(open_page: Open) -> None:
    visit = open_page()
    visit.page.get_by_role("button", name="Try a sample").click()
    sheet = visit.sheet("sample.wav")
    expect(sheet.locator(".clock")).to_have_text("0:00 / 0:42")
    told = sheet.locator(".lane-evidence canvas").get_attribute("aria-label") or ""
    begins = [int(seconds) for seconds in re.findall(r"0:(\d\d) to", told)]
    assert told.startswith("What speaks most for low")
    assert all(begin < 10 or begin >= 30 for begin in begins)  # where the strings are, with no drums above them
    assert visit.complaints == []


def test_a_model_that_cannot_be_traced_is_explained_slowly(open_page: Open, server: Server, low_song: Path) -> None:
    visit = open_page(server.url)
    [sheet] = visit.choose(low_song)
    expect(sheet.get_by_role("radio")).to_have_count(0)
    sheet.get_by_role("button", name="Explain it slowly").click()
    expect(sheet.get_by_role("radio", name="low")).to_be_checked()


def test_the_key_is_asked_for_once(open_page: Open, tmp_path: Path, explained_file: Path, low_song: Path) -> None:
    with serve_process(tmp_path / "spool", "--model", str(explained_file), "--api-key", "open-sesame") as locked:
        visit = open_page(locked.url)
        dialog = visit.page.get_by_role("dialog")
        for key in ("wrong", "open-sesame"):
            dialog.get_by_label("Key").fill(key)
            dialog.get_by_label("Key").press("Enter")
            if key == "wrong":
                expect(dialog.get_by_role("alert")).to_have_text("That key was not taken.")
        expect(dialog).to_be_hidden()
        [sheet] = visit.choose(low_song)
        expect(sheet.locator(".genre")).to_have_text("low")
        visit.page.close()


def test_the_model_is_told_about(open_page: Open) -> None:
    visit = open_page()
    visit.page.get_by_role("button", name="About the model").click()
    dialog = visit.page.get_by_role("dialog", name="tilt")
    expect(dialog).to_contain_text("Tells low sounds from high ones.")
    expect(dialog).to_contain_text("low and high")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_a_file_need_not_wait_for_the_list_of_models(open_page: Open, low_song: Path) -> None:
    visit = open_page(script="fetch = () => new Promise(() => {})")
    [sheet] = visit.choose(low_song)
    expect(sheet.locator(".genre")).to_have_text("low")


def test_two_tabs_work_at_once(open_page: Open, melody: Path, low_song: Path) -> None:
    one, other = open_page(), open_page()
    for visit, file in ((one, melody), (other, low_song)):
        visit.page.locator("#files").set_input_files([file, file])
    for visit, file in ((one, melody), (other, low_song)):
        expect(visit.sheet(file.name).locator(".genre")).to_have_text(["low", "low"])
        assert visit.complaints == []


def test_a_server_that_has_gone_is_told_of(open_page: Open, low_song: Path) -> None:
    visit = open_page()
    visit.page.route("**/v1/predictions*", lambda route: route.abort())
    [sheet] = visit.choose(low_song)
    expect(sheet.get_by_role("alert")).to_contain_text("The server may have ended")
    visit.page.unroute("**/v1/predictions*")
    sheet.get_by_role("button", name="Try again").click()
    expect(sheet.locator(".genre")).to_have_text("low")
