"""The page of a library, in a real browser."""

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
from genrelens.library.similarity.map_picture import label_colours
from genrelens.web.routes.library_responses import EXAMPLE_MAP
from tests.support.catalog import insert_track, make_mapped_catalog, simple_prediction
from tests.support.processes import wait_until
from tests.support.server import Server, serve_process
from tests.web.static.conftest import Open, Visit, pixels
from tests.web.static.test_access import OVERFLOWING, PHONE, SMALL, violations


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, model_file: Path, melody: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("library")
    catalog = make_mapped_catalog(folder, melody)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog))
    with serve_process(folder / "spool", *options) as running:
        yield running


@pytest.fixture
def visit(open_page: Open, library: Server) -> Visit:
    visit = open_page(f"{library.url}/library")
    expect(visit.page.locator("#found-title")).to_have_text("19 tracks")
    return visit


def playing_at(page: Page) -> float:
    """Seconds into the track."""
    return float(page.locator("#player").evaluate("player => player.currentTime"))


SEARCH = """async ([columns, texts]) => {
  const { Shelf } = await import("/static/shelf.js");
  const shelf = new Shelf(columns);
  return texts.map((text) => shelf.find({ text, genre: "", confidence: 0 }).map((place) => shelf.id[place]));
}"""


def test_a_search_of_the_page_finds_what_the_api_finds(visit: Visit, tmp_path: Path) -> None:
    texts = ["jazz", "BJÖRK", "björk/dé", " venus ", "DÉBUT/venus", "mp3", "Music", "\u0130", "/", ""]
    paths = ["Jazz/Miles/So What.mp3", "Björk/Début/Venus.flac", "Björk/Jóga.mp3", "Loose.mp3", "\u0130stanbul/x.mp3"]
    with Catalog(tmp_path / "library.db") as catalog:
        for path in paths:
            insert_track(catalog, simple_prediction(tmp_path / "Music" / path), None)
        gone = insert_track(catalog, simple_prediction(Path("/elsewhere/gone.mp3")), None)
        catalog.connection.execute("UPDATE tracks SET vanished = 1 WHERE id = ?", (gone,))
        asked = [[one.id for one in search_tracks(catalog, TrackSearch(text))[1]] for text in texts]
        found = visit.page.evaluate(SEARCH, [map_columns(catalog), texts])
    assert found == asked
    assert [sorted(numbers) for numbers in asked[:6]] == [[1], [2, 3], [2], [2], [2], []]


def test_genres_have_the_colours_of_the_picture(visit: Visit) -> None:
    labels = [
        "Hip-Hop",
        "hiphop",
        "Rock---Heavy Metal",
        "Rock---Metal",
        "Pop",
        "Polka",
        *map("genre {}".format, range(12)),
    ]
    colours = "async (labels) => Object.fromEntries((await import('/static/theme.js')).coloursOf(labels))"
    assert visit.page.evaluate(colours, labels) == label_colours(labels)


def test_a_track_stands_with_its_folder(visit: Visit, library: Server) -> None:
    page = visit.page
    page.route("**/v1/library/map", lambda route: route.fulfill(json=EXAMPLE_MAP))
    page.goto(f"{library.url}/library")
    page.get_by_label("Search").fill("black sabbath")
    expect(page.locator("#found-title")).to_have_text("1 track")
    expect(page.locator("#tracks .track-folder")).to_have_text("Black Sabbath")


def test_filters_narrow_list_and_map(visit: Visit) -> None:
    page = visit.page
    canvas = page.locator("#map")
    expect(page.locator("#summary")).to_have_text("19 tracks in 2 genres.")
    page.wait_for_timeout(100)
    before = pixels(canvas)
    page.get_by_label("Genre").select_option("rock")
    expect(page.locator("#found-title")).to_have_text("10 tracks")
    page.wait_for_timeout(100)
    assert pixels(canvas) != before
    page.get_by_label("Search").fill("13")
    expect(page.locator("#found-title")).to_have_text("1 track")
    page.get_by_label("Search").fill("")
    page.locator("#confidence").fill("0.85")
    expect(page.locator("#found-title")).to_have_text("0 tracks")
    expect(page.locator("#more")).to_contain_text("let it be less sure")
    assert visit.complaints == []


def test_a_choice_plays_and_leads_to_similar_ones(visit: Visit, library: Server) -> None:
    page = visit.page
    page.locator("#tracks .track").first.click()
    expect(page.locator("#chosen-title")).to_have_text("0")
    wait_until(lambda: playing_at(page) > 0.2)
    expect(page.locator("#similar .track")).to_have_count(10)
    expect(page.locator("#tracks .track[aria-pressed=true]")).to_have_count(1)
    title = page.locator("#similar .track-title").first.inner_text()
    page.locator("#similar .track").first.click()
    expect(page.locator("#chosen-title")).to_have_text(title)
    assert visit.complaints == []
    assert all(url.startswith((library.url, "data:")) for url in visit.asked)


def test_the_map_tells_and_plays_what_is_under_the_pointer(visit: Visit) -> None:
    page = visit.page
    spot = page.evaluate(
        """async () => {
          const { Shelf } = await import("/static/shelf.js");
          const { Atlas } = await import("/static/atlas.js");
          const shelf = new Shelf(await (await fetch("/v1/library/map")).json());
          const canvas = document.querySelector("#map");
          const box = canvas.getBoundingClientRect();
          const { x, y } = new Atlas(canvas, shelf).at(shelf.placeOf(2));
          return [box.x + x, box.y + y];
        }"""
    )
    page.mouse.move(*spot)
    expect(page.locator("#map-tip")).to_have_text(re.compile("^1 . rock, 80 % sure$"))
    page.mouse.click(*spot)
    expect(page.locator("#chosen-title")).to_have_text("1")


def test_the_keyboard_moves_the_map_and_chooses(visit: Visit) -> None:
    page = visit.page
    canvas = page.locator("#map")
    canvas.focus()
    for key in ("+", "ArrowLeft", "ArrowUp", "-"):
        before = pixels(canvas)
        page.keyboard.press(key)
        page.wait_for_timeout(100)
        assert pixels(canvas) != before, key
    page.keyboard.press("0")
    expect(page.locator("#map-tip")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#chosen-title")).not_to_be_empty()
    assert page.locator("#map-tip").inner_text().startswith(f"{page.locator('#chosen-title').inner_text()} ")
    page.locator("#tracks .track").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chosen-title")).not_to_be_empty()
    assert visit.complaints == []


def test_only_the_main_button_moves_the_map_and_a_finger_scrolls_past_it(visit: Visit) -> None:
    page = visit.page
    canvas = page.locator("#map")
    canvas.hover()
    page.wait_for_timeout(100)
    before = pixels(canvas)
    page.mouse.down(button="right")
    page.mouse.move(300, 300, steps=5)
    page.wait_for_timeout(100)
    assert pixels(canvas) == before
    page.mouse.up(button="right")
    touch = "canvas => getComputedStyle(canvas).touchAction"
    assert canvas.evaluate(touch) == "pan-y"
    page.locator("#nearer").click()
    assert canvas.evaluate(touch) == "none"
    page.locator("#whole").click()
    assert canvas.evaluate(touch) == "pan-y"


UNCOVERED = """() => {
  const own = document.activeElement.getBoundingClientRect();
  return own.bottom <= document.querySelector("#chosen").getBoundingClientRect().top;
}"""


@pytest.mark.parametrize("size", [PHONE, {"width": 1200, "height": 700}])
def test_the_player_covers_nothing_that_has_the_focus(open_page: Open, library: Server, size: dict[str, int]) -> None:
    page = open_page(f"{library.url}/library", **size).page
    page.locator("#tracks .track").first.click()
    expect(page.locator("#similar .track")).to_have_count(10)
    page.evaluate("scrollTo(0, 0)")
    page.locator("#text").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#chosen') !== null"):
            break
        assert page.evaluate(UNCOVERED), page.evaluate("document.activeElement.outerHTML")
    else:
        pytest.fail("the player was not reached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_axe_is_broken(visit: Visit, scheme: str) -> None:
    visit.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    visit.page.locator("#tracks .track").first.click()
    expect(visit.page.locator("#similar .track")).to_have_count(10)
    assert violations(visit.page) == []


def test_a_phone_needs_no_sideways_scrolling(open_page: Open, library: Server) -> None:
    visit = open_page(f"{library.url}/library", **PHONE)
    visit.page.locator("#tracks .track").first.click()
    expect(visit.page.locator("#similar .track")).to_have_count(10)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert visit.page.evaluate(OVERFLOWING) == []
    assert visit.page.evaluate(SMALL) == []


def test_a_key_is_asked_for_and_the_track_still_plays(
    open_page: Open, tmp_path: Path, model_file: Path, melody: Path
) -> None:
    catalog = make_mapped_catalog(tmp_path, melody)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog), "--api-key", "open")
    with serve_process(tmp_path / "spool", *options) as server:
        page = open_page(f"{server.url}/library").page
        page.locator("#key-field").fill("open")
        page.get_by_role("button", name="Use it").click()
        page.locator("#tracks .track").first.click()
        wait_until(lambda: playing_at(page) > 0.2)


COUNT_ADDRESSES = """window.addresses = 0;
for (const [name, step] of [["createObjectURL", 1], ["revokeObjectURL", -1]]) {
  const plain = URL[name];
  URL[name] = (what) => ((window.addresses += step), plain.call(URL, what));
}
sessionStorage.setItem("genrelens-key", "open");"""


def test_with_a_key_no_more_than_one_track_is_held(
    open_page: Open, tmp_path: Path, model_file: Path, melody: Path
) -> None:
    catalog = make_mapped_catalog(tmp_path, melody)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog), "--api-key", "open")
    with serve_process(tmp_path / "spool", *options) as server:
        page = open_page(f"{server.url}/library", COUNT_ADDRESSES).page
        given_up: list[str] = []
        page.on("requestfailed", lambda request: given_up.append(request.url))
        held: list[Route] = []
        page.route("**/tracks/1/audio", lambda route: held.append(route))
        for place in (0, 1, 2):
            page.locator("#tracks .track").nth(place).click()
        wait_until(lambda: playing_at(page) > 0.2)
        assert page.evaluate("addresses") == 1
        assert f"{server.url}/v1/library/tracks/1/audio" in given_up
        page.route("**/tracks/*/audio", lambda route: route.abort())
        page.locator("#tracks .track").nth(3).click()
        expect(page.locator("#chosen-problem")).to_contain_text("The server does not answer")


LISTEN = """([address, crossOrigin]) => new Promise((tell) => {
  const audio = Object.assign(new Audio(), { crossOrigin });
  audio.onloadedmetadata = () => tell("heard");
  audio.onerror = () => tell("refused");
  audio.src = address;
})"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """Another server on this machine, with an empty page."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "index.html").write_text("elsewhere")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "elsewhere")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_pages_from_elsewhere_do_not_hear_tracks_unless_they_may(
    open_page: Open, tmp_path: Path, model_file: Path, melody: Path, elsewhere: str
) -> None:
    catalog = make_mapped_catalog(tmp_path, melody)
    options = ("--model", str(model_file), "--library", "--catalog", str(catalog), "--cors", elsewhere)
    with serve_process(tmp_path / "spool", *options) as server:
        page = open_page(f"{server.url}/library").page
        address = f"{server.url}/v1/library/tracks/1/audio"
        assert page.evaluate(LISTEN, [address, None]) == "heard"
        page.goto(elsewhere)
        assert page.evaluate(LISTEN, [address, None]) == "refused"
        assert page.evaluate(LISTEN, [address, "anonymous"]) == "heard"
        assert page.evaluate("async (address) => (await fetch(address)).status", address) == 200


def test_pages_lead_to_each_other(open_page: Open, library: Server) -> None:
    page = open_page(library.url).page
    page.get_by_role("link", name="Library").click()
    expect(page.get_by_role("heading", name="The library")).to_be_visible()
    page.get_by_role("link", name="Judge files").click()
    expect(page.get_by_role("heading", name="What genre is it")).to_be_visible()
