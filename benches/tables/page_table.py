"""The playground's page in headless Chromium: its trainings beside the native kernels, and how soon it answers."""

import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import Options
from report import Result, cell, markdown_table

from fastmlp import MLP, _kernels
from fastmlp.datasets import circles
from fastmlp.lab import write_playground

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
EPOCHS = {"10-5": 150_000, "64-64": 2_000, "-".join(["128"] * 10): 40}
N_CLICKS = 40
OVER = "document.querySelector('.story').textContent && document.querySelector('#play').textContent === 'Play'"
# a click's own time, by the browser's clock, beside the time at which the page's code hears of it
LISTEN = """
window.delays = [];
addEventListener("pointerdown", (event) => delays.push(performance.now() - event.timeStamp), true);
"""


def measure(options: Options) -> Result:
    """Wall time of a page's training over the CPU time of the native kernels, in turn, and delays of clicks."""
    if CHROMIUM is None:
        return Result("**The page**: not measured, there is no Chromium here.")
    from playwright.sync_api import sync_playwright

    rounds, before, rows = options.share(4), _kernels.current_isa(), []
    _kernels.select_isa("baseline")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "page.html"
        write_playground(path)
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        for layers, epochs in EPOCHS.items():
            times = np.array([both(browser, path, layers, epochs) for _ in range(rounds)])
            ratio = float(np.median(times[:, 1] / times[:, 0]))
            delays = clicked(browser, path, layers)
            speed = f"{epochs / times[:, 1].min():,.0f}"
            rows.append([f"2-{layers}-1", speed, cell(ratio), f"{np.median(delays):.0f}", f"{delays.max():.0f}"])
        version = browser.version
        browser.close()
    _kernels.select_isa(before)
    caption = (
        f"**The page**: full-batch trainings of 300 circles in headless Chromium {version}, drawn live, over the "
        f"native baseline kernels (median of {rounds} rounds in turn; both end at the same loss), and the "
        f"milliseconds from a click to the page's code while it trains ({N_CLICKS} clicks)."
    )
    columns = ["network", "iterations / s", "page / native", "click, median", "click, slowest"]
    return Result(f"{caption}\n\n{markdown_table(columns, rows, n_texts=1)}")


def both(browser, path: Path, layers: str, epochs: int) -> tuple[float, float]:
    """Seconds of the native kernels and of the page, which have to end at the same loss."""
    (seconds, loss), (page_seconds, page_loss) = native(layers, epochs), in_page(browser, path, layers, epochs)
    if page_loss != loss:
        raise AssertionError(f"{layers}: the page ended at {page_loss!r}, the native kernels at {loss!r}")
    return seconds, page_seconds


def native(layers: str, epochs: int) -> tuple[float, float]:
    """CPU seconds of the native kernels, and the loss at the end."""
    X, y = circles(300, seed=1)
    model = MLP([2, *map(int, layers.split("-")), 1], initialization="he", seed=3)
    before = time.process_time()
    model.train(X, y, epochs=epochs, learning_rate=0.01, report_every=epochs, n_threads=1)
    return time.process_time() - before, model.loss_and_gradient(X, y)[0]


def opened(browser, path: Path, layers: str, epochs: int):
    """A page whose networks are ready."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.add_init_script(LISTEN)
    page.goto(f"{path.as_uri()}#layers={layers}&epochs={epochs}&start=he::3")
    page.wait_for_selector("#play:enabled")
    page.wait_for_timeout(500)
    return page


def in_page(browser, path: Path, layers: str, epochs: int) -> tuple[float, float]:
    """Seconds from a click on Play to the end of the training, and the loss there."""
    page = opened(browser, path, layers, epochs)
    before = time.perf_counter()
    page.click("#play")
    while not page.evaluate(OVER):
        page.wait_for_timeout(2)
    seconds = time.perf_counter() - before
    loss = float(page.eval_on_selector(".run .loss", "e => e.value"))
    page.close()
    return seconds, loss


def clicked(browser, path: Path, layers: str) -> np.ndarray:
    """Milliseconds from clicks to the page's code while it trains."""
    page = opened(browser, path, layers, 10_000_000)
    page.click("#play")
    for _ in range(N_CLICKS):
        page.wait_for_timeout(50)
        page.click("h1")
    delays = np.array(page.evaluate("delays"))
    page.close()
    return delays[1:]
