"""The library page."""

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from genrelens.library.catalog.browse import TrackSearch, map_columns, search_tracks
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.similarity.map_picture import GENRE_COLOURS, label_colours
from genrelens.web.routes.responses import EXAMPLE_MAP
from tests.support.browser import OVERFLOWING, PHONE, SMALL_CONTROLS, OpenTab, Tab, axe_violations, canvas_image
from tests.support.catalog import insert_track, make_mapped_catalog, simple_prediction
from tests.support.processes import wait_until
from tests.support.server import Server, serve_process


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, model_file: Path, melody: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("library")
    catalog = make_mapped_catalog(folder, melody)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog))
    with serve_process(folder / "spool", *options) as running:
        yield running


@pytest.fixture
def tab(open_tab: OpenTab, library: Server) -> Tab:
    tab = open_tab(f"{library.url}/library")
    expect(tab.page.locator("#track-list-title")).to_have_text("19 tracks")
    return tab


def playback_seconds(page: Page) -> float:
    """Return the position of the player."""
    return float(page.locator("#player").evaluate("player => player.currentTime"))


SEARCH = """async ([columns, texts]) => {
  const { LibraryStore } = await import("/static/library/library_store.js");
  const store = new LibraryStore(columns);
  return texts.map((text) => store.find({ text, genre: "", confidence: 0 }).map((index) => store.idAt(index)));
}"""


def test_search_matches_that_of_the_api(tab: Tab, tmp_path: Path) -> None:
    texts = ["jazz", "BJÖRK", "björk/dé", " venus ", "DÉBUT/venus", "mp3", "Music", "\u0130", "/", ""]
    paths = ["Jazz/Miles/So What.mp3", "Björk/Début/Venus.flac", "Björk/Jóga.mp3", "Loose.mp3", "\u0130stanbul/x.mp3"]
    with Catalog(tmp_path / "library.db") as catalog:
        for path in paths:
            insert_track(catalog, simple_prediction(tmp_path / "Music" / path), None)
        gone = insert_track(catalog, simple_prediction(Path("/elsewhere/gone.mp3")), None)
        catalog.connection.execute("UPDATE tracks SET vanished = 1 WHERE id = ?", (gone,))
        expected = [[track.id for track in search_tracks(catalog, TrackSearch(text))[1]] for text in texts]
        found = tab.page.evaluate(SEARCH, [map_columns(catalog), texts])
    assert found == expected
    assert [sorted(numbers) for numbers in expected[:6]] == [[1], [2, 3], [2], [2], [2], []]


def test_genres_have_the_colours_of_the_map_image(tab: Tab) -> None:
    labels = [
        "Hip-Hop",
        "hiphop",
        "Rock---Heavy Metal",
        "Rock---Metal",
        "Pop",
        "Polka",
        *GENRE_COLOURS,
        *map("genre {}".format, range(12)),
    ]
    colours = "async (labels) => Object.fromEntries((await import('/static/lib/genres.js')).genreColours(labels))"
    assert tab.page.evaluate(colours, labels) == label_colours(labels)


def test_track_is_listed_with_its_folder(tab: Tab, library: Server) -> None:
    page = tab.page
    page.route("**/v1/library/map", lambda route: route.fulfill(json=EXAMPLE_MAP))
    page.goto(f"{library.url}/library")
    page.get_by_label("Search").fill("black sabbath")
    expect(page.locator("#track-list-title")).to_have_text("1 track")
    expect(page.locator("#tracks .track-folder")).to_have_text("Black Sabbath")


def test_filters_apply_to_list_and_map(tab: Tab) -> None:
    page = tab.page
    canvas = page.locator("#map")
    expect(page.locator("#summary")).to_have_text("19 tracks in 2 genres.")
    page.wait_for_timeout(100)
    before = canvas_image(canvas)
    page.get_by_label("Genre").select_option("rock")
    expect(page.locator("#track-list-title")).to_have_text("10 tracks")
    page.wait_for_timeout(100)
    assert canvas_image(canvas) != before
    page.get_by_label("Search").fill("13")
    expect(page.locator("#track-list-title")).to_have_text("1 track")
    page.get_by_label("Search").fill("")
    page.locator("#confidence").fill("0.85")
    expect(page.locator("#track-list-title")).to_have_text("0 tracks")
    expect(page.locator("#track-list-hint")).to_contain_text("lower the minimum confidence")
    assert tab.errors == []


def test_selected_track_plays_and_shows_similar_tracks(tab: Tab, library: Server) -> None:
    page = tab.page
    page.locator("#tracks .track").first.click()
    expect(page.locator("#now-playing-title")).to_have_text("0")
    wait_until(lambda: playback_seconds(page) > 0.2)
    expect(page.locator("#similar-tracks .track")).to_have_count(10)
    expect(page.locator("#tracks .track[aria-pressed=true]")).to_have_count(1)
    title = page.locator("#similar-tracks .track-title").first.inner_text()
    page.locator("#similar-tracks .track").first.click()
    expect(page.locator("#now-playing-title")).to_have_text(title)
    assert tab.errors == []
    assert all(url.startswith((library.url, "data:")) for url in tab.requests)


def test_map_shows_and_plays_the_track_under_the_pointer(tab: Tab) -> None:
    page = tab.page
    spot = page.evaluate(
        """async () => {
          const { LibraryStore } = await import("/static/library/library_store.js");
          const { LibraryMap } = await import("/static/library/map.js");
          const store = new LibraryStore(await (await fetch("/v1/library/map")).json());
          const canvas = document.querySelector("#map");
          const box = canvas.getBoundingClientRect();
          const { x, y } = new LibraryMap(canvas, store).locate(store.indexOf(2));
          return [box.x + x, box.y + y];
        }"""
    )
    page.mouse.move(*spot)
    expect(page.locator("#map-tooltip")).to_have_text(re.compile("^1 . Rock, confidence 80 %$"))
    page.mouse.click(*spot)
    expect(page.locator("#now-playing-title")).to_have_text("1")


def test_keyboard_moves_the_map_and_selects(tab: Tab) -> None:
    page = tab.page
    canvas = page.locator("#map")
    canvas.focus()
    for key in ("+", "ArrowLeft", "ArrowUp", "-"):
        before = canvas_image(canvas)
        page.keyboard.press(key)
        page.wait_for_timeout(100)
        assert canvas_image(canvas) != before, key
    page.keyboard.press("0")
    expect(page.locator("#map-tooltip")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#now-playing-title")).not_to_be_empty()
    assert page.locator("#map-tooltip").inner_text().startswith(f"{page.locator('#now-playing-title').inner_text()} ")
    page.locator("#tracks .track").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#now-playing-title")).not_to_be_empty()
    assert tab.errors == []


def test_map_ignores_the_right_button_and_unzoomed_lets_a_finger_scroll_the_page(tab: Tab) -> None:
    page = tab.page
    canvas = page.locator("#map")
    canvas.hover()
    page.wait_for_timeout(100)
    before = canvas_image(canvas)
    page.mouse.down(button="right")
    page.mouse.move(300, 300, steps=5)
    page.wait_for_timeout(100)
    assert canvas_image(canvas) == before
    page.mouse.up(button="right")
    touch = "canvas => getComputedStyle(canvas).touchAction"
    assert canvas.evaluate(touch) == "pan-y"
    page.locator("#zoom-in").click()
    assert canvas.evaluate(touch) == "none"
    page.locator("#zoom-reset").click()
    assert canvas.evaluate(touch) == "pan-y"


UNCOVERED = """() => {
  const focused = document.activeElement.getBoundingClientRect();
  return focused.bottom <= document.querySelector("#now-playing").getBoundingClientRect().top;
}"""


@pytest.mark.parametrize("size", [PHONE, {"width": 1200, "height": 700}])
def test_player_never_covers_the_focused_element(open_tab: OpenTab, library: Server, size: dict[str, int]) -> None:
    page = open_tab(f"{library.url}/library", **size).page
    page.locator("#tracks .track").first.click()
    expect(page.locator("#similar-tracks .track")).to_have_count(10)
    page.evaluate("scrollTo(0, 0)")
    page.locator("#search").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#now-playing') !== null"):
            break
        assert page.evaluate(UNCOVERED), page.evaluate("document.activeElement.outerHTML")
    else:
        pytest.fail("the Tab key never reaches the player")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_axe_violations(tab: Tab, scheme: str) -> None:
    tab.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    tab.page.locator("#tracks .track").first.click()
    expect(tab.page.locator("#similar-tracks .track")).to_have_count(10)
    assert axe_violations(tab.page) == []


def test_phone_needs_no_horizontal_scrolling(open_tab: OpenTab, library: Server) -> None:
    tab = open_tab(f"{library.url}/library", **PHONE)
    tab.page.locator("#tracks .track").first.click()
    expect(tab.page.locator("#similar-tracks .track")).to_have_count(10)
    assert tab.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert tab.page.evaluate(OVERFLOWING) == []
    assert tab.page.evaluate(SMALL_CONTROLS) == []


def test_track_plays_after_the_key_was_entered(
    open_tab: OpenTab, tmp_path: Path, model_file: Path, melody: Path
) -> None:
    catalog = make_mapped_catalog(tmp_path, melody)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog), "--api-key", "open")
    with serve_process(tmp_path / "spool", *options) as server:
        page = open_tab(f"{server.url}/library").page
        page.locator("#key-field").fill("open")
        page.get_by_role("button", name="Continue").click()
        page.locator("#tracks .track").first.click()
        wait_until(lambda: playback_seconds(page) > 0.2)


COUNT_OBJECT_URLS = """window.objectUrls = 0;
for (const [name, step] of [["createObjectURL", 1], ["revokeObjectURL", -1]]) {
  const original = URL[name];
  URL[name] = (object) => ((window.objectUrls += step), original.call(URL, object));
}
sessionStorage.setItem("genrelens-key", "open");"""


def test_with_a_key_only_one_track_is_held_in_memory(
    open_tab: OpenTab, tmp_path: Path, model_file: Path, melody: Path
) -> None:
    catalog = make_mapped_catalog(tmp_path, melody)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog), "--api-key", "open")
    with serve_process(tmp_path / "spool", *options) as server:
        page = open_tab(f"{server.url}/library", COUNT_OBJECT_URLS).page
        cancelled: list[str] = []
        page.on("requestfailed", lambda request: cancelled.append(request.url))
        held: list[Route] = []
        page.route("**/tracks/1/audio", lambda route: held.append(route))
        for index in (0, 1, 2):
            page.locator("#tracks .track").nth(index).click()
        wait_until(lambda: playback_seconds(page) > 0.2)
        assert page.evaluate("objectUrls") == 1
        assert f"{server.url}/v1/library/tracks/1/audio" in cancelled
        page.route("**/tracks/*/audio", lambda route: route.abort())
        page.locator("#tracks .track").nth(3).click()
        expect(page.locator("#player-problem")).to_contain_text("The server is not responding")


LOAD_AUDIO = """([url, crossOrigin]) => new Promise((resolve) => {
  const audio = Object.assign(new Audio(), { crossOrigin });
  audio.onloadedmetadata = () => resolve("loaded");
  audio.onerror = () => resolve("blocked");
  audio.src = url;
})"""


@pytest.fixture
def other_origin(tmp_path: Path) -> Iterator[str]:
    """Run another server on this machine, with an empty page."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "index.html").write_text("elsewhere")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "elsewhere")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_other_origins_load_tracks_only_with_cors(
    open_tab: OpenTab, tmp_path: Path, model_file: Path, melody: Path, other_origin: str
) -> None:
    catalog = make_mapped_catalog(tmp_path, melody)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog), "--cors", other_origin)
    with serve_process(tmp_path / "spool", *options) as server:
        page = open_tab(f"{server.url}/library").page
        url = f"{server.url}/v1/library/tracks/1/audio"
        assert page.evaluate(LOAD_AUDIO, [url, None]) == "loaded"
        page.goto(other_origin)
        assert page.evaluate(LOAD_AUDIO, [url, None]) == "blocked"
        assert page.evaluate(LOAD_AUDIO, [url, "anonymous"]) == "loaded"
        assert page.evaluate("async (url) => (await fetch(url)).status", url) == 200


def test_pages_link_to_each_other(open_tab: OpenTab, library: Server) -> None:
    page = open_tab(library.url).page
    page.get_by_role("link", name="Library").click()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    page.get_by_role("link", name="Analyse files").click()
    expect(page.get_by_role("heading", name="What genre is it")).to_be_visible()
