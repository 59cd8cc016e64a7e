"""Charts of a comparison: MSE of every row, what it costs, and whether the best row's shares hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from spermscope.locale import text
from spermscope.report.figures import figure_of, panels_of

if TYPE_CHECKING:
    from spermscope.report.comparison import Comparison, Row

# Okabe & Ito's colours, told apart by every kind of colour vision; marks say the same again.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#7F7F7F", "#000000")
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


def errors(comparison: Comparison, language: str) -> Figure:
    """MSE and interval of every row, losses by mark; the mean row and the floor as lines."""
    losses = list(dict.fromkeys(row.loss for row in comparison.rows))
    groups = list(dict.fromkeys((row.network, row.motion) for row in comparison.rows))
    figure, axes = figure_of(7.4, 1.5 + 0.14 * len(comparison.rows) + 0.16 * len(groups))
    place, ticks = 0.0, []
    for group in groups:
        members = [row for row in comparison.rows if (row.network, row.motion) == group]
        for offset, row in enumerate(members):
            score, style = row.scores["mse"], losses.index(row.loss) % len(MARKS)
            spread = [[score.value - score.low], [score.high - score.value]]
            axes.errorbar(
                score.value,
                place + offset,
                xerr=np.nan_to_num(np.maximum(spread, 0)),
                fmt=MARKS[style],
                color=COLOURS[style],
                markersize=4,
                linewidth=0.9,
            )
        ticks.append((place + 0.5 * (len(members) - 1), _named(members[0], language)))
        place += len(members) + 1.2
    beside = comparison.beside["mse"]
    for value, dash, name in ((beside.mean_row, "--", "mean_row"), (beside.floor, ":", "floor")):
        axes.axvline(value, color="#555555", linestyle=dash, linewidth=1)
        axes.text(value, -1.1, f" {text(f'compare_{name}', language)}", fontsize=7, color="#555555", va="bottom")
    axes.set(xlabel=text("measure_mse", language), ylim=(place - 0.7, -1.4), xlim=(0, None))
    axes.set_yticks([at for at, _ in ticks], [name for _, name in ticks])
    marks = [Line2D([], [], marker=MARKS[n % 8], color=COLOURS[n % 8], linestyle="") for n in range(len(losses))]
    figure.legend(marks, losses, loc="outside lower center", ncols=min(8, len(losses)), frameon=False, fontsize=8)
    return figure


def costs(comparison: Comparison, language: str) -> Figure:
    """MSE against time a clip and against parameters; each network's best row is the large mark."""
    networks = list(dict.fromkeys(row.network for row in comparison.rows))
    styles: list[dict[str, Any]] = [
        {"marker": MARKS[(n + n // 8) % 8], "color": COLOURS[n % 8], "linestyle": ""} for n in range(len(networks))
    ]
    figure, panels = panels_of(7.4, 3.8, 2)
    for axes, cost in zip(panels, (_milliseconds, _millions), strict=True):
        for network, style in zip(networks, styles, strict=True):
            members = [row for row in comparison.rows if row.network == network and row.motion]
            best = min(members, key=lambda row: row.scores["mse"].value)
            others = [row for row in members if row is not best]
            found = [row.scores["mse"].value for row in others]
            axes.plot([cost(row) for row in others], found, **style, ms=3, alpha=0.45)
            axes.plot(cost(best), best.scores["mse"].value, **style, ms=7)
        axes.axhline(comparison.beside["mse"].mean_row, color="#555555", linestyle="--", linewidth=1)
        axes.set_xscale("log")
        axes.margins(x=0.15, y=0.1)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    marks = [Line2D([], [], **style) for style in styles]
    figure.legend(marks, networks, loc="outside lower center", ncols=min(5, len(networks)), frameon=False, fontsize=8)
    panels[0].set(xlabel=text("compare_ms", language), ylabel=text("measure_mse", language))
    panels[1].set(xlabel=text("compare_millions", language))
    return figure


def calibration(comparison: Comparison, language: str) -> Figure:
    """Voted against predicted share, by grade; on the diagonal the best row can be taken at its word."""
    figure, axes = figure_of(4.4, 4.2)
    top = float(np.nanmax(comparison.curve, initial=0.1)) * 1.08
    axes.plot([0, top], [0, top], color="#999999", linewidth=1)
    for number, (grade, points) in enumerate(zip(comparison.grades, comparison.curve, strict=True)):
        seen = points[np.isfinite(points).all(axis=1)]
        axes.plot(*seen.T, marker=MARKS[number % 8], color=COLOURS[number % 8], ms=4, linewidth=1, label=grade)
    axes.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    axes.set(xlabel=text("compare_predicted", language), ylabel=text("compare_voted", language))
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


CHARTS: dict[str, Callable[[Comparison, str], Figure]] = {"mse": errors, "cost": costs, "calibration": calibration}


def _milliseconds(row: Row) -> float:
    return row.ms_a_clip


def _millions(row: Row) -> float:
    return row.parameters / 1e6


def _named(row: Row, language: str) -> str:
    return row.network if row.motion else f"{row.network}\n{text('compare_alone', language)}"
