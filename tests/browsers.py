"""Pages in headless Chromium, driven by Playwright."""

import os
import shutil

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright, which the extra test brings")
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, as Debian's package of that name has it")

CONTRASTS = """() => {
    const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (e) => {
        const color = rgb(getComputedStyle(e).backgroundColor);
        return color.length === 3 ? color : ground(e.parentElement);
    };
    const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    return [...document.querySelectorAll("body *:not(script)")].filter((e) => own(e) && !e.closest("svg, noscript"))
        .map((e) => {
            const [a, b] = [rgb(getComputedStyle(e).color), ground(e)].map(luminance).sort((a, b) => b - a);
            return [(a + 0.05) / (b + 0.05), e.outerHTML.slice(0, 60)];
        });
}"""  # of every element with text of its own, by the formula of WCAG 2
OUTSIDE = """[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
    .map((e) => e.outerHTML.slice(0, 80))"""


def until(page, condition, seconds=10):
    """Wait until a condition holds; the pages forbid the scripts of Playwright's own way."""
    for _ in range(100 * seconds):
        if condition():
            return
        page.wait_for_timeout(10)
    raise AssertionError(f"waited for {seconds} seconds")
