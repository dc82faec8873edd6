"""What was found, as pictures for the documentation: one a row, where it has something to show."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .clients import FAST
from .findings import Found

Series = Mapping[str, Sequence[float]]

_OURS, _THEIRS = "#0b7a75", "#b8c4cc"
_WHO: Mapping[str, tuple[str, float, int]] = {
    "possible": ("#c9ced2", 5.0, 1),
    "hint only": ("#5b6c8f", 1.0, 2),
    "AWS adaptive": ("#e0a030", 1.0, 3),
    "first wave": ("#d1495b", 1.2, 4),
    "segmind-swap": (_OURS, 1.8, 5),
}
"""Colour, width and order of the lines."""
_POINTS = 120
_STYLE: Any = {
    # As text: a tenth of the size, and it can be searched.
    "svg.fonttype": "none",
    "svg.hashsalt": "segmind-swap",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
}


def _cpu(axes: Axes, series: Series) -> None:
    names = sorted(series, key=lambda name: series[name][0], reverse=True)
    values = [series[name][0] for name in names]
    colours = [_OURS if name in {"segmind-swap", FAST} else _THEIRS for name in names]
    bars = axes.barh(names, values, color=colours)
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.margins(x=0.1)
    axes.set_title("CPU of the client's process for each swap")
    axes.set_xlabel("milliseconds")


def _polls(axes: Axes, series: Series) -> None:
    for (name, values), colour in zip(series.items(), (_OURS, _THEIRS), strict=True):
        step = max(1, len(values) // _POINTS)
        starts = range(0, len(values), step)
        means = [mean(values[start : start + step]) for start in starts]
        axes.plot(starts, means, color=colour, label=name)
    axes.axhline(7.0, color="#888888", linewidth=0.8, linestyle=":")
    axes.set_ylim(0, None)
    axes.set_title("Polls a swap, as a batch goes on (dotted: the goal)")
    axes.set_xlabel("swaps submitted before")
    axes.legend(frameon=False, loc="lower left")


def _limits(figure: Figure, series: Series) -> None:
    """A picture for each case: what was possible, and what each limiter made of it."""
    titles = list(dict.fromkeys(name.partition(" | ")[0] for name in series))
    many = figure.subplots(math.ceil(len(titles) / 2), 2, squeeze=False)
    for title, axes in zip(titles, many.flat, strict=False):
        of_title = {
            who: values
            for name, values in series.items()
            for t, _, who in [name.partition(" | ")]
            if t == title
        }
        for who, (colour, width, order) in _WHO.items():
            values = of_title[who]
            minutes = [minute + 0.5 for minute in range(len(values))]
            axes.plot(minutes, values, color=colour, linewidth=width, zorder=order, label=who)
        axes.set_ylim(0, None)
        axes.set_title(title, fontsize=9)
    for axes in many[-1]:
        axes.set_xlabel("minute")
    for axes in many[:, 0]:
        axes.set_ylabel("accepted a minute")
    handles, labels = many.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, ncols=len(labels), loc="outside upper center")


def _crowd(axes: Axes, series: Series) -> None:
    colours = {FAST: _OURS, "segmind-swap": "#6fb7b3", "bare httpx": _THEIRS}
    for name, values in series.items():
        axes.plot(range(1, len(values) + 1), values, color=colours[name], label=name)
    axes.axhline(50.0, color="#888888", linewidth=0.8, linestyle=":")
    axes.set_yscale("log")
    axes.set_title("Ten thousand in flight: how late the event loop is (dotted: the goal)")
    axes.set_xlabel("share of all ticks, %")
    axes.set_ylabel("milliseconds")
    axes.legend(frameon=False, loc="upper left")


def _alone(draw_on: Callable[[Axes, Series], None]) -> Callable[[Figure, Series], None]:
    """One picture that fills the figure."""
    return lambda figure, series: draw_on(figure.subplots(), series)


_DRAWN: Mapping[str, tuple[Callable[[Figure, Series], None], float]] = {
    "cpu": (_alone(_cpu), 2.6),
    "polls": (_alone(_polls), 3.0),
    "limits": (_limits, 7.2),
    "crowd": (_alone(_crowd), 3.4),
}


def draw(found: Sequence[Found], folder: Path) -> None:
    """Writes `bench-ROW.svg` for each row that can be drawn."""
    with mpl.rc_context(_STYLE):
        for one in found:
            if one.row not in _DRAWN or not one.series:
                continue
            drawn, height = _DRAWN[one.row]
            figure = Figure(figsize=(7.2, height), layout="constrained")
            drawn(figure, one.series)
            figure.savefig(folder / f"bench-{one.row}.svg", metadata={"Date": None})
