"""Themes, colours, axes and legends that all pictures share."""

import io
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from comparisons import comparison_of
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

import fastmlp
from fastmlp import MLP
from fastmlp.datasets import circles
from fastmlp.lab import diagnose, pictures, report
from fastmlp.lab.pictures import style

X, Y = circles(60, seed=1)
FOUND = comparison_of(np.geomspace(1, 0.01, 40).reshape(2, 5, 4))
TRACED = diagnose(MLP([2, 6, 3, 1], seed=0), X, Y, histograms=10, trace=[0, 5, 10])
SNAPSHOTS = pictures.take_snapshots(MLP([2, 3, 1], seed=0), X, Y, epochs=2, at=2)
ON_AXES = {
    "loss_bands": lambda ax: pictures.loss_bands(FOUND, ax=ax),
    "decision_boundary": lambda ax: pictures.decision_boundary(lambda points: points[:, 0] > 0, X, Y, ax=ax),
    "variance_by_depth": lambda ax: pictures.variance_by_depth(TRACED, ax=ax),
    "histograms_by_layer": lambda ax: pictures.histograms_by_layer(TRACED, ax=ax),
    "dead_units": lambda ax: pictures.dead_units(TRACED, ax=ax),
    "heat_map": lambda ax: pictures.heat_map([[1, 2], [3, 4]], [1, 2], [1, 2], ax=ax),
    "sweep_map": lambda ax: pictures.sweep_map(
        comparison_of(np.ones((1, 2, 2)), configurations=[{"initializer": "he"}], varied=["learning_rate"]),
        "learning_rate",
        ax=ax,
    ),
}
ALL = pytest.mark.parametrize("draw", ON_AXES.values(), ids=ON_AXES)


def luminance(color):
    linear = np.array([((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in to_rgb(color)])
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    """That of WCAG 2: 1 for the same colour, 21 for black and white."""
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def pixels_of(figure):
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return plt.imread(io.BytesIO(png.getvalue()))


@ALL
def test_given_axes_are_drawn_on_and_others_are_not(draw):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert draw(left) is left
    assert left.has_data()
    assert not right.has_data()
    assert not plt.get_fignums()


@ALL
def test_without_axes_a_new_figure_is_made_that_pyplot_does_not_know(draw):
    before = matplotlib.rcParams.copy()
    one, other = draw(None), draw(None)
    assert one.figure is not other.figure
    assert not plt.get_fignums()
    assert matplotlib.rcParams == before


@ALL
@pytest.mark.parametrize("ax", [3, "axes", Figure()])
def test_an_axis_that_is_none_is_refused(draw, ax):
    with pytest.raises(TypeError, match="ax must be matplotlib axes or None, got "):
        draw(ax)


@ALL
def test_everything_has_a_label(draw):
    ax = draw(None)
    assert ax.get_xlabel()
    assert ax.get_ylabel()


@ALL
@pytest.mark.parametrize("name", ["light", "dark"])
def test_text_stands_out_from_the_ground_of_a_theme_also_after_it(draw, name):
    with pictures.theme(name):
        ax = draw(None)
    ax.figure.draw_without_rendering()
    ground = ax.get_facecolor()
    assert (luminance(ground) < 0.18) is (name == "dark")
    assert to_hex(ax.figure.get_facecolor()) == to_hex(ground)
    texts = [ax.xaxis.label, ax.yaxis.label, ax.title, *ax.get_xticklabels(), *ax.get_yticklabels()]
    legends = [one for one in (ax.get_legend(), *ax.figure.legends) if one is not None]
    texts += [text for legend in legends for text in (*legend.get_texts(), legend.get_title())]
    for other in ax.figure.axes[1:]:  # colour bars
        texts += [other.yaxis.label, *other.get_yticklabels()]
    assert min(contrast(text.get_color(), ground) for text in texts) > 10
    for tick in (*ax.xaxis.get_major_ticks(), *ax.yaxis.get_major_ticks()):
        assert contrast(tick.tick1line.get_markeredgecolor(), ground) > 10


@ALL
def test_new_ticks_after_a_theme_have_its_colours(draw):
    with pictures.theme("dark"):
        ax = draw(None)
    ax.figure.draw_without_rendering()
    ax.set_xticks(np.linspace(*ax.get_xlim(), 40))
    assert all(contrast(label.get_color(), ax.get_facecolor()) > 10 for label in ax.get_xticklabels())


def test_ticks_of_a_short_log_axis_have_the_colours_of_the_theme_too():
    with pictures.theme("dark"):
        ax = pictures.loss_bands(comparison_of(np.linspace(0.9, 0.5, 8).reshape(1, 2, 4)))
    ax.figure.draw_without_rendering()
    labels = [label for label in ax.get_yticklabels(which="minor") if label.get_text()]
    assert len(labels) >= 3
    assert all(contrast(label.get_color(), ax.get_facecolor()) > 10 for label in labels)
    ticks = ax.yaxis.get_minor_ticks()
    assert all(contrast(tick.tick1line.get_markeredgecolor(), ax.get_facecolor()) > 10 for tick in ticks)


@ALL
def test_the_saved_picture_is_as_dark_as_its_theme(draw):
    means = []
    for name in ("light", "dark"):
        with pictures.theme(name):
            ax = draw(None)
        means.append(pixels_of(ax.figure)[0, 0, :3].mean())
    assert means[0] > 0.95
    assert means[1] < 0.15


def test_a_theme_ends_with_its_block_also_by_an_error():
    before = matplotlib.rcParams.copy()
    for name in ("dark", "light", "dark"):
        with pytest.raises(ZeroDivisionError), pictures.theme(name):
            assert matplotlib.rcParams["axes.facecolor"] == style.THEMES[name]["axes.facecolor"]
            _ = 1 / 0
        assert matplotlib.rcParams == before


@pytest.mark.parametrize(("name", "error"), [("grey", ValueError), (None, TypeError)])
def test_an_unknown_theme_is_refused(name, error):
    with pytest.raises(error, match="theme must be one of light, dark; got"), pictures.theme(name):
        pass


def test_there_is_one_list_of_colours():
    assert report.COLORS is style.COLORS is pictures.COLORS
    assert len(set(pictures.COLORS)) == 7


@pytest.mark.parametrize(("ground", "dark"), [("white", False), ("#dddddd", False), ("black", True), ("#223355", True)])
def test_colours_go_with_the_ground_of_the_axes_whoever_made_them(ground, dark):
    ax = Figure().subplots()
    ax.set_facecolor(ground)
    assert style.is_dark(ax) is dark
    assert style.colors_of(ax)[-1] == ("#ffffff" if dark else "#000000")
    assert contrast(style.ink_of(ax), ground) > 7
    assert all(contrast(color, ground) > 1.5 for color in style.colors_of(ax))


def test_axes_without_a_ground_have_that_of_the_figure():
    figure = Figure(facecolor="black")
    ax = figure.subplots()
    ax.patch.set_alpha(0)
    ax.set_facecolor((1, 1, 1, 0))
    assert style.is_dark(ax)


def test_lines_differ_up_to_as_many_as_can_be_told_apart():
    lines = style.lines_of(Figure().subplots(), style.MOST_LINES)
    assert len({tuple(line.values()) for line in lines}) == len(lines) == 21


@pytest.mark.parametrize(
    ("name", "label"),
    [("he", "he"), ("_hidden", " _hidden"), ("a" * 60, "a" * 29 + "..."), ("two\nlines", "two\\nlines"), (3, "3")],
)
def test_a_label_is_short_and_never_hidden(name, label):
    assert style.label_of(name) == label


@pytest.mark.parametrize(("low", "high", "plain"), [(0.5, 0.9, True), (0.01, 100, False)])
def test_ticks_of_a_short_log_axis_are_plain_numbers(low, high, plain):
    ax = Figure().subplots()
    ax.plot([1, 2], [low, high])
    style.use_log(ax, "y")
    ax.figure.draw_without_rendering()
    labels = [label.get_text() for label in ax.get_yticklabels(which="both") if label.get_text()]
    assert len(labels) >= 2
    assert all("10^" in label for label in labels) is not plain
    if plain:
        assert [f"{float(label):g}" for label in labels] == labels


def test_pictures_are_part_of_the_laboratory_and_import_no_matplotlib():
    code = "import sys, fastmlp; fastmlp.lab.pictures.loss_bands; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=fastmlp.__path__[0] + "/..")
    assert done.stdout == "False\n", done.stderr


def test_the_names_are_those_that_are_listed():
    assert sorted(pictures.__all__) == pictures.__all__
    assert all(getattr(pictures, name) is not None for name in pictures.__all__)
