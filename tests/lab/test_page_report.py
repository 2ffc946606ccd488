"""The page as a file: whole, escaped, small, without a link, and true to the comparison."""

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from finals import comparison_of
from matplotlib import image

import fastmlp
from fastmlp import _kernels
from fastmlp.datasets import circles
from fastmlp.lab import boundary_frames, compare_initializers, page, write_report
from fastmlp.lab.page import papers, players, report
from fastmlp.lab.sweep import display

X, Y = circles(120, seed=1)
ARGUMENTS = {"epochs": 150, "learning_rate": 0.5}
VEGA = Path(page.__file__).parent / "vega"
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"a.b[c]\" 'q'"
VOID = {"meta", "link", "img", "input", "br"}


@pytest.fixture(scope="module")
def sweep():
    return compare_initializers(X, Y, [2, 6, 1], seeds=6, X_test=X, y_test=Y, progress=False, **ARGUMENTS)


@pytest.fixture(scope="module")
def frames():
    return boundary_frames(X, Y, [2, 6, 1], seed=3, **ARGUMENTS)


class Page(HTMLParser):
    """A page as its tags with attributes, the text of every kind of element, and what is not closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open, self.wrong = [], {}, [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def all(self, tag):
        return [attributes for found, attributes in self.tags if found == tag]


def page_of(comparison, **options):
    file = io.BytesIO()
    write_report(comparison, file, **options)
    return file.getvalue().decode()


@pytest.fixture(scope="module")
def text(sweep, frames):
    return page_of(sweep, frames=frames, data="Two circles.")


# ---- what it says


def test_the_table_has_the_figures_of_the_comparison(sweep, text):
    parsed = Page(text)
    headings, *rows = display.rows_of(sweep)
    cells = iter(parsed.texts["td"])
    found = [[name, *(next(cells) for _ in headings[1:])] for name in parsed.texts["th"][len(headings) :]]
    assert parsed.texts["th"][: len(headings)] == headings
    assert found == rows
    row = sweep.summary()[2]
    assert found[2][2] == f"{row['final_loss']:.4g} ({row['final_loss_5']:.4g} to {row['final_loss_95']:.4g})"
    labels = [attributes["data-label"] for attributes in parsed.all("td")]
    assert labels == headings[1:] * 3


def test_the_findings_come_first(sweep, text):
    parsed = Page(text)
    assert parsed.texts["h2"] == ["Findings", "Figures", "Charts", "The boundary while it trains", "How to repeat it"]
    (best,) = np.flatnonzero(sweep.summary()["final_loss"] == sweep.summary()["final_loss"].min())
    name, loss = sweep.configurations[best]["initializer"], sweep.summary()["final_loss"][best]
    assert parsed.texts["p"][1].startswith(
        f"{name} has the lowest median final training loss of 3 configurations, {loss:.4g};"
    )
    n_learned = np.sum((sweep.runs["initializer"] == name) & (sweep.runs["outcome"] == "learned"))
    assert parsed.texts["li"][0].startswith(f"{name}: {n_learned} of 6 runs learned")


def test_the_call_that_it_shows_makes_the_same_runs(sweep, text):
    (code,) = Page(text).texts["code"]
    names = {"X": X, "y": Y, "X_test": X, "y_test": Y, "LogLoss": fastmlp.LogLoss}
    again = eval(code, names | {"compare_initializers": lambda *a, **k: compare_initializers(*a, progress=False, **k)})
    np.testing.assert_array_equal(again.losses, sweep.losses)
    assert again.configurations == sweep.configurations


PRODUCTS = {
    "lists": {
        "initializers": ["he", ("orthogonal", {"gain": [0.5, 1.5]}), ("variance_scaling", {"mode": "fan_out"})],
        "layer_dims": [[2, 3, 3, 1], [2, 4, 2, 1]],
        "learning_rate": [0.5, 0.1],
        "activation": ["relu", ("tanh", "relu")],
    },
    "one of each": {
        "initializers": ["zeros"],
        "layer_dims": [2, 3, 3, 3, 3, 4, 1],
        "learning_rate": None,
        "activation": [("tanh", "tanh", "tanh", "tanh", "relu")],
        "optimizer": "adam",
        "batch_size": 30,
        "dtype": "float32",
    },
    "all the same": {"layer_dims": [2, 4, 4, 4, 4, 1], "activation": [("tanh",) * 4], "initializers": ["lsuv"]},
}


@pytest.mark.parametrize("arguments", PRODUCTS.values(), ids=PRODUCTS)
def test_a_product_is_called_as_it_was(arguments):
    made = compare_initializers(X, Y, seeds=[7, 9], epochs=5, progress=False, **arguments)
    (code,) = Page(page_of(made)).texts["code"]
    assert "    seeds=[7, 9],\n" in code
    again = eval(code, {"X": X, "y": Y, "LogLoss": fastmlp.LogLoss, "compare_initializers": compare_initializers})
    np.testing.assert_array_equal(again.losses, made.losses)
    assert again.configurations == made.configurations


def test_objects_of_the_callers_are_called_by_their_labels():
    def mine(layer_dims, seed):
        return fastmlp.initializers.get("he")(layer_dims, seed)

    made = compare_initializers(
        X, Y, [2, 3, 1], initializers=[mine], seeds=[4_000_000_000, 1], epochs=2, progress=False
    )
    code = report.call_of(made)
    assert "    initializers=[mine],\n" in code
    assert "    seeds=[1, 4000000000],\n" in code


def test_versions_and_kernels_are_named(text):
    facts = dict(zip(Page(text).texts["dt"], Page(text).texts["dd"], strict=True))
    assert facts["fastmlp"] == f"{fastmlp.__version__}, {_kernels.current_isa()} kernels"
    assert facts["NumPy"] == np.__version__


def test_a_command_takes_the_place_of_the_call(sweep):
    assert Page(page_of(sweep, command="fastmlp report \\\n  --seeds 6 <here>")).texts["code"] == [
        "fastmlp report \\\n  --seeds 6 <here>"
    ]


def test_without_frames_there_is_no_player(sweep):
    parsed = Page(page_of(sweep))
    assert not parsed.all("canvas")
    assert "The boundary while it trains" not in parsed.texts["h2"]


def test_players_are_named_and_failures_told(sweep):
    def failing(layer_dims, seed):
        raise RuntimeError("<no weights>")

    chosen = {"initializers": ["he", failing], **ARGUMENTS}
    made = compare_initializers(X, Y, [2, 6, 1], seeds=2, progress=False, **chosen)
    parsed = Page(page_of(made, frames=boundary_frames(X, Y, [2, 6, 1], seed=1, **chosen)))
    assert len(parsed.all("canvas")) == 1
    assert any("failing has no frames: RuntimeError: <no weights>." in text for text in parsed.texts["p"])
    assert {"Play he", "Rewind he", "Next frame of he"} <= {button.get("aria-label") for button in parsed.all("button")}


def test_every_player_has_the_frames_of_its_name(text, frames):
    parsed = Page(text)
    held = json.loads(parsed.texts["script"][0])["frames"]["runs"]
    assert [run["name"] for run in held] == parsed.texts["h3"][3:] == ["zeros", "random", "he"]
    assert [run["captions"][0] for run in held] == parsed.texts["output"]
    assert parsed.texts["output"][2] == f"The start: loss {frames.runs[2].losses[0]:.4g}"


# ---- what it is


def test_it_is_well_formed_and_every_reference_is_met(text):
    parsed = Page(text)
    assert (parsed.wrong, parsed.open) == ([], [])
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["aria-labelledby"] for attributes in parsed.all("section")} <= set(ids)
    assert all(attributes["alt"] for attributes in parsed.all("img"))
    assert all(attributes.get("aria-label") for tag in ("canvas", "input") for attributes in parsed.all(tag))
    assert dict(parsed.tags)["html"] == {"lang": "en"}


def test_it_loads_nothing(text):
    parsed = Page(text)
    for tag, attributes in parsed.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    assert not re.search(r"@import|url\(", "".join(parsed.texts["style"]))
    assert "sourceMappingURL" not in text
    (policy,) = (found["content"] for found in parsed.all("meta") if "http-equiv" in found)
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "eval" not in policy


def test_it_holds_vega_and_its_licences(text):
    scripts, licences = Page(text).texts["script"], (VEGA / "LICENSES.txt").read_text()
    for name in ("vega", "vega-lite", "vega-embed"):
        whole = (VEGA / f"{name}.min.js").read_text()
        assert whole[:200_000].partition("//# sourceMappingURL")[0] in "".join(scripts)
    assert licences in Page(text).texts["pre"]
    assert len(re.findall("Interactive Data Lab", licences)) >= 3


def test_the_runtime_is_the_one_that_its_readme_names():
    rows = re.findall(r"^\| `(.*?)` .*\) ([\d.]+) \|.*\| `(\w{64})` \|$", (VEGA / "README.md").read_text(), re.M)
    assert len(rows) == 3
    for name, version, digest in rows:
        content = (VEGA / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert f'"{version}"'.encode() in content


def test_the_same_comparison_gives_the_same_page(sweep, frames, text):
    assert page_of(sweep, frames=frames, data="Two circles.") == text


def test_pictures_for_paper_are_images(text):
    addresses = [attributes["src"] for attributes in Page(text).all("img")]
    kinds = [address.partition(";")[0] for address in addresses]
    assert kinds == ["data:image/svg+xml", "data:image/png", "data:image/png"]
    for address in addresses[1:]:
        pixels = image.imread(io.BytesIO(base64.b64decode(address.partition(",")[2])))
        assert pixels[..., :3].std() > 0.05
    assert b"<svg" in base64.b64decode(addresses[0].partition(",")[2])


def test_the_frames_on_paper_have_their_colors(frames):
    address = papers.boundaries(frames)
    pixels = image.imread(io.BytesIO(base64.b64decode(address.partition(",")[2])))[..., :3]
    label_0, label_1, grey = (np.array(color) / 255 for color in ((0, 114, 178), (213, 94, 0), (128, 128, 128)))
    shares = [(np.abs(pixels - color).max(axis=2) < 0.1).mean() for color in (label_0, label_1, grey)]
    assert 0.02 < shares[0] < 0.6
    assert 0.02 < shares[1] < 0.6
    assert shares[2] < 0.01


# ---- names of any kind


def test_texts_are_escaped(sweep):
    def evil(layer_dims, seed):
        raise RuntimeError(EVIL)

    evil.__name__ = EVIL
    chosen = {"initializers": [evil, "he"], **ARGUMENTS}
    made = compare_initializers(X, Y, [2, 6, 1], seeds=2, progress=False, **chosen)
    frames = boundary_frames(X, Y, [2, 6, 1], seed=1, **chosen)
    text = page_of(made, frames=frames, title=EVIL, data=EVIL, command=EVIL)
    parsed = Page(text)
    assert (parsed.wrong, parsed.open) == ([], [])
    assert len(parsed.all("script")) == 5
    assert not [attributes for attributes in parsed.all("img") if attributes["src"] == "x"]
    assert parsed.texts["title"] == parsed.texts["h1"] == parsed.texts["code"] == [EVIL]
    assert all(name != "onerror" for _, attributes in parsed.tags for name in attributes)
    held = json.loads(parsed.texts["script"][0])
    assert EVIL[:57] in json.dumps(held["charts"], ensure_ascii=False).replace('\\"', '"')


@pytest.mark.parametrize("label", ["\0\x1b[31m\n", "\ud800", "$title ${x} $$", "二 😀", "%s {0}"])
def test_labels_of_any_characters_are_written(label):
    text = page_of(comparison_of({label: [0.1, 0.2], "he": [0.3, 0.4]}), title=label, data=label)
    assert "\0" not in text
    assert Page(text).wrong == []


EXTREMES = {
    "huge": {"finals": {"he": [1e300, 1e308]}, "losses": np.full((2, 10), 1e300)},
    "negative": {"finals": {"he": [-0.5, -0.2]}, "losses": -np.ones((2, 10))},
    "one report": {"finals": {"he": [0.5, 0.2]}, "losses": np.ones((2, 1))},
    "one run": {"finals": {"he": [0.1]}},
    "no run": {"finals": {"he": [0.1, 0.2], "zeros": []}},
    "diverged at once": {
        "finals": {"he": [0.1], "random": [np.inf]},
        "losses": np.array([[1.0] * 10, [1.0] + [np.nan] * 9]),
        "outcomes": {("random", 0): "diverged"},
    },
}


@pytest.mark.parametrize("given", EXTREMES.values(), ids=EXTREMES)
def test_figures_of_any_size_are_written(given):
    parsed = Page(page_of(comparison_of(**given)))
    assert parsed.wrong == []
    assert "nan" not in json.dumps(json.loads(parsed.texts["script"][0]))
    assert len(parsed.all("img")) == 2


# ---- size


def test_the_largest_page_has_less_than_2_mb():
    """Many configurations with long names, many runs and reports, and frames of noise, which no packing makes small."""
    rng = np.random.default_rng(0)
    names = [f"{k} " + "long" * 20 for k in range(80)]
    losses = rng.exponential(size=(80 * 100, 300))
    finals = dict(zip(names, losses[:, -1].reshape(80, 100), strict=True))
    outcomes = {(name, seed): rng.choice(["learned", "diverged", "dead"]) for name in names for seed in range(100)}
    reasons = dict.fromkeys(outcomes, "why " * 50)
    scores = dict(zip(names, rng.random((80, 100)), strict=True))
    rates = [{"learning_rate": rate} for rate in rng.random(80)]
    made = comparison_of(finals, outcomes, losses=losses, scores=scores, reasons=reasons, varied=rates)
    noise = rng.integers(0, 256, (8, 60, 60, 60), dtype=np.uint8)
    runs = [page.RunFrames(names[k], np.arange(60), np.ones(60), noise[k], losses[100 * k], "") for k in range(8)]
    points, targets = rng.random((500, 2)), rng.integers(0, 2, 500).astype(np.uint8)
    frames = page.BoundaryFrames(0, "label", 0.0, 1.0, (0.0, 1.0, 0.0, 1.0), points, 254 * targets, runs)
    text = page_of(made, frames=frames, title="t" * 200, data="d" * 2000)
    packed = sum(len(run["bytes"]) for run in json.loads(Page(text).texts["script"][0])["frames"]["runs"])
    assert 100_000 < packed <= players.MOST_BYTES
    assert 1_800_000 < len(text.encode()) - packed + players.MOST_BYTES < 2_000_000
    assert "2 more initializers have no player." in text
    assert "20 more configurations" in text


# ---- the file, and bad input


def test_a_page_that_cannot_be_written_leaves_the_old_one(sweep, tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("old")

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(sweep, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_gets_the_whole_page(sweep, frames, text, tmp_path):
    write_report(sweep, str(tmp_path / "page.html"), frames=frames, data="Two circles.")
    assert (tmp_path / "page.html").read_bytes().decode() == text


def test_frames_of_other_runs_are_refused(sweep, frames):
    others = boundary_frames(X, Y, [2, 6, 1], seed=3, epochs=150, learning_rate=0.4)
    with pytest.raises(ValueError, match=r"the one of random from seed 3 has other losses"):
        write_report(sweep, io.BytesIO(), frames=others)
    others = boundary_frames(X, Y, [2, 6, 1], seed=77, **ARGUMENTS)
    with pytest.raises(ValueError, match=r"the one of zeros from seed 77 is not among the runs"):
        write_report(sweep, io.BytesIO(), frames=others)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"comparison": [1, 2]}, "comparison must be a Comparison"),
        ({"comparison": comparison_of({"he": []})}, "comparison must have finished runs, got none"),
        ({"title": 3}, "title must be a str, got 3"),
        ({"data": None}, "data must be a str, got None"),
        ({"command": ["ls"]}, "command must be a str"),
        ({"frames": "film"}, "frames must be BoundaryFrames or None"),
        ({"path": 3}, "path must be a path or an open binary file"),
    ],
)
def test_arguments_of_another_kind_are_refused_by_name(arguments, message, tmp_path):
    given = {"comparison": comparison_of({"he": [0.1]}), "path": tmp_path / "page.html"} | arguments
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        write_report(**given)
    assert not list(tmp_path.iterdir())
