"""Helpers for tests that drive the page in a browser."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Locator, Page, Request

PHONE = {"width": 360, "height": 740}  # CSS pixels

# Elements that stick out on the right.
OVERFLOWING = """() => [...document.querySelectorAll("body *")]
  .filter(element => element.getBoundingClientRect().right > innerWidth + 0.5
    && !element.closest(".table-box, .visually-hidden, .skip-link")).map(element => element.className || element.id)"""

# Controls that are too small for a finger.
SMALL_CONTROLS = """() => [...document.querySelectorAll("button, input:not([hidden]), a, summary, select")]
  .filter(element => element.checkVisibility() && !element.closest(".skip-link"))
  .map(element => element.closest("label") ?? element)
  .filter(element => element.getBoundingClientRect().height < 24).map(element => element.outerHTML)"""


@dataclass
class Tab:
    """A browser tab with the page, the errors and warnings on its console, and the URLs that it requested."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def on_request(self, request: Request) -> None:
        self.requests.append(request.url)

    def analyse(self, *files: Path) -> list[Locator]:
        """Upload files and return their cards once each has a result or a problem."""
        self.page.locator("#files").set_input_files(files)
        cards = [self.card(file.name) for file in files]
        for card in cards:
            card.locator(".result, .problem").first.wait_for()
        return cards

    def card(self, name: str) -> Locator:
        return self.page.get_by_role("article", name=name, exact=True)

    def start_live(self, source: str = "Use the microphone") -> None:
        self.page.get_by_role("button", name="Listen live").click()
        self.page.get_by_role("button", name=source).click()


OpenTab = Callable[..., Tab]  # open_tab(), or open_tab(url, script) to run a script before those of the page


def cursor_seconds(card: Locator) -> float:
    """Return the position of the cursor in a card."""
    return float(card.get_by_role("slider").get_attribute("aria-valuenow") or "nan")


def canvas_image(canvas: Locator) -> str:
    """Return what is drawn on a canvas as a data URL."""
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


def axe_violations(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [f"{violation['id']}: {node['html']}" for violation in violations for node in violation["nodes"]]
