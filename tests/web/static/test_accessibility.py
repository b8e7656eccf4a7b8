"""The page on a phone, by keyboard, and through a screen reader."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from tests.support.browser import OVERFLOWING, PHONE, SMALL_CONTROLS, OpenTab, Tab, axe_violations, cursor_seconds


def show_everything(tab: Tab, *files: Path) -> list[Locator]:
    """Show results, a comparison, a table and the live view at once."""
    cards = tab.analyse(*files)
    for card in cards[:2]:
        card.get_by_role("button", name="Compare").click()
    cards[0].get_by_text("Details per 1 s").click()
    tab.start_live()
    expect(tab.page.locator("#live-genre")).not_to_be_empty()
    return cards


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_axe_violations(
    context: BrowserContext, open_tab: OpenTab, melody: Path, low_song: Path, text_file: Path, scheme: str
) -> None:
    tab = open_tab()
    tab.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    assert axe_violations(tab.page) == []
    tab.page.get_by_role("button", name="About the model").click()
    expect(tab.page.get_by_role("dialog")).to_contain_text("Training data")
    assert axe_violations(tab.page) == []
    tab.page.keyboard.press("Escape")
    show_everything(tab, melody, low_song)
    tab.analyse(text_file)
    assert axe_violations(tab.page) == []


def test_phone_needs_no_horizontal_scrolling(open_tab: OpenTab, melody: Path, low_song: Path, tmp_path: Path) -> None:
    long_name = tmp_path / f"{'a_very_long_name' * 8}.wav"
    long_name.write_bytes(low_song.read_bytes())
    tab = open_tab(**PHONE)
    assert tab.page.evaluate(OVERFLOWING) == []
    show_everything(tab, melody, long_name)
    assert tab.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert tab.page.evaluate(OVERFLOWING) == []
    assert tab.page.evaluate(SMALL_CONTROLS) == []
    assert tab.errors == []


def test_keyboard_alone_suffices(open_tab: OpenTab) -> None:
    tab = open_tab()
    page = tab.page
    expect(page.get_by_role("button", name="About the model")).to_be_enabled()

    def tab_to(name: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            label = focused.get_attribute("aria-label") or focused.evaluate(
                "element => (element.closest('label') ?? element).innerText"
            )
            if name in label:
                return
        pytest.fail(f"the Tab key never reaches {name}")

    tab_to("Try a sample")
    page.keyboard.press("Enter")
    card = tab.card("sample.wav")
    expect(card.locator(".genre")).to_have_text("Low")
    tab_to("Low")
    page.keyboard.press("ArrowDown")
    expect(card.get_by_role("radio", name="High")).to_be_checked()
    tab_to("Position in sample.wav")
    for key, time in (("ArrowRight", 5), ("PageUp", 8), ("ArrowLeft", 3), ("Home", 0), ("End", 42), ("Home", 0)):
        page.keyboard.press(key)
        assert cursor_seconds(card) == pytest.approx(time, abs=1)
    page.keyboard.press("Space")
    expect(card.get_by_role("button", name="Pause sample.wav")).to_be_visible()
    page.keyboard.press("Space")
    expect(card.get_by_role("button", name="Play sample.wav")).to_be_visible()
    assert page.locator("#announcements").inner_text() == "Showing evidence for High"
    page.locator("[aria-label='Remove sample.wav']").focus()
    page.keyboard.press("Enter")
    expect(card).to_have_count(0)
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()
    assert tab.errors == []
