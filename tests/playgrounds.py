"""A playground that is open in a browser."""

from urllib.parse import parse_qs

import numpy as np
from browsers import until


class Playground:
    """The page, with all that went wrong and all that it asked for."""

    def __init__(self, browser, address, width=1280, script=None, is_working=True, **options):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page = self.context.new_page()
        self.wrong, self.requests = [], []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("request", lambda request: self.requests.append(request.url))
        if script:
            self.page.add_init_script(script)
        self.page.goto(address)
        if is_working:
            self.until(lambda: self.loss() is not None or self.problem())

    def until(self, condition, seconds=20):
        until(self.page, condition, seconds)

    def problem(self):
        return self.page.inner_text("#problem") if self.page.is_visible("#problem") else ""

    def state(self):
        """What the address holds once it is written."""
        self.page.wait_for_timeout(200)
        return parse_qs(self.page.url.partition("#")[2], keep_blank_values=True)

    def epoch(self):
        return int(self.page.get_attribute("#epoch", "value"))

    def _value(self, start, name):
        values = self.page.eval_on_selector_all(f".run[data-start='{start}'] .{name}", "all => all.map((e) => e.value)")
        return float(values[0]) if values and values[0] else None

    def loss(self, start=0):
        return self._value(start, "loss")

    def accuracies(self, start=0):
        return self._value(start, "train"), self._value(start, "test")

    def losses(self, start=0):
        """The table of losses by epoch, to the last bit."""
        rows = self.page.eval_on_selector_all(
            "#losses tr:not(:first-child)",
            "rows => rows.map((row) => [row.cells[0].textContent, "
            "[...row.cells].slice(1).map((cell) => cell.querySelector('data')?.value)])",
        )
        return {int(epoch.replace(",", "")): float(cells[start]) for epoch, cells in rows if cells[start]}

    def pixels(self, start=0):
        """What the plane of a start shows."""
        return self.page.evaluate(f"document.querySelector(\".run[data-start='{start}'] .plane\").toDataURL()")

    def extent(self, X):
        """The ends of both axes of the plane around examples."""
        half = 0.75 * max(np.ptp(X, axis=0))
        return [(middle - half, middle + half) for middle in (X.min(axis=0) + X.max(axis=0)) / 2]

    def colors(self, places):
        """The colours of the plane at places, shares of its sides from the upper left."""
        script = """(places) => {
            const { width, height } = document.querySelector(".plane");
            const { data } = document.querySelector(".plane").getContext("2d").getImageData(0, 0, width, height);
            return places.map(([x, y]) => {
                const at = 4 * (Math.floor(y * height) * width + Math.floor(x * width));
                return [...data.slice(at, at + 3)];
            });
        }"""
        return self.page.evaluate(script, [list(place) for place in places])

    def points(self):
        """The painted points of the address."""
        text = self.state()["points"][0]
        digits = ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(c) for c in text]
        rows = [digits[i : i + 5] for i in range(0, len(digits), 5)]
        return [((64 * a + b) / 4095 * 4 - 2, (64 * c + d) / 4095 * 4 - 2, kind) for a, b, c, d, kind in rows]

    def change(self, name, act, value):
        """Use a control by its name."""
        control = self.page.locator(f"[name={name}]")
        if act == "click":
            control.click()
        elif act == "select":
            control.select_option(value)
        else:
            control.fill(value)
            control.press("Enter")
        self.page.wait_for_timeout(50)
        self.until(lambda: self.problem() or self.page.is_enabled("#play"))

    def play_to_the_end(self, seconds=30):
        before = self.epoch()
        self.until(lambda: self.page.is_enabled("#play"))
        self.page.click("#play")
        self.until(lambda: self.epoch() > before or self.problem(), seconds)
        self.until_over(seconds)

    def until_over(self, seconds=30):
        """Wait until a training is over, of which the stories are told then."""
        told = "!document.querySelector('.story:empty, #planes[aria-busy=true]')"
        self.until(lambda: self.page.inner_text("#play") == "Play" and self.page.evaluate(told), seconds)

    def paint(self, right, down):
        """Click into the plane, at shares of its sides."""
        self.page.locator(".points").scroll_into_view_if_needed()
        box = self.page.locator(".points").bounding_box()
        self.page.mouse.click(box["x"] + right * box["width"], box["y"] + down * box["height"])
        self.page.wait_for_timeout(100)
