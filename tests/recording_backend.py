"""A backend for matplotlib that keeps each picture shown, in place of a window that its reader closes."""

from matplotlib import pyplot as plt
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

FigureCanvas, FigureManager = FigureCanvasAgg, FigureManagerBase
shown = []  # by each call of show, the figures then open


def show(*args, **kwargs):
    record()
    plt.close("all")


def record():
    """Keep the open figures, as show does, and leave them open."""
    shown.append([plt.figure(number) for number in plt.get_fignums()])


def contents():
    """What each call of show found: for each figure the kinds of artists on its one pair of axes, and their title."""
    return [[_content(figure) for figure in figures] for figures in shown]


def _content(figure):
    (axes,) = figure.axes
    kinds = [type(artist).__name__ for artist in (*axes.lines, *axes.collections)]
    return kinds, axes.get_title()
