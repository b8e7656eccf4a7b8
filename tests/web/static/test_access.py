"""The page for all: on a phone, by keyboard, through a screen reader."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.web.static.conftest import Open, Visit, cursor

PHONE = {"width": 360, "height": 740}
OVERFLOWING = """() => [...document.querySelectorAll("body *")]
  .filter(element => element.getBoundingClientRect().right > innerWidth + 0.5
    && !element.closest(".table-box, .unseen, .skip")).map(element => element.className || element.id)"""
SMALL = """() => [...document.querySelectorAll("button, input:not([hidden]), a, summary, select")]
  .filter(element => element.checkVisibility() && !element.closest(".skip"))
  .map(element => element.closest("label") ?? element)
  .filter(element => element.getBoundingClientRect().height < 24).map(element => element.outerHTML)"""


def violations(page: Page) -> list[str]:
    return [f"{one['id']}: {node['html']}" for one in Axe().run(page).response["violations"] for node in one["nodes"]]


def show_all(visit: Visit, *files: Path) -> list[Locator]:
    """Have everything on the page at once."""
    sheets = visit.choose(*files)
    for sheet in sheets[:2]:
        sheet.get_by_role("button", name="Compare").click()
    sheets[0].get_by_text("Window by window").click()
    visit.page.get_by_role("button", name="Listen live").click()
    visit.page.get_by_role("button", name="Use the microphone").click()
    expect(visit.page.locator("#live-genre")).not_to_be_empty()
    return sheets


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_axe_is_broken(
    context: BrowserContext, open_page: Open, melody: Path, low_song: Path, text_file: Path, scheme: str
) -> None:
    visit = open_page()
    visit.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    assert violations(visit.page) == []
    visit.page.get_by_role("button", name="About the model").click()
    expect(visit.page.get_by_role("dialog")).to_contain_text("It tells")
    assert violations(visit.page) == []
    visit.page.keyboard.press("Escape")
    show_all(visit, melody, low_song)
    visit.choose(text_file)
    assert violations(visit.page) == []


def test_a_phone_needs_no_sideways_scrolling(open_page: Open, melody: Path, low_song: Path, tmp_path: Path) -> None:
    long_name = tmp_path / f"{'a_very_long_name' * 8}.wav"
    long_name.write_bytes(low_song.read_bytes())
    visit = open_page(**PHONE)
    assert visit.page.evaluate(OVERFLOWING) == []
    show_all(visit, melody, long_name)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert visit.page.evaluate(OVERFLOWING) == []
    assert visit.page.evaluate(SMALL) == []
    assert visit.complaints == []


def test_the_keyboard_is_enough(open_page: Open) -> None:
    visit = open_page()
    page = visit.page
    expect(page.get_by_role("button", name="About the model")).to_be_enabled()

    def tab_to(name: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            told = focused.get_attribute("aria-label") or focused.evaluate(
                "own => (own.closest('label') ?? own).innerText"
            )
            if name in told:
                return
        pytest.fail(f"the Tab key never reaches {name}")

    tab_to("Try a sample")
    page.keyboard.press("Enter")
    sheet = visit.sheet("sample.wav")
    expect(sheet.locator(".genre")).to_have_text("low")
    tab_to("low")
    page.keyboard.press("ArrowDown")
    expect(sheet.get_by_role("radio", name="high")).to_be_checked()
    tab_to("Position in sample.wav")
    for key, time in (("ArrowRight", 5), ("PageUp", 8), ("ArrowLeft", 3), ("Home", 0), ("End", 42), ("Home", 0)):
        page.keyboard.press(key)
        assert cursor(sheet) == pytest.approx(time, abs=1)
    page.keyboard.press("Space")
    expect(sheet.get_by_role("button", name="Pause sample.wav")).to_be_visible()
    page.keyboard.press("Space")
    expect(sheet.get_by_role("button", name="Play sample.wav")).to_be_visible()
    assert page.locator("#announcements").inner_text() == "Explaining high"
    page.locator("[aria-label='Remove sample.wav']").focus()
    page.keyboard.press("Enter")
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()
    assert visit.complaints == []
