"""The page: its parts put together from the files in templates/ and vega/."""

import dataclasses
import re
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

import numpy as np

import fastmlp
from fastmlp import checks, files
from fastmlp.lab.page import papers
from fastmlp.lab.page.charts import MOST_REPORTS, Chart, charts_of
from fastmlp.lab.page.findings import Findings, findings_of
from fastmlp.lab.page.frames import BoundaryFrames, RunFrames
from fastmlp.lab.page.players import caption, key, players_of
from fastmlp.lab.page.repeat import call_of, versions
from fastmlp.lab.page.wording import names_of
from fastmlp.lab.sweep import display
from fastmlp.lab.sweep.comparison import Comparison
from fastmlp.text import json_of_script, printable

HERE = Path(__file__).parent
MOST_PLAYERS = 6
CAPTION = (
    "Final loss: the median, and the band of the runs from 5 to 95 %. Scores: the mean, and its bootstrap 95 % "
    "interval. Time: the median of a training."
)
REPEAT = (
    "A run's draws depend on its configuration and seed alone: with the same data and the kernels named here it has "
    "the same bits in any order and with any number of workers. Names without quotes are objects of the caller's. This "
    "page was written with:"
)
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)  # a file that the page does not have


def write_report(
    comparison: Comparison,
    path: Any,
    *,
    title: str = "Initializations compared",
    data: str = "",
    frames: BoundaryFrames | None = None,
    command: str | None = None,
    playground: str | None = None,
) -> None:
    """Write a comparison as one HTML page that needs nothing beside itself, of less than 2 MB.

    The page begins with the findings in words; then come the table, charts that answer to the pointer, players of
    ``frames``, and how to repeat it.  On paper, pictures stand in for charts and players.

    Parameters
    ----------
    comparison : Comparison
    path : path or binary file
        A path is written whole or not at all.
    title : str, default="Initializations compared"
    data : str, default=""
        What the examples are.
    frames : BoundaryFrames, default=None
        From :func:`boundary_frames` with the arguments of the comparison.
    command : str, default=None
        The command that made the page; None shows the call of :func:`compare_initializers`.
    playground : str, default=None
        An address that the page links to, such as that of a page of :func:`write_playground` beside it.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, the comparison has no runs, or the frames are not of its runs.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import io
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import compare_initializers, write_report
    >>> X, y = circles(100, seed=1)
    >>> found = compare_initializers(X, y, [2, 4, 1], seeds=3, epochs=20, progress=False)
    >>> page = io.BytesIO()
    >>> write_report(found, page, title="Three seeds")
    >>> b"<title>Three seeds</title>" in page.getvalue()
    True
    """
    if not isinstance(comparison, Comparison):
        raise TypeError(f"comparison must be a Comparison, got {checks.shown(comparison)}")
    if not len(comparison):
        raise ValueError("comparison must have finished runs, got none")
    optional = {"command": command, "playground": playground}
    given = {name: text for name, text in optional.items() if text is not None}
    for name, text in {"title": title, "data": data, **given}.items():
        if not isinstance(text, str):
            raise TypeError(f"{name} must be a str, got {checks.shown(text)}")
    if playground is not None and urlsplit(playground).scheme not in ("", "http", "https", "file"):
        raise ValueError(f"playground must be a relative address, or one of http, https or file; got {playground!r}")
    shown = frames if frames is None else named(comparison, frames)
    text = page_of(comparison, title, data, shown, command, playground)
    files.write_to("path", path, lambda file: file.write(text.encode()))


def named(comparison: Comparison, frames: Any) -> BoundaryFrames:
    """Return the frames with the names of their runs' configurations in place of the initializers' labels.

    Frames of runs that the comparison does not hold, with the same losses to the bit, are refused.
    """
    if not isinstance(frames, BoundaryFrames):
        raise TypeError(f"frames must be BoundaryFrames or None, got {checks.shown(frames)}")
    names, runs, found = names_of(comparison), comparison.runs, []
    for run in frames.runs:
        own = np.flatnonzero((runs["initializer"] == run.initializer) & (runs["seed"] == frames.seed))
        same = [i for i in own if np.array_equal(comparison.losses[i], run.reported, equal_nan=True)]
        if not same:
            what = "has other losses" if len(own) else "is not among the runs"
            raise ValueError(
                f"frames must show runs of the comparison; the one of {run.initializer} from seed {frames.seed} {what}"
            )
        found.append(dataclasses.replace(run, initializer=names[runs["configuration"][same[0]]]))
    return dataclasses.replace(frames, runs=found)


def page_of(
    comparison: Comparison,
    title: str,
    data: str,
    frames: BoundaryFrames | None,
    command: str | None,
    playground: str | None,
) -> str:
    """Return the page as text."""
    summary, thinned = comparison.summary(), _thinned(comparison)
    charts = charts_of(thinned, summary)
    played = None if frames is None else _played(frames)
    held = {"charts": [chart.specification for chart in charts], "frames": played and players_of(played)}
    return _template("page.html").substitute(
        version=fastmlp.__version__,
        title=_escaped(title),
        heading=_escaped(display.heading(comparison)),
        data=f" {_escaped(data)}" if data else "",
        style=_read("templates/theme.css") + _read("templates/page.css"),
        findings=_findings(findings_of(comparison, summary)),
        table=_table(display.rows_of(comparison), display.rest_of(comparison)),
        charts="".join(_chart(i, chart, thinned, summary) for i, chart in enumerate(charts)),
        boundaries=_boundaries(frames, played) if frames and played else "",
        repeat=_repeat(comparison, command) + _link(playground),
        licences=escape(_read("vega/LICENSES.txt")),
        json=json_of_script(held),
        script=_read("templates/charts.js") + _read("templates/players.js"),
        **{name.replace("-", "_"): _library(name) for name in ("vega", "vega-lite", "vega-embed")},
    )


def _thinned(comparison: Comparison) -> Comparison:
    """The same runs with fewer losses, where there are more than a picture shows."""
    at = np.unique(np.linspace(0, len(comparison.epochs) - 1, MOST_REPORTS).round().astype(int))
    return Comparison(
        comparison.runs,
        comparison.losses[:, at],
        comparison.epochs[at],
        comparison.configurations,
        comparison.settings,
        comparison.n_missing,
    )


def _played(frames: BoundaryFrames) -> BoundaryFrames | None:
    """The frames with those runs alone that get a player, or None if there is no such run."""
    runs = [run for run in frames.runs if len(run.frames)][:MOST_PLAYERS]
    return dataclasses.replace(frames, runs=runs) if runs else None


# ---- the parts of the page


def _findings(found: Findings) -> str:
    configurations = _list([f"<b>{_escaped(name)}</b>: {_escaped(text)}" for name, text in found.configurations])
    differences = _list(list(map(_escaped, found.differences)))
    rest = "".join(f"<p>{_escaped(text)}</p>\n" for text in found.rest)
    return f'<p class="first">{_escaped(found.first)}</p>\n{configurations}{differences}{rest}'


def _list(items: list[str]) -> str:
    return "<ul>\n" + "".join(f"<li>{item}</li>\n" for item in items) + "</ul>\n" if items else ""


def _table(rows: list[list[str]], rest: list[str]) -> str:
    """A table with explicit roles, which browsers else drop where CSS turns rows into cards."""
    headings = [_escaped(heading) for heading in rows[0]]
    head = "".join(f'<th scope="col" role="columnheader">{heading}</th>' for heading in headings)
    body = ""
    for name, *cells in rows[1:]:
        body += f'<tr role="row"><th scope="row" role="rowheader">{_escaped(name)}</th>'
        for heading, cell in zip(headings[1:], cells, strict=True):
            body += f'<td role="cell" data-label="{heading}">{_escaped(cell)}</td>'
        body += "</tr>\n"
    return f"""<div class="table" role="region" aria-label="Figures by configuration" tabindex="0">
<table role="table">
<caption>{CAPTION}</caption>
<thead role="rowgroup"><tr role="row">{head}</tr></thead>
<tbody role="rowgroup">
{body}</tbody>
</table>
</div>
{"".join(f"<p>{_escaped(line)}</p>" for line in rest)}
"""


def _chart(number: int, chart: Chart, comparison: Comparison, summary: np.ndarray) -> str:
    draw = papers.OF.get(chart.name)
    return _template("chart.html").substitute(
        number=number,
        title=_escaped(chart.title),
        caption=_escaped(chart.caption),
        hint=_escaped(chart.hint),
        picture=_picture(draw(comparison, summary), chart.title) if draw else "",
    )


def _boundaries(frames: BoundaryFrames, played: BoundaryFrames) -> str:
    """The players of some runs, and what is said of the others."""
    failed = [f"{run.initializer} has no frames: {run.reason}." for run in frames.runs if run.reason]
    n_more = len(frames.runs) - len(failed) - len(played.runs)
    more = [f"{n_more} more initializers have no player."] if n_more else []
    first, second = (f"{low:.4g} to {high:.4g}" for low, high in (played.extent[:2], played.extent[2:]))
    description = (
        f"What one network of each initializer predicts in the plane of both features, trained from seed {frames.seed} "
        f"with the very updates of its run above: the first feature from {first}, left to right, the second from "
        f"{second}, bottom to top."
    )
    return _template("boundaries.html").substitute(
        description=_escaped(" ".join([description, *failed, *more])),
        key=" ".join(_entry(text, colors) for text, colors in key(played)),
        players="".join(_player(i, run) for i, run in enumerate(played.runs)),
        picture=_picture(papers.boundaries(played), "The boundary from the start to the end of each training"),
    )


def _entry(text: str, colors: list[str]) -> str:
    fading = len(colors) > 1
    ground = f"linear-gradient(to right, {', '.join(colors)})" if fading else colors[0]
    swatch = f'<span class="swatch{" fading" if fading else ""}" style="background: {ground}"></span>'
    return f'<span class="entry">{swatch} {_escaped(text)}</span>'


def _player(number: int, run: RunFrames) -> str:
    return _template("player.html").substitute(
        number=number,
        name=_escaped(run.initializer),
        start=_escaped(caption(run, 0)),
    )


def _picture(address: str, text: str) -> str:
    return f'<p class="paper"><img src="{address}" alt="{_escaped(text)}"></p>\n'


def _repeat(comparison: Comparison, command: str | None) -> str:
    facts = "".join(f"<dt>{_escaped(name)}</dt><dd>{_escaped(text)}</dd>\n" for name, text in versions().items())
    lines = (call_of(comparison) if command is None else command).splitlines()
    text = "\n".join(map(_escaped, lines))
    return f"<pre><code>{text}</code></pre>\n<p>{REPEAT}</p>\n<dl>\n{facts}</dl>\n"


def _link(playground: str | None) -> str:
    """A link to the playground; the address is escaped, so that it ends no attribute."""
    if playground is None:
        return ""
    return f'<p class="screen"><a href="{_escaped(playground)}">Train these starts in the playground</a></p>\n'


# ---- text


def _escaped(text: str) -> str:
    """A text of any origin as text of HTML, in one line."""
    return escape(printable(text))


def _library(name: str) -> str:
    return SOURCE_MAP.sub("", _read(f"vega/{name}.min.js"))


def _template(name: str) -> Template:
    return Template(_read(f"templates/{name}"))


@cache
def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
