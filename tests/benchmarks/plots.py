"""What was found, as pictures for the documentation: one a row, where it has something to show."""

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
_LINES = ("#0b7a75", "#d1495b", "#5b6c8f", "#e0a030", "#7a4ea3", "#3f88c5", "#444444")
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


def _limits(axes: Axes, series: Series) -> None:
    for (name, values), colour in zip(series.items(), _LINES, strict=False):
        limit = int(name.rpartition(" ")[2])
        minutes = range(1, len(values) + 1)
        axes.plot(minutes, [value / limit for value in values], color=colour, label=f"{limit}")
    axes.set_ylim(0, 1.1)
    axes.set_title("Submits accepted in each minute, as a share of a limit nobody told")
    axes.set_xlabel("minute")
    axes.legend(title="a minute", frameon=False, ncols=4, loc="lower right")


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


_DRAWN: Mapping[str, tuple[Callable[[Axes, Series], None], float]] = {
    "cpu": (_cpu, 2.6),
    "polls": (_polls, 3.0),
    "limits": (_limits, 3.4),
    "crowd": (_crowd, 3.4),
}


def draw(found: Sequence[Found], folder: Path) -> None:
    """Writes `bench-ROW.svg` for each row that can be drawn."""
    with mpl.rc_context(_STYLE):
        for one in found:
            if one.row not in _DRAWN:
                continue
            drawn, height = _DRAWN[one.row]
            figure = Figure(figsize=(7.2, height), layout="constrained")
            drawn(figure.subplots(), one.series)
            figure.savefig(folder / f"bench-{one.row}.svg", metadata={"Date": None})
