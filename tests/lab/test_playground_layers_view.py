"""The playground's column of layers in a browser: what it says and draws of looks made for the purpose."""

import json
import math
import re
from itertools import pairwise
from pathlib import Path

import pytest
from browsers import CONTRASTS, OUTSIDE, needs_chromium

from fastmlp.lab.page import report
from fastmlp.lab.playground import bundle

pytestmark = needs_chromium
COLUMN, PHONE = 352, 390  # 22rem of a desktop, and the whole width of a phone
PADDING = 16  # of the page
TEMPLATES = Path(report.__file__).parent / "templates"
PAGE_CSS = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("theme.css", "page.css"))
COUNTS = [1, 4, 9, 16, 8, 0, 2, 1]
SMALLEST_TYPE = """Math.min(...[...document.querySelectorAll("p, h3, span, figcaption, text")]
    .filter((e) => e.textContent && e.getClientRects().length).map((e) => {
        const scale = e.tagName === "text" ? e.ownerSVGElement.getBoundingClientRect().width / 340 : 1;
        return scale * parseFloat(getComputedStyle(e).fontSize);
    }))"""
OVERLAPS = """[...document.querySelectorAll(".depth-chart > svg")].flatMap((svg) => {
    const labels = [...svg.querySelectorAll("text")].map((e) => [e.textContent, e.getBoundingClientRect()]);
    const frame = svg.getBoundingClientRect();
    const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 2 || b.bottom <= a.top + 2;
    const clipped = labels.filter(([, a]) => a.left < frame.left - 1 || a.right > frame.right + 1
        || a.top < frame.top - 3 || a.bottom > frame.bottom + 3);
    const met = labels.flatMap(([s, a], i) => labels.slice(i + 1).filter(([, b]) => !apart(a, b)).map(([t]) => [s, t]));
    return [...clipped.map(([text]) => text), ...met];
})"""


def layer_of(units=10, activation="relu", **changed):
    made = {"units": units, "activation": activation, "preactivation_mean": 0.1, "preactivation_variance": 1.0}
    made |= {"activation_mean": 0.4, "activation_variance": 0.3, "gradient_mean": 0.0, "gradient_variance": 1e-4}
    made |= {"weight_gradient_norm": 0.1, "saturated": 0.0, "dead": 0.1, "distinct_units": units, "jacobian_norm": 1.0}
    return made | changed


def look_of(variances, gradients=None, predicted=None, finding=("healthy", None, "all is well"), **changed):
    gradients = gradients or [1e-4] * len(variances)
    layers = [
        layer_of(preactivation_variance=v, gradient_variance=g, **changed)
        for v, g in zip(variances, gradients, strict=True)
    ]
    layers[-1] |= {"units": 1, "activation": "logistic", "distinct_units": 1}
    histogram = {"low": -3.25, "high": 4.75, "counts": COUNTS}
    gradient = {**histogram, "low": -1.25e-5, "high": 2e-5}
    histograms = [{"preactivation": histogram, "gradient": gradient} for _ in layers]
    found = dict(zip(("verdict", "layer", "text"), finding, strict=True))
    moment = {"name": "he (seed 3)", "epoch": 1200, "epochWord": "epoch", "layers": layers, "histograms": histograms}
    return {**moment, "finding": found, "predicted": predicted}


HEALTHY = look_of([1.5, 0.9, 2.0], [1e-4, 2e-4, 4e-4], {"forward": [1.6, 1.0, 2.1], "backward": [0.3, 0.6, 1.0]})
SAME = ("symmetric", 1, "all 10 units of layer 1 have the same weights")
SYMMETRIC = look_of([1, 1, 1], finding=SAME, distinct_units=1)
DEEP = look_of(
    [10.0**-i for i in range(11)],
    [1e-30 * 1e3**i for i in range(11)],
    finding=("vanishing", 4, "the slopes of relu times the weights are too small. Try he."),
    units=128,
    distinct_units=128,
)
BROKEN = look_of([1, 0, 0, math.nan, math.inf, 4], [0, 1, 1, 1, 1, 0], finding=("exploding", 4, "it diverged"))
BROKEN["histograms"][3]["preactivation"] = {"low": math.nan, "high": math.nan, "counts": [0] * 8}
HUGE = look_of([1e-300, 1e300, 5e-324, 1.7e308], saturated=math.nan)
LOOKS = {"healthy": HEALTHY, "symmetric": SYMMETRIC, "deep": DEEP, "broken": BROKEN, "huge": HUGE}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    css = PAGE_CSS + (bundle.WEB / "layers.css").read_text(encoding="utf-8")
    page = f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>layers</title><style>{css}</style><main id="view"></main>
        <script>{bundle.bundled("layers.js")}
        const view = module_layers.makeLayersView(document.querySelector("#view"));</script></html>"""
    path = tmp_path_factory.mktemp("view") / "view.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


class View:
    def __init__(self, context, address):
        self.page, self.wrong = context.new_page(), []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.goto(address)

    def show(self, look):
        self.page.evaluate(f"view.show({json.dumps(look)})")  # JSON of Python has NaN and Infinity as JavaScript does
        assert self.wrong == []

    def text(self, selector):
        return self.page.inner_text(selector)

    def all_of(self, selector, name=None):
        found = self.page.locator(selector)
        if name is not None:
            return [one.get_attribute(name) for one in found.all()]
        return [text.replace("\u00a0", " ") for text in found.all_inner_texts()]


@pytest.fixture
def opened(browser, address):
    contexts = []

    def make(width=COLUMN + 2 * PADDING, scheme="light"):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme))
        return View(contexts[-1], address)

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def view(opened):
    return opened()


def places(view, chart):
    """Return the heights of the markers that a chart shows, from above."""
    markers = view.page.locator(".depth-chart").nth(chart).locator(":scope > svg > .marker:not([visibility=hidden])")
    return [float(re.search(r" ([\d.]+)\)", one.get_attribute("transform")).group(1)) for one in markers.all()]


def notes(view):
    return view.all_of(".depth-note")


def test_a_healthy_look_is_said_in_words_with_a_sign(view):
    view.show(HEALTHY)
    assert view.text(".layers-verdict") == "\u2713healthy: all is well."
    assert view.text(".layers-moment") == "he (seed 3), epoch 1,200"
    assert view.all_of("h3") == ["layer 1: 10 relu units", "layer 2: 10 relu units", "output: 1 logistic unit"]
    figures = view.all_of(".layer-figures")
    assert figures[0] == "variance 1.5 · 10% dead · 0% saturated · 10 of 10 distinct"
    assert "distinct" not in figures[2]
    assert notes(view) == ["", ""]


def test_a_fault_has_its_layer_another_sign_and_one_full_stop(view):
    view.show(SYMMETRIC)
    assert view.text(".layers-verdict") == f"\u26a0\ufe0esymmetric from layer 1: {SAME[2]}."
    identical = [text.endswith("all 10 units are identical") for text in view.all_of(".layer-figures")]
    assert identical == [True, True, False]
    assert notes(view) == ["No prediction: the weights of this start are not random.", ""]
    view.show(DEEP)
    assert view.text(".layers-verdict").endswith("Try he.")


def test_markers_lie_on_the_log_axis_and_the_lines_pass_through_them(view):
    view.show(DEEP)
    steps = [b - a for a, b in pairwise(places(view, 0))]
    assert steps == pytest.approx([9.0] * 10, abs=0.11)  # ten decades share 90 pixels
    assert all(step < 0 for step in [b - a for a, b in pairwise(places(view, 1))])
    view.show(HEALTHY)
    for chart, values in ((0, [1.5, 0.9, 2.0]), (1, [0.25, 0.5, 1.0])):
        low, high = (-1, 1) if chart == 0 else (-1, 0)
        expected = [98 - 90 * (math.log10(value) - low) / (high - low) for value in values]
        assert places(view, chart) == pytest.approx(expected, abs=0.06)
        figure = view.page.locator(".depth-chart").nth(chart)
        assert figure.locator(":scope > svg > .measured").get_attribute("d").count("L") == 2
    predicted = view.all_of(".depth-chart > svg > .predicted", "d")
    assert float(predicted[1].split(" ")[-1]) == 8  # the output layer's own ratio, 1, at the top of the axis
    assert view.all_of(".ticks", "class") == ["ticks"] * 2
    assert view.page.locator(".ticks").nth(0).locator("text").all_text_contents() == ["0.1", "1", "10"]


def test_what_has_no_logarithm_leaves_a_gap_and_is_named(view):
    view.show(BROKEN)
    assert len(places(view, 0)) == 2
    assert places(view, 1) == []
    assert notes(view)[0].startswith("Not drawn: layers 2 and 3 (0), layer 4 (not a number), layer 5 (infinite). ")
    assert notes(view)[1].startswith("The mean square of the output layer's gradients is 0 or not finite")
    view.show(look_of([1, 1, 1], predicted={"forward": [1, 0, 0], "backward": [math.inf, 1, 1]}))
    assert notes(view)[0] == "Predicted, not drawn: layers 2 and the output (0)."
    assert notes(view)[1] == "Predicted, not drawn: layer 1 (infinite)."
    view.show(BROKEN)
    line = view.all_of(".depth-chart > svg > .measured", "d")[0]
    assert (line.count("M"), line.count("L")) == (2, 0)
    assert [i for i, path in enumerate(view.all_of(".layer-row .preactivations", "d")) if path == ""] == [3]
    assert [i for i, text in enumerate(view.all_of(".ends")) if text == "no finite values"] == [6]
    assert "NaN" not in view.page.content().split("<script>")[0]


def test_the_whole_range_of_doubles_is_drawn(view):
    view.show(HUGE)
    assert len(places(view, 0)) == 4
    assert all(0 <= place <= 132 for place in places(view, 0))
    assert "saturated" not in view.all_of(".layer-figures")[0]


def test_bars_are_as_high_as_their_counts(view):
    view.show(HEALTHY)
    path = view.all_of(".layer-row .preactivations", "d")[0]
    bars = re.findall(r"M([\d.]+) 40V([\d.]+)h([\d.]+)V40Z", path)
    assert [float(left) for left, _, _ in bars] == [20 * i for i, count in enumerate(COUNTS) if count]
    heights = [40 - float(top) for _, top, _ in bars]
    assert heights == pytest.approx([40 * count / max(COUNTS) for count in COUNTS if count], abs=0.01)
    assert view.all_of(".layer-row .zero", "d")[0] == "M65.00 0V40"
    assert view.all_of(".ends span")[:4] == ["-3.25", "4.75", "-1.25e-05", "2e-05"]


def test_images_have_a_label_that_follows_the_look(view):
    view.show(HEALTHY)
    labels = view.all_of("svg[role=img]", "aria-label")
    assert labels[0] == (
        "Variance of the pre-activations, by layer, measured: 1.5, 0.9, 2; predicted at the start: 1.6, 1, 2.1."
    )
    assert labels[2] == "Pre-activations of layer 1: from -3.25 to 4.75."
    view.show(look_of([3, 0, 2.0]))
    assert view.all_of("svg[role=img]", "aria-label")[0].endswith("measured: 3, 0, 2.")


def test_a_new_look_at_the_same_network_makes_no_element_and_announces_nothing(view):
    view.show(HEALTHY)
    view.page.evaluate("""() => {
        window.changes = [];
        const watcher = new MutationObserver((found) => changes.push(...found));
        const watch = (element, options) => watcher.observe(element, options);
        watch(document.querySelector("[role=status]"), { childList: true, characterData: true, subtree: true });
        watch(document.querySelector(".layer-rows"), { childList: true });
        window.row = document.querySelector(".layer-row");
    }""")
    view.show({**HEALTHY, "epoch": 1300, "finding": {"verdict": "healthy", "layer": None, "text": "all is very well"}})
    assert view.text(".layers-verdict").endswith("healthy: all is very well.")
    assert view.page.evaluate("changes.length") == 0
    assert view.page.evaluate("row === document.querySelector('.layer-row')")
    view.show(DEEP)
    assert view.page.locator(".layer-row").count() == 11
    assert view.page.evaluate("changes.length") > 0


def test_one_layer_alone_and_no_network(view):
    view.show(look_of([2.0]))
    assert view.all_of("h3") == ["output: 1 logistic unit"]
    assert len(places(view, 0)) == 1
    view.page.evaluate("view.clear('There are no points yet.')")
    assert view.text("#view") == "There are no points yet."
    view.show(HEALTHY)
    assert "no points" not in view.text("#view")


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [COLUMN + 2 * PADDING, PHONE])
def test_it_fits_its_column_and_can_be_read(width, scheme, look, opened):
    view = opened(width, scheme)
    view.show(LOOKS[look])
    assert view.page.evaluate("document.documentElement.scrollWidth") == width
    assert view.page.evaluate(OUTSIDE) == []
    assert view.page.evaluate(OVERLAPS) == []
    assert view.page.evaluate(SMALLEST_TYPE) >= 11
    contrasts = view.page.evaluate(CONTRASTS)
    assert len(contrasts) > 10
    assert [found for found in contrasts if found[0] < 4.5] == []
