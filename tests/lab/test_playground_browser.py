"""The playground in headless Chromium, driven by Playwright, at the widths of a screen and of a telephone."""

import json
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import CONTRASTS, OUTSIDE, needs_chromium

from fastmlp import MLP
from fastmlp.datasets import blobs, circles
from fastmlp.lab import diagnose

pytestmark = needs_chromium
WIDTHS = [1280, 390]
OKABE_ITO = [(0, 114, 178), (230, 159, 0), (0, 158, 115)]
PUBLISHED = json.loads((Path(__file__).parents[1] / "figures" / "seed_study.json").read_text())["runs"]


# ---- the page as a whole


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_opens_without_errors_requests_or_sideways_scrolling(width, scheme, visit, address):
    seen = visit(width=width, color_scheme=scheme)
    seen.page.click("text=Edge of chaos")
    seen.until(lambda: seen.epoch() > 3)
    seen.page.click("#play")
    assert seen.wrong == []
    assert [url for url in seen.requests if not url.startswith(("data:", "blob:"))] == [address]
    assert seen.page.evaluate("document.documentElement.scrollWidth") == width
    outside = seen.page.evaluate(OUTSIDE)
    assert [found for found in outside if not found.startswith(("<t", "<data"))] == []  # the table scrolls by itself
    contrasts = seen.page.evaluate(CONTRASTS)
    assert len(contrasts) > 60
    assert [found for found in contrasts if found[0] < 4.5 and "disabled" not in found[1]] == []
    sizes = seen.page.evaluate(
        """[...document.querySelectorAll("svg text")].map((e) => {
            const svg = e.ownerSVGElement, scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
            return parseFloat(getComputedStyle(e).fontSize) * scale;
        })"""
    )
    assert min(sizes) >= 11


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("fragment", ["", "#data=painted", "#start=he::1&start=random::2&shown=1"])
def test_axe_finds_nothing_serious(width, fragment, visit):
    seen = visit(fragment, width=width)
    found = Axe().run(seen.page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []


# ---- the lessons of the exercise


@pytest.mark.parametrize(("lesson", "name"), [("symmetry", "zeros"), ("too-large", "random"), ("he", "he")])
def test_the_lessons_reach_the_published_costs_and_accuracies(lesson, name, visit):
    seen = visit()
    seen.page.click(f"[data-lesson={lesson}]")
    seen.until_over()
    published = PUBLISHED[name]
    loss = float(seen.page.get_attribute("#reached data", "value"))
    assert loss == pytest.approx(published["costs"][-1], rel=0.02 if name == "random" else 1e-9)
    assert seen.epoch() == 15000
    assert seen.accuracies() == (published["train_accuracy"], published["test_accuracy"])
    costs = seen.losses()
    assert sorted(costs) == [1000 * i for i in range(15)]
    if name == "he":
        np.testing.assert_allclose(list(costs.values()), published["costs"], rtol=1e-9)
    assert f"{loss:.4g}" in seen.page.inner_text("#reached")


def test_every_lesson_shows_what_it_says(visit):
    seen = visit()
    verdicts = {}
    for lesson in seen.page.eval_on_selector_all("[data-lesson]", "all => all.map((e) => e.dataset.lesson)"):
        seen.page.click(f"[data-lesson={lesson}]")
        seen.until_over(60)
        if lesson != "edge-of-chaos":
            verdicts[lesson] = seen.page.get_attribute(".layers-verdict", "data-verdict")
        assert seen.page.inner_text("#lesson h2") == seen.page.inner_text(f"[data-lesson={lesson}]")
        if lesson == "edge-of-chaos":
            shares = [seen.accuracies(i) for i in range(3)]
    assert verdicts == {
        "symmetry": "symmetric",
        "too-large": "healthy",
        "he": "healthy",
        "dying-relu": "dead",
        "vanishing": "vanishing",
    }
    small, edge, large = shares
    assert max(small) < 0.75
    assert min(edge) > 0.95
    assert large[0] > 0.95 > large[1] + 0.05
    assert seen.wrong == []


def test_the_plane_has_the_colors_of_what_the_network_predicts(visit):
    seen = visit("#data=blobs&classes=3&noise=0.1&epochs=300&learning_rate=0.3")
    seen.play_to_the_end()
    X, y = blobs(300, 1, n_classes=3, noise=0.1)
    model = MLP([2, 10, 5, 3], loss="multinomial_log_loss", initialization="he", seed=3)
    model.train(X, y, epochs=300, learning_rate=0.3)
    (left, right), (bottom, top) = seen.extent(X)
    places = np.array([[0.1, 0.1], [0.9, 0.5], [0.5, 0.9], [0.2, 0.6], [0.35, 0.5]])  # shares from the upper left
    points = np.c_[left + places[:, 0] * (right - left), top - places[:, 1] * (top - bottom)]
    sure = model.predict_proba(points)
    for color, probabilities in zip(seen.colors(places.tolist()), sure, strict=True):
        best = int(probabilities.argmax())
        share = 0.08 + 0.67 * (probabilities[best] - 1 / 3) / (2 / 3)
        expected = 255 + (np.array(OKABE_ITO[best]) - 255) * share
        np.testing.assert_allclose(color, expected, atol=12)


# ---- play, pause, step, rewind, speed


def test_rewind_goes_back_to_the_same_weights_and_the_same_losses(visit):
    seen = visit("#epochs=3000&optimizer=adam&batch_size=32")
    start = seen.pixels()
    seen.play_to_the_end()
    first, shown = seen.losses(), seen.pixels()
    seen.page.click("#rewind")
    seen.until(lambda: seen.epoch() == 0)
    assert seen.pixels() == start != shown
    seen.play_to_the_end()
    assert seen.losses() == first
    assert seen.pixels() == shown


def test_steps_make_one_epoch_each_with_the_losses_of_the_desktop(visit):
    seen = visit()
    X, y = circles(300, seed=1)
    model = MLP([2, 10, 5, 1], initialization="he", seed=3)
    history = model.train(X, y, epochs=3, report_every=1, learning_rate=0.01)
    for epoch in (1, 2, 3):
        seen.page.click("#step")
        seen.until(lambda epoch=epoch: seen.epoch() == epoch)
    np.testing.assert_allclose(list(seen.losses().values()), history.losses[:3], rtol=1e-12)
    assert seen.loss() == pytest.approx(model.loss_and_gradient(X, y)[0], rel=1e-12)


def test_play_and_pause(visit):
    seen = visit("#epochs=10000000")
    seen.page.click("#play")
    seen.until(lambda: seen.epoch() > 1000)
    assert seen.page.inner_text("#play") == "Pause"
    seen.until(lambda: seen.page.inner_text("#rate").replace(",", "").isdigit())
    seen.page.click("#play")
    seen.until(lambda: seen.page.inner_text("#play") == "Play")
    paused = seen.epoch()
    seen.page.wait_for_timeout(300)
    assert seen.epoch() == paused
    seen.page.click("#play")
    seen.until(lambda: seen.epoch() > paused)


def test_the_speed_of_one_epoch_a_frame(visit):
    seen = visit("#speed=1")
    seen.page.click("#play")
    seen.until(lambda: seen.epoch() >= 5)
    epochs = set()
    for _ in range(20):
        epochs.add(seen.epoch())
        seen.page.wait_for_timeout(10)
    assert max(epochs) < 500
    seen.page.select_option("#speed", "0")
    seen.until(lambda: seen.epoch() > 2000)


def test_playing_on_at_the_end_doubles_the_epochs(visit):
    seen = visit("#epochs=50")
    seen.play_to_the_end()
    assert seen.epoch() == 50
    seen.play_to_the_end()
    assert seen.epoch() == 100


def test_the_page_answers_while_it_trains(visit):
    seen = visit("#layers=128-128-128&n=1000&epochs=1000000")
    seen.page.click("#play")
    seen.until(lambda: seen.epoch() > 0)
    seen.page.select_option("[name=activation]", "tanh")
    seen.until(lambda: seen.state()["activation"] == ["tanh"] and seen.epoch() == 0)


# ---- the settings and the address

CHANGES = [
    ("data", "select", "moons", {"data": "moons"}),
    ("n", "select", "100", {"n": "100"}),
    ("noise", "fill", "0.2", {"noise": "0.2"}),
    ("data_seed", "fill", "7", {"data_seed": "7"}),
    ("initializer-1", "select", "lecun", {"start": "lecun::3"}),
    ("scale-1", "fill", "0.5", {"start": "he:0.5:3"}),
    ("seed-1", "fill", "11", {"start": "he::11"}),
    ("layer-1", "fill", "7", {"layers": "7-5"}),
    ("add-layer", "click", None, {"layers": "10-5-5"}),
    ("remove-layer", "click", None, {"layers": "10"}),
    ("activation", "select", "tanh", {"activation": "tanh"}),
    ("optimizer", "select", "adam", {"optimizer": "adam"}),
    ("learning_rate", "fill", "0.3", {"learning_rate": "0.3"}),
    ("batch_size", "select", "32", {"batch_size": "32"}),
]


@pytest.mark.parametrize(("name", "act", "value", "expected"), CHANGES, ids=[change[0] for change in CHANGES])
def test_every_control_changes_the_network_and_the_address(name, act, value, expected, visit):
    seen = visit("#epochs=20")
    seen.play_to_the_end()
    before, state = seen.losses(), seen.state()
    seen.change(name, act, value)
    seen.until(lambda: seen.epoch() == 0)
    after = seen.state()
    assert {key: after[key] for key in after if after[key] != state.get(key)} == {k: [v] for k, v in expected.items()}
    seen.play_to_the_end()
    assert seen.losses() != before
    assert seen.wrong == []


def test_the_number_of_epochs_is_a_control_too(visit):
    seen = visit()
    seen.change("epochs", "fill", "30")
    seen.play_to_the_end()
    assert seen.epoch() == 30


def test_a_link_reproduces_what_one_saw(visit):
    seen = visit()
    for name, act, value in [
        ("data", "select", "blobs"), ("classes", "select", "4"), ("noise", "fill", "0.3"), ("add-start", "click", None),
        ("initializer-2", "select", "xavier_uniform"), ("seed-2", "fill", "99"), ("optimizer", "select", "rmsprop"),
        ("batch_size", "select", "64"), ("activation", "select", "gelu"), ("epochs", "fill", "40"),
        ("layer-1", "fill", "13"),
    ]:  # fmt: skip
        seen.change(name, act, value)
    seen.play_to_the_end()
    seen.page.wait_for_timeout(250)  # the address is written five times a second
    other = visit("#" + seen.page.url.partition("#")[2])
    assert other.page.eval_on_selector_all("#controls [name]", "all => all.map((e) => [e.name, e.value])") == (
        seen.page.eval_on_selector_all("#controls [name]", "all => all.map((e) => [e.name, e.value])")
    )
    other.play_to_the_end()
    assert other.losses(1) == seen.losses(1)
    assert [other.pixels(i) for i in range(2)] == [seen.pixels(i) for i in range(2)]


def test_another_fragment_in_the_address_is_taken(visit):
    seen = visit()
    seen.page.evaluate("location.hash = '#data=xor&layers=3&epochs=10'")
    seen.until(lambda: seen.page.input_value("[name=data]") == "xor")
    assert seen.page.input_value("[name=layer-1]") == "3"


def test_reset_goes_back_to_the_settings_of_the_page(visit):
    seen = visit("#data=xor&layers=3&activation=elu")
    seen.page.click("#reset")
    seen.until(lambda: seen.state()["data"] == ["circles"])
    assert seen.state()["layers"] == ["10-5"]


# ---- layers


def test_the_verdict_and_the_figures_are_those_of_diagnose(visit):
    X, y = circles(300, seed=1)
    for name in ("zeros", "he", "random"):
        seen = visit(f"#start={name}::3")
        look = diagnose(MLP([2, 10, 5, 1], initialization=name, seed=3), X, y)
        place = "" if look.layer is None else f" from layer {look.layer}"
        expected = f"{look.verdict}{place}: {look.explanation}."
        assert expected in seen.page.inner_text(".layers-verdict")
        rows = seen.page.eval_on_selector_all(".layer-figures", "all => all.map((e) => e.textContent)")
        assert [row.split()[1] for row in rows] == [f"{v:.3g}" for v in look.layers["preactivation_variance"]]
        assert ("all\u00a010\u00a0units\u00a0are\u00a0identical" in rows[0]) == (name == "zeros")


def test_the_variances_by_depth_lie_where_they_should(visit):
    seen = visit("#layers=30-30-30&start=lecun::3")
    X, y = circles(300, seed=1)
    expected = diagnose(MLP([2, 30, 30, 30, 1], initialization="lecun", seed=3), X, y).layers["preactivation_variance"]
    heights = seen.page.eval_on_selector_all(
        ".depth-chart > svg circle", "all => all.map((e) => e.transform.baseVal[0].matrix.f)"
    )
    slope = np.polyfit(np.log10(expected), heights, 1)
    np.testing.assert_allclose(np.polyval(slope, np.log10(expected)), heights, atol=0.5)
    assert slope[0] < 0
    assert "predicted" in seen.page.get_attribute(".depth-chart > svg", "aria-label")


# ---- comparing


def test_six_starts_train_side_by_side_and_any_of_them_is_looked_into(visit):
    seen = visit("#epochs=100")
    for _ in range(5):
        seen.page.click("[name=add-start]")
    assert seen.page.is_disabled("[name=add-start]")
    assert seen.page.locator(".run").count() == 6
    seen.play_to_the_end()
    assert len({json.dumps(seen.losses(i)) for i in range(6)}) == 6
    assert seen.page.locator("#legend .entry").count() == 6
    assert all(seen.page.locator(".story").nth(i).inner_text() for i in range(6))
    seen.page.locator(".look").nth(2).click()
    seen.until(lambda: "zeros" in seen.page.inner_text(".layers-moment"))
    assert seen.page.get_attribute(".layers-verdict", "data-verdict") == "symmetric"
    assert seen.state()["shown"] == ["2"]
    seen.page.click("[name=remove-start-1]")
    seen.until(lambda: seen.page.locator(".run").count() == 5)
    assert seen.wrong == []


def test_a_hundred_seeds_are_the_desktop_s(visit):
    seen = visit("#epochs=60&layers=6&learning_rate=0.5")
    seen.play_to_the_end()
    seen.page.click("#train-seeds")
    seen.until(lambda: seen.page.inner_text("#seeds-told") != "", 60)
    X, y = circles(300, seed=1)
    finals = []
    for seed in range(3, 103):
        model = MLP([2, 6, 1], initialization="he", seed=seed)
        model.train(X, y, epochs=60, learning_rate=0.5)
        finals.append(model.loss_and_gradient(X, y)[0])
    low, median, high = np.quantile(finals, [0.05, 0.5, 0.95])
    told = seen.page.inner_text("#seeds-told")
    assert f"the final loss is {median:.3g} in the median and from {low:.3g} to {high:.3g} in 90 % of them" in told
    values = seen.page.eval_on_selector_all("#seeds-told data", "all => all.map((e) => Number(e.value))")
    np.testing.assert_allclose(values, [median, low, high], rtol=1e-12)
    n_below = sum(final < finals[0] for final in finals)
    assert f"Of them {n_below} end" in told
    assert seen.page.locator("path.band").count() == 1
