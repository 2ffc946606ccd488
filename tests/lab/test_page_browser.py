"""The page in a browser: headless Chromium, driven by Playwright, at the widths of a screen and of a telephone."""

import re

import numpy as np
import pytest
from browsers import CONTRASTS, OUTSIDE, needs_chromium, until

from fastmlp.datasets import circles
from fastmlp.lab import boundary_frames, compare_initializers, write_report
from fastmlp.lab.page.players import palette

EVIL = "<script>document.title = 'caught'</script><img src=x onerror=\"document.title = 'caught'\">"
X, Y = circles(120, seed=1)
WIDTHS = [1280, 390]
pytestmark = needs_chromium


def evil(layer_dims, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((layer_dims[i + 1], n)) for i, n in enumerate(layer_dims[:-1])]
    return weights, [np.zeros(n) for n in layer_dims[1:]]


evil.__name__ = EVIL


CHOSEN = {"initializers": ["zeros", "he", evil], "learning_rate": [0.5, 0.1], "epochs": 200}


@pytest.fixture(scope="module")
def frames():
    return boundary_frames(X, Y, [2, 6, 1], seed=3, **CHOSEN)


@pytest.fixture(scope="module")
def address(frames, tmp_path_factory):
    """A page with all there is, and names of every kind."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    made = compare_initializers(X, Y, [2, 6, 1], seeds=10, X_test=X, y_test=Y, progress=False, **CHOSEN)
    write_report(made, path, frames=frames, title=EVIL, data=EVIL)
    return path.as_uri()


class Visit:
    """A page that is open, with all that went wrong and all that it asked for."""

    def __init__(self, browser, address, width, **options):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page = self.context.new_page()
        self.wrong, self.requests = [], []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)
        if options.get("java_script_enabled", True):
            self.page.wait_for_selector("html[data-drawn][data-players='3']")

    def pixels(self, number):
        """What the canvas of a player shows."""
        return self.page.evaluate(f"document.querySelector('#player-{number} canvas').toDataURL()")

    def said(self, number):
        return self.page.inner_text(f"#player-{number} output")

    def click(self, number, name):
        self.page.click(f"#player-{number} [data-do={name}]")

    def at(self, number):
        """The frame that a player shows."""
        return int(self.page.input_value(f"#player-{number} input"))

    def button(self, number):
        """What the button to play says."""
        return self.page.inner_text(f"#player-{number} [data-do=play]")


@pytest.fixture
def visit(browser, address):
    visits = []

    def make(width, **options):
        visits.append(Visit(browser, address, width, **options))
        return visits[-1]

    yield make
    for made in visits:
        made.context.close()


@pytest.fixture(scope="module")
def opened(browser, address):
    """A page that several tests share."""
    made = Visit(browser, address, 1280)
    yield made
    made.context.close()


@pytest.fixture
def seen(opened):
    """The shared page with all players at the start."""
    opened.page.click("#rewind-all")
    return opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_opens_without_errors_requests_or_sideways_scrolling(width, scheme, visit, address):
    seen = visit(width, color_scheme=scheme)
    assert seen.wrong == []
    assert [url for url in seen.requests if not url.startswith("data:")] == [address]
    assert seen.page.evaluate("document.documentElement.scrollWidth") == width
    assert seen.page.evaluate(OUTSIDE) == []
    images = seen.page.evaluate("[...document.images].map((image) => [image.complete, image.naturalWidth > 0])")
    assert images == [[True, True]] * 3
    assert seen.page.title() == EVIL
    assert seen.page.evaluate("document.documentElement.dataset.drawn") == scheme
    contrasts = seen.page.evaluate(CONTRASTS)
    assert len(contrasts) > 40
    assert [found for found in contrasts if found[0] < 4.5] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_charts_are_drawn_and_answer_to_the_pointer(width, visit):
    seen = visit(width)
    for number, marks in ((0, ".mark-line path"), (1, ".mark-rect path, .mark-rule line"), (2, ".mark-rect path")):
        assert seen.page.locator(f"#chart-{number} svg").count() == 1
        assert seen.page.locator(f"#chart-{number} {marks}").count() >= 6
    seen.page.locator("#chart-0").scroll_into_view_if_needed()
    box = seen.page.locator("#chart-0 svg").bounding_box()
    seen.page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.3 * box["height"])
    tooltip = seen.page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    text = tooltip.inner_text()
    epoch = int(re.search(r"epoch:?\s+(\d+)", text).group(1))
    assert 80 <= epoch <= 160
    assert "he · 0.5" in text
    assert EVIL[:30] in text
    seen.page.mouse.move(0, 0)
    seen.page.locator("#chart-2").scroll_into_view_if_needed()
    seen.page.locator("#chart-2 .mark-rect path").first.hover()
    tooltip.wait_for()
    assert re.search(r"symmetric\s+runs:?\s+10 of 10 \(100 %\)", tooltip.inner_text())
    assert seen.wrong == []
    assert seen.page.title() == EVIL


def test_a_name_in_the_legend_shows_it_alone(seen):
    opacity = "[...document.querySelectorAll('#chart-0 .mark-line path')].map((path) => path.getAttribute('opacity'))"
    before = seen.page.evaluate(opacity)
    seen.page.locator("#chart-0 .role-legend-label text").nth(2).click()
    after = seen.page.evaluate(opacity)
    assert len(set(before)) == 1
    assert [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a == b] == [2]


def test_the_charts_take_the_colors_of_the_page_when_these_change(visit):
    seen = visit(1280)
    color = "document.querySelector('#chart-1 .role-axis-label text').getAttribute('fill')"
    assert seen.page.evaluate(color) == "#1a1a1a"
    seen.page.emulate_media(color_scheme="dark")
    seen.page.wait_for_selector("html[data-drawn=dark]")
    assert seen.page.evaluate(color) == "#e8e8e8"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_player_plays_and_rewinds_to_the_very_same_frame(width, visit):
    seen = visit(width)
    start, text = seen.pixels(1), seen.said(1)
    assert text.startswith("The start: loss ")
    seen.click(1, "play")
    assert seen.button(1) == "Pause"
    until(seen.page, lambda: seen.at(1) >= 5)
    seen.click(1, "play")
    paused = seen.said(1)
    assert paused.startswith("After ")
    assert seen.pixels(1) != start
    seen.page.wait_for_timeout(300)
    assert seen.said(1) == paused
    seen.click(1, "rewind")
    assert (seen.pixels(1), seen.said(1)) == (start, text)
    assert seen.wrong == []


def test_it_plays_to_the_end_stops_there_and_begins_again(seen):
    seen.page.fill("#player-1 input", "57")
    seen.click(1, "play")
    until(seen.page, lambda: seen.button(1) == "Play")
    assert seen.said(1).startswith("After 200 epochs: loss ")
    end = seen.pixels(1)
    seen.click(1, "step")
    assert seen.pixels(1) == end
    seen.click(1, "play")
    until(seen.page, lambda: seen.at(1) < 30)
    assert seen.button(1) == "Pause"


def test_steps_and_the_slider_show_their_frame(seen):
    seen.click(1, "step")
    once = seen.said(1)
    seen.click(1, "step")
    twice, shown = seen.said(1), seen.pixels(1)
    assert [re.match(r"After (\d+)", text).group(1) for text in (once, twice)] == ["3", "7"]
    seen.page.fill("#player-1 input", "40")
    assert seen.pixels(1) != shown
    seen.page.fill("#player-1 input", "2")
    assert (seen.pixels(1), seen.said(1)) == (shown, twice)
    assert seen.page.get_attribute("#player-1 input", "aria-valuetext") == twice


def test_the_keyboard_is_enough(seen):
    seen.page.focus("#player-1 [data-do=step]")
    seen.page.keyboard.press("Enter")
    assert seen.at(1) == 1
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Space")  # rewind
    assert seen.at(1) == 0
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("ArrowRight")
    assert seen.said(1).startswith("After ")


def test_all_players_play_and_rewind_together(seen):
    starts = [seen.pixels(number) for number in range(3)]
    seen.page.click("#play-all")
    for number in range(3):
        until(seen.page, lambda number=number: seen.at(number) >= 3)
    seen.page.click("#rewind-all")
    assert [seen.pixels(number) for number in range(3)] == starts
    assert {seen.button(number) for number in range(3)} == {"Play"}


@pytest.mark.parametrize("frame", [0, 1, 30, 59])
def test_the_corners_of_a_canvas_have_the_colors_of_the_bytes(frame, seen, frames):
    colors, corners = palette(frames.kind), ((0, 0), (0, 59), (59, 0), (59, 59))
    for number, run in enumerate(frames.runs):
        seen.page.fill(f"#player-{number} input", str(frame))
        for row, column in corners:
            place = f"{8 * column + 4}, {8 * row + 4}"
            canvas = f"document.querySelector('#player-{number} canvas').getContext('2d')"
            pixel = seen.page.evaluate(f"[...{canvas}.getImageData({place}, 1, 1).data]")
            np.testing.assert_allclose(pixel[:3], colors[run.frames[frame, row, column]], atol=6)


def test_paper_has_pictures_in_place_of_charts_and_players(visit):
    seen = visit(1280)
    seen.page.emulate_media(media="print")
    shown = "[...document.querySelectorAll('{}')].map((e) => e.checkVisibility())"
    assert seen.page.evaluate(shown.format(".paper img")) == [True] * 3
    assert not any(seen.page.evaluate(shown.format(".drawing, canvas, button, input, details")))


def test_without_scripts_the_pictures_of_the_paper_are_shown(visit):
    seen = visit(1280, java_script_enabled=False)
    assert [image.is_visible() for image in seen.page.locator(".paper img").all()] == [True] * 3
    assert not any(canvas.is_visible() for canvas in seen.page.locator("canvas").all())
