"""The playground under a hasty hand: what begins before something else has ended."""

import pytest
from browsers import needs_chromium

pytestmark = needs_chromium
DEEPEST = "&layers=" + "-".join(["128"] * 10) + "&n=1000"
IN_WORKERS = """
const Real = Blob;
Blob = function (parts, options) { return new Real(["delete self.WebAssembly;", ...parts], options); };
"""  # the worker's script is a Blob


# ---- a number is typed, and the next control is pressed without Enter


def test_a_press_that_ends_an_input_counts(visit):
    seen = visit("#epochs=20")
    seen.page.fill("[name=learning_rate]", "0.5")
    seen.page.click("[name=add-layer]")
    seen.until(lambda: seen.state()["layers"] == ["10-5-5"])
    assert seen.state()["learning_rate"] == ["0.5"]
    seen.page.fill("[name=seed-1]", "7")
    seen.page.click("#play")
    seen.until(lambda: seen.epoch() == 20)
    assert seen.state()["start"] == ["he::7"]


def test_tab_after_an_input_goes_to_the_next_control(visit):
    seen = visit()
    seen.page.focus("[name=learning_rate]")
    seen.page.keyboard.type("5")
    seen.page.keyboard.press("Tab")
    seen.page.wait_for_timeout(100)
    assert seen.page.evaluate("document.activeElement.name") == "batch_size"


def test_the_focus_is_not_lost_with_the_start_that_is_removed(visit):
    seen = visit("#start=he::1&start=random::2")
    seen.page.focus("[name=remove-start-2]")
    seen.page.keyboard.press("Enter")
    seen.until(lambda: seen.page.evaluate("document.activeElement.name") == "add-start")


# ---- painting


def test_points_of_one_class_follow_one_another(visit):
    seen = visit("#data=painted")
    seen.page.check("[name=kind][value='1']")
    for place in (0.2, 0.4, 0.6):
        seen.paint(place, place)
    assert seen.state()["points"][0][4::5] == "BBB"
    assert seen.page.is_checked("[name=kind][value='1']")


def test_the_cursor_of_painting_is_not_drawn_over_other_data(visit):
    points = "document.querySelector('.points').toDataURL()"
    expected = visit().page.evaluate(points)
    seen = visit("#data=painted")
    seen.page.focus(".points")
    seen.page.keyboard.press("ArrowLeft")
    seen.change("data", "select", "circles")
    seen.until(lambda: seen.page.evaluate(points) == expected)


def test_many_changes_at_once_reach_the_address_within_the_limits_of_browsers(visit):
    seen = visit(
        script="""let n = 0;
        const replace = history.replaceState;
        history.replaceState = function (...given) { window.nWritten = ++n; return replace.apply(this, given); };"""
    )
    seen.page.evaluate(
        """() => {
            for (let i = 1; i <= 300; i++) {
                const input = document.querySelector("[name=seed-1]");
                input.value = i;
                input.dispatchEvent(new Event("change"));
            }
        }"""
    )
    seen.until(lambda: seen.state()["start"] == ["he::300"])
    assert seen.page.evaluate("window.nWritten") < 100


# ---- heavy networks


@pytest.mark.parametrize("fragment", ["#speed=1000000&epochs=10000000", "#speed=100" + DEEPEST])
def test_a_training_of_many_epochs_a_frame_is_paused_between_two(fragment, visit):
    seen = visit(fragment)
    seen.page.click("#play")
    seen.until(lambda: seen.epoch() > 0)
    seen.page.click("#play")
    seen.until(lambda: seen.page.inner_text("#play") == "Play")
    assert seen.epoch() < seen.page.evaluate("Number(new URLSearchParams(location.hash.slice(1)).get('speed'))")


# ---- where no networks are


def test_without_an_engine_no_control_promises_one(visit):
    seen = visit(is_working=False, script=IN_WORKERS)
    seen.until(lambda: seen.problem().startswith("This browser has no WebAssembly"))
    assert seen.page.eval_on_selector_all("button, select", "all => all.every((e) => e.disabled || e.hidden)")


def test_a_sentence_stays_until_what_it_says_is_mended(visit):
    seen = visit("#start=he:-1:3")
    seen.until(lambda: seen.problem() == "The scale must be at least 0, got -1.")
    seen.page.select_option("#speed", "1")
    seen.page.wait_for_timeout(200)
    assert seen.problem() == "The scale must be at least 0, got -1."
    assert seen.page.is_disabled("#play")
    seen.change("scale-1", "fill", "2")
    assert seen.problem() == ""
    seen.page.click("#step")
    seen.until(lambda: seen.epoch() == 1)


def test_planes_of_networks_that_are_gone_are_not_looked_into(visit):
    seen = visit("#start=he::1&start=random::2")
    seen.page.fill("[name=scale-1]", "-1")
    seen.page.click("[name=remove-start-2]")
    seen.until(lambda: seen.problem() != "")
    assert seen.page.locator(".look").nth(1).is_disabled()
    assert seen.page.is_disabled("#train-seeds")


def test_many_wrong_settings_of_a_link_are_counted(visit):
    seen = visit("#" + "&".join(f"k{i}" for i in range(2000)))
    assert seen.problem().endswith(
        "There is no setting k2; the link has one. And 1997 more of the link's settings are wrong."
    )


# ---- what is looked at


def test_a_link_chooses_the_start_that_is_looked_into_also_of_an_open_page(visit):
    seen = visit("#start=he::1&start=random::2")
    seen.page.evaluate("location.hash = '#start=he::1&start=random::2&shown=1'")
    seen.until(lambda: seen.page.inner_text(".layers-moment") == "random, seed 2, iteration 0")
    assert seen.page.eval_on_selector_all(".look", "all => all.map((e) => e.ariaPressed)") == ["false", "true"]


def test_a_start_before_that_which_is_looked_into_is_removed(visit):
    seen = visit("#start=he::1&start=random::2&start=zeros::2&shown=1")
    seen.change("remove-start-1", "click", None)
    seen.until(lambda: seen.page.inner_text(".layers-moment") == "random, seed 2, iteration 0")


def test_a_lesson_goes_on_while_other_layers_are_looked_into(visit):
    seen = visit()
    seen.page.click("[data-lesson=edge-of-chaos]")
    seen.until(lambda: seen.epoch() > 0)
    seen.page.locator(".look").nth(2).click()
    seen.page.select_option("#speed", "1")
    assert seen.page.inner_text("#lesson h2") == "Edge of chaos"


def test_reset_forgets_a_training_also_where_the_settings_are_the_same(visit):
    seen = visit()
    seen.page.click("[data-lesson=he]")
    seen.until_over()
    seen.page.click("#reset")
    seen.until(lambda: seen.epoch() == 0)
    assert not seen.page.is_visible("#lesson")


def test_a_speed_of_a_link_is_among_the_speeds(visit):
    seen = visit("#speed=7")
    assert seen.page.input_value("#speed") == "7"
    seen.page.select_option("#speed", "1")
    assert seen.page.locator("#speed option").count() == 4


# ---- everything at once


def test_presses_in_any_order_leave_a_page_that_works(visit):
    seen = visit("#epochs=3000")
    presses = ["#play", "#step", "[data-lesson=he]", "#train-seeds", "#rewind", "[data-lesson=edge-of-chaos]", "#reset"]
    presses += ["[data-lesson=vanishing]", "[name=add-start]", "#play", "[name=add-layer]", "#train-seeds", "#play"]
    press = "(selector) => document.querySelector(selector)?.click()"
    for stride in (1, 5, 8):
        for i in range(40):
            seen.page.evaluate(press, presses[i * stride % len(presses)])
            if i % 7 == 0:
                seen.page.wait_for_timeout(20)
    seen.page.click("[data-lesson=he]")
    seen.until(lambda: seen.page.is_visible("#reached data"), 60)
    assert float(seen.page.get_attribute("#reached data", "value")) == pytest.approx(0.0736, abs=1e-4)
    assert seen.problem() == ""
    assert seen.page.get_attribute("#planes", "aria-busy") == "false"
