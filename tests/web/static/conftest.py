"""A real browser for the tests of the page, and sounds for it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect, sync_playwright

from tests.support.audio import RATE, encode, tone
from tests.support.models import make_card, make_traceable_model
from tests.support.processes import PATIENCE
from tests.support.server import Server, serve_process

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

Open = Callable[..., "Visit"]


@dataclass
class Visit:
    """The page in a tab, what the browser complained about, and where it asked."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def on_request(self, request: Request) -> None:
        self.asked.append(request.url)

    def choose(self, *files: Path) -> list[Locator]:
        """Have files judged; their sheets, when there is a result or a problem in each."""
        self.page.locator("#files").set_input_files(files)
        sheets = [self.sheet(file.name) for file in files]
        for sheet in sheets:
            sheet.locator(".result, .problem").first.wait_for()
        return sheets

    def sheet(self, name: str) -> Locator:
        return self.page.get_by_role("article", name=name, exact=True)


def cursor(sheet: Locator) -> float:
    """Where it is, in seconds."""
    return float(sheet.get_by_role("slider").get_attribute("aria-valuenow") or "nan")


def pixels(canvas: Locator) -> str:
    """A picture, as something that can be compared."""
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


@pytest.fixture(scope="session")
def melody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of a low tone, then four of a high one, as the microphone hears them, too."""
    samples = np.concatenate([tone(150, 4), tone(6_000, 4)], axis=1)
    return encode(tmp_path_factory.mktemp("melodies") / "melody.wav", samples, codec="pcm_s16le", rate=RATE)


@pytest.fixture(scope="session")
def low_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("lows") / "low.wav", tone(150, 3), codec="pcm_s16le")


@pytest.fixture(scope="session")
def explained_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that tells why: "low" against "high"."""
    return make_traceable_model(tmp_path_factory.mktemp("models") / "tilt.onnx", make_card())


@pytest.fixture(scope="session")
def explaining(tmp_path_factory: pytest.TempPathFactory, explained_file: Path) -> Iterator[Server]:
    """A server whose model tells why."""
    with serve_process(tmp_path_factory.mktemp("spool"), "--model", str(explained_file)) as running:
        yield running


@pytest.fixture(scope="session")
def browser(melody: Path) -> Iterator[Browser]:
    """Chromium, whose microphone plays the melody again and again."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium here")
    flags = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={melody}",
    ]
    with sync_playwright() as playwright:
        expect.set_options(timeout=1000 * PATIENCE / 4)
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(reduced_motion="reduce", accept_downloads=True) as fresh:
        fresh.set_default_timeout(1000 * PATIENCE)
        yield fresh


@pytest.fixture
def open_page(context: BrowserContext, explaining: Server) -> Open:
    """Open the page of a server in a new tab: open_page(), or open_page(url, script) to run a script before it."""

    def opened(url: str = explaining.url, script: str = "", **size: Any) -> Visit:
        visit = Visit(context.new_page())
        visit.page.on("console", visit.on_console)
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("request", visit.on_request)
        if script:
            visit.page.add_init_script(script)
        if size:
            visit.page.set_viewport_size({"width": size["width"], "height": size["height"]})
        visit.page.goto(url)
        return visit

    return opened
