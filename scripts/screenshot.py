"""Screenshots of the web page: docs/page-light.png, docs/page-dark.png and docs/page-phone.png.

python scripts/screenshot.py [CHROMIUM]

A server with the bundled model classifies the sample of the page; on the phone, the sample comes from the microphone.
This takes a minute.
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

from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, expect, sync_playwright
from results import ROOT

DOCS = ROOT / "docs"
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SCALE = 1.5  # pixels of the image per pixel of the page
EXPLAINED = "Disco"
CURSOR = 0.4  # place of the cursor, as a fraction of the track
LIVE_TIME = "0:38"  # when the sample has played in all its styles
TIMEOUT = 90_000  # ms
SAMPLE = """async () => {
  const {renderSample} = await import("/static/page/sample.js");
  const reader = new FileReader();
  reader.readAsDataURL(await renderSample());
  await new Promise((resolve) => (reader.onload = resolve));
  return reader.result.split(",")[1];
}"""


def main(chromium: str) -> None:
    """Capture the page in the light and the dark theme, and on a phone that listens live."""
    with running_server() as url, sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        desktop = playwright.chromium.launch(executable_path=chromium)
        for scheme in ("light", "dark"):
            page = open_page(desktop, url, scheme, DESKTOP)
            save(capture_sample(page), DOCS / f"page-{scheme}.png")
        song = Path(folder, "sample.wav")
        song.write_bytes(base64.b64decode(page.evaluate(SAMPLE)))
        phone = launch_with_microphone(playwright, chromium, song)
        save(capture_live(open_page(phone, url, "dark", PHONE)), DOCS / "page-phone.png")


@contextmanager
def running_server() -> Iterator[str]:
    """Run a server with the bundled model on a free port, and yield its URL."""
    command = [sys.executable, "-m", "genrelens.cli.main", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        try:
            url = re.search(r"http://\S+", server.stdout.readline())
            if not url:
                sys.exit("the server did not start")
            yield url[0]
        finally:
            server.terminate()


def launch_with_microphone(playwright: Playwright, chromium: str, song: Path) -> Browser:
    """Launch a browser whose microphone plays a song in a loop."""
    flags = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={song}",
    ]
    return playwright.chromium.launch(executable_path=chromium, args=flags)


def open_page(browser: Browser, url: str, scheme: str, size: ViewportSize) -> Page:
    """Open the page in a viewport of a size, and wait until it is ready."""
    page = browser.new_page(
        viewport=size,
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=SCALE,
        reduced_motion="reduce",
        has_touch=size is PHONE,
        is_mobile=size is PHONE,
    )
    page.set_default_timeout(TIMEOUT)
    page.goto(url)
    page.locator("#about:not([disabled])").wait_for()
    return page


def capture_sample(page: Page) -> bytes:
    """Capture the sample with one of its genres explained and the cursor inside."""
    page.get_by_role("button", name="Try a sample").click()
    page.get_by_role("radio", name=EXPLAINED).check()
    page.locator("#results").hover(position={"x": 2, "y": 2})  # away from all buttons
    lane = page.locator(".lane-genres").bounding_box()
    assert lane
    x, y = lane["x"] + CURSOR * lane["width"], lane["y"] + 0.2 * lane["height"]
    page.mouse.click(x, y)
    page.locator(".lanes-cursor").wait_for()
    page.wait_for_timeout(1_000)  # until the waveform is drawn and the bars are animated
    return page.screenshot(full_page=True)


def capture_live(page: Page) -> bytes:
    """Capture live listening at the end of the sample."""
    page.get_by_role("button", name="Listen live").click()
    page.get_by_role("button", name="Use the microphone").click()
    expect(page.locator("#live-status")).to_have_text(re.compile(LIVE_TIME), timeout=TIMEOUT)
    return page.screenshot()


def save(png: bytes, path: Path) -> None:
    """Save a screenshot in 256 colours, which are enough and take a third of the space."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {image.width} x {image.height}, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else shutil.which("chromium") or "google-chrome")
