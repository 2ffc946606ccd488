"""Draw the README's picture of the playground: `python tools/picture_playground.py`, with Chromium and playwright."""

import io
import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from fastmlp.lab import write_playground

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "playground.png"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
COLORS = 128
STORIES = "!document.querySelector('.story:empty, #planes[aria-busy=true]')"


def main() -> None:
    """Train the lesson on the edge of chaos and save what the page shows then."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "page.html"
        write_playground(path)
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light")
        page.goto(path.as_uri())
        page.wait_for_timeout(1000)
        page.click("[data-lesson=edge-of-chaos]")
        for _ in range(600):
            page.wait_for_timeout(100)
            if page.evaluate(STORIES):
                break
        else:
            raise RuntimeError("the training has not ended within a minute")
        Image.open(io.BytesIO(page.screenshot())).quantize(COLORS).save(PICTURE, optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
