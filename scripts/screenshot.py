"""Photograph the page: docs/page-light.png, docs/page-dark.png and docs/page-phone.png.

python scripts/screenshot.py [CHROMIUM]

A real server with the bundled model judges the page's own sample; on the phone, the sample comes from the microphone.
It takes a minute.
"""

import base64
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from documents import ROOT
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, expect, sync_playwright

DOCS = ROOT / "docs"
DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SCALE = 1.5  # pixels of a picture for one of the page
EXPLAINED = "Disco"
CURSOR = 0.4  # of the track
HEARD = "0:38"  # live, before it is photographed: all styles
PATIENCE = 90_000  # ms
SAMPLE = """async () => {
  const {renderSample} = await import("/static/page/sample.js");
  const reader = new FileReader();
  reader.readAsDataURL(await renderSample());
  await new Promise((resolve) => (reader.onload = resolve));
  return reader.result.split(",")[1];
}"""


def main(chromium: str) -> None:
    """Photograph the page in light, in the dark, and on a phone that listens."""
    with serving() as url, sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        desk = playwright.chromium.launch(executable_path=chromium)
        for scheme in ("light", "dark"):
            page = opened(desk, url, scheme, DESK)
            save(photograph_sample(page), DOCS / f"page-{scheme}.png")
        song = Path(folder, "sample.wav")
        song.write_bytes(base64.b64decode(page.evaluate(SAMPLE)))
        phone = launch_listening(playwright, chromium, song)
        save(photograph_live(opened(phone, url, "dark", PHONE)), DOCS / "page-phone.png")


@contextmanager
def serving() -> Iterator[str]:
    """Serve with the bundled model on a free port; the address."""
    command = [sys.executable, "-m", "genrelens.cli.main", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        try:
            told = re.search(r"http://\S+", server.stdout.readline())
            if not told:
                sys.exit("the server did not start")
            yield told[0]
        finally:
            server.terminate()


def launch_listening(playwright: Playwright, chromium: str, song: Path) -> Browser:
    """A browser whose microphone hears a song again and again."""
    flags = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={song}",
    ]
    return playwright.chromium.launch(executable_path=chromium, args=flags)


def opened(browser: Browser, url: str, scheme: str, size: ViewportSize) -> Page:
    """The page, ready, as big as a screen."""
    page = browser.new_page(
        viewport=size,
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=SCALE,
        reduced_motion="reduce",
        has_touch=size is PHONE,
        is_mobile=size is PHONE,
    )
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    page.locator("#about:not([disabled])").wait_for()
    return page


def photograph_sample(page: Page) -> bytes:
    """The sample, one of its genres explained, the cursor amid it."""
    page.get_by_role("button", name="Try a sample").click()
    page.get_by_role("radio", name=EXPLAINED).check()
    page.locator("#results").hover(position={"x": 2, "y": 2})  # off all buttons
    lane = page.locator(".lane-genres").bounding_box()
    assert lane
    x, y = lane["x"] + CURSOR * lane["width"], lane["y"] + 0.2 * lane["height"]
    page.mouse.click(x, y)
    page.locator(".lanes-cursor").wait_for()
    page.wait_for_timeout(1_000)  # until the waveform is drawn, and the bars have grown
    return page.screenshot(full_page=True)


def photograph_live(page: Page) -> bytes:
    """Live listening, when all of the sample has been heard."""
    page.get_by_role("button", name="Listen live").click()
    page.get_by_role("button", name="Use the microphone").click()
    expect(page.locator("#live-status")).to_have_text(re.compile(HEARD), timeout=PATIENCE)
    return page.screenshot()


def save(picture: bytes, path: Path) -> None:
    """In 256 colours, which are enough, and take a third of the room."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {image.width} x {image.height}, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else shutil.which("chromium") or "google-chrome")
