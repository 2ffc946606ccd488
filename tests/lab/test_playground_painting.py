"""Painting into the playground, and its use without a pointer, in headless Chromium."""

import pytest
from browsers import needs_chromium

pytestmark = needs_chromium
WIDTHS = [1280, 390]
COUNT_ADDRESSES = """(() => {
    const replace = history.replaceState.bind(history);
    let last = null;
    window.gaps = [];
    history.replaceState = (...rest) => {
        const now = performance.now();
        if (last !== null) gaps.push(now - last);
        last = now;
        replace(...rest);
    };
})()"""


# ---- painting


@pytest.mark.parametrize("width", WIDTHS)
def test_points_are_painted_by_the_pointer(width, visit):
    seen = visit("#data=painted", width=width)
    assert "no points yet" in seen.problem()
    seen.paint(0.25, 0.5)
    seen.page.check("[name=kind][value='1']")
    seen.paint(0.75, 0.5)
    seen.until(lambda: seen.problem() == "")
    seen.paint(0.6, 0.2)
    assert "3 points" in seen.page.inner_text("#controls")
    assert seen.page.is_checked("[name=kind][value='1']")
    assert seen.points() == [pytest.approx(place, abs=0.03) for place in [(-1, 0, 0), (1, 0, 1), (0.4, 1.2, 1)]]
    seen.change("learning_rate", "fill", "1")
    seen.play_to_the_end()
    assert seen.accuracies()[0] == 1
    other = visit("#" + seen.page.url.partition("#")[2], width=width)
    assert "3 points" in other.page.inner_text("#controls")
    seen.page.click("[name=clear]")
    seen.until(lambda: "no points yet" in seen.problem())
    assert seen.wrong == []


def test_a_long_stroke_puts_points_and_a_link_holds_them_all(visit):
    seen = visit("#data=painted&points=AAAAA")
    seen.page.locator(".points").scroll_into_view_if_needed()
    box = seen.page.locator(".points").bounding_box()
    seen.page.evaluate(COUNT_ADDRESSES)
    seen.page.mouse.move(box["x"] + 5, box["y"] + 5)
    seen.page.mouse.down()
    for i in range(260):
        row, column = divmod(i, 26)
        column = 25 - column if row % 2 else column
        x, y = box["x"] + 5 + column * box["width"] / 27, box["y"] + 5 + row * box["height"] / 11
        seen.page.mouse.move(x, y)
    seen.page.mouse.up()
    seen.page.wait_for_timeout(500)
    n = int(seen.page.inner_text("#controls").partition(" points.")[0].split()[-1])
    assert n > 200
    assert len(seen.state()["points"][0]) == 5 * n
    assert seen.page.evaluate("gaps.length > 1 && Math.min(...gaps) > 150")  # browsers take 200 in half a minute
    assert seen.wrong == []


def test_points_are_painted_by_the_keyboard(visit):
    seen = visit("#data=painted")
    seen.page.focus(".points")
    for key in ["ArrowLeft"] * 3 + ["Enter"] + ["ArrowRight"] * 6 + ["ArrowUp", "Enter"]:
        seen.page.keyboard.press(key)
    seen.until(lambda: "2 points" in seen.page.inner_text("#controls"))
    seen.until(lambda: seen.problem() == "")


def test_the_keyboard_is_enough(visit):
    seen = visit("#epochs=50")
    seen.page.focus("#play")
    seen.page.keyboard.press("Enter")
    seen.until(lambda: seen.epoch() == 50)
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Space")
    seen.until(lambda: seen.epoch() == 51)
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    seen.until(lambda: seen.epoch() == 0)
    seen.page.focus("[name=activation]")
    seen.page.keyboard.type("tanh")
    seen.until(lambda: seen.state()["activation"] == ["tanh"])
    assert seen.page.evaluate("document.activeElement.name") == "activation"
