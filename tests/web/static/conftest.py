"""Chromium with a simulated microphone, a server with an explainable model, and sounds."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.support.audio import RATE, encode, tone
from tests.support.browser import OpenTab, Tab
from tests.support.models import make_card, make_traceable_model
from tests.support.processes import PATIENCE
from tests.support.server import Server, serve_process

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def melody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return four seconds of a low tone, then four of a high one; the simulated microphone plays it, too."""
    samples = np.concatenate([tone(150, 4), tone(6_000, 4)], axis=1)
    return encode(tmp_path_factory.mktemp("melodies") / "melody.wav", samples, codec="pcm_s16le", rate=RATE)


@pytest.fixture(scope="session")
def low_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("lows") / "low.wav", tone(150, 3), codec="pcm_s16le")


@pytest.fixture(scope="session")
def traceable_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that can be explained by class activation maps: "low" against "high"."""
    return make_traceable_model(tmp_path_factory.mktemp("models") / "tilt.onnx", make_card())


@pytest.fixture(scope="session")
def explaining_server(tmp_path_factory: pytest.TempPathFactory, traceable_model: Path) -> Iterator[Server]:
    with serve_process(tmp_path_factory.mktemp("spool"), "--model", str(traceable_model)) as running:
        yield running


@pytest.fixture(scope="session")
def browser(melody: Path) -> Iterator[Browser]:
    """Start Chromium, whose microphone repeats the melody."""
    if not CHROMIUM:
        message = "Chromium is not installed (`apt install chromium`)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
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
def open_tab(context: BrowserContext, explaining_server: Server) -> OpenTab:
    """Return a function that opens the page of a server in a new tab."""

    def open_url(url: str = explaining_server.url, script: str = "", **size: Any) -> Tab:
        tab = Tab(context.new_page())
        tab.page.on("console", tab.on_console)
        tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.page.on("request", tab.on_request)
        if script:
            tab.page.add_init_script(script)
        if size:
            tab.page.set_viewport_size({"width": size["width"], "height": size["height"]})
        tab.page.goto(url)
        return tab

    return open_url
