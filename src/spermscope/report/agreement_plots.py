"""Charts of a rating study: how votes spread over clips, how raters lie to the panel, and what changes with time."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spermscope.agreement import AgreementStudy, Drift, RaterRow, mean_distance
from spermscope.locale import text
from spermscope.report.figures import figure_of, panels_of

PANEL, RATER = "#0072B2", "#9AA5B1"
STEP = 0.25
"""Grades; width of a bar of the histogram."""


def colours(grades: int) -> list[str]:
    """One for each grade, best darkest: an order that every kind of colour vision sees."""
    shades = mpl.colormaps["Blues"](np.linspace(0.95, 0.18, grades))
    return [to_hex(shade) for shade in shades]


def votes_by_clip(study: AgreementStudy, language: str) -> Figure:
    """Shares of the grades of every clip, stacked; clips from the best mean grade to the worst."""
    counts = study.counts[study.counts.any(axis=1)]
    shares = counts / counts.sum(axis=1, keepdims=True)
    shares = shares[np.argsort(shares @ np.arange(shares.shape[1]), kind="stable")]
    edges = np.repeat(np.arange(len(shares) + 1), 2)[1:-1]
    figure, axes = figure_of(6.4, 3.2)
    floor = np.zeros(len(shares))
    for grade, colour in enumerate(colours(shares.shape[1])):
        top = floor + 100 * shares[:, grade]
        axes.fill_between(
            edges, np.repeat(floor, 2), np.repeat(top, 2), color=colour, linewidth=0, label=study.grades[grade]
        )
        floor = top
    axes.set(xlim=(0, len(shares)), ylim=(0, 100), ylabel=text("agree_share_axis", language))
    axes.set_xlabel(text("agree_clips_axis", language))
    figure.legend(loc="outside lower center", ncols=9, frameon=False, fontsize=8)
    return figure


def disagreement(study: AgreementStudy, language: str) -> Figure:
    """How many clips have raters how far apart."""
    apart = mean_distance(study.counts)
    apart = apart[np.isfinite(apart)]
    figure, axes = figure_of(6.4, 3.2)
    top = max(float(apart.max(initial=0.0)), 1.0)
    axes.hist(apart, bins=np.arange(0.0, top + STEP, STEP).tolist(), color=PANEL, edgecolor="white")
    axes.set(xlabel=text("agree_apart_axis", language), ylabel=text("agree_number_axis", language), xlim=(0, None))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def severities(raters: Sequence[RaterRow], language: str) -> Figure:
    """Every rater's severity with its 95 % range, mildest first."""
    known = sorted((row for row in raters if np.isfinite(row.severity)), key=lambda row: row.severity)
    figure, axes = figure_of(max(7.0, 1.2 + 0.25 * len(known)), 3.0)
    axes.axhline(0, color=RATER, linewidth=1)
    place = np.arange(len(known))
    spread = [1.96 * row.error for row in known]
    axes.errorbar(place, [row.severity for row in known], yerr=spread, fmt="o", color=PANEL, ms=4, linewidth=1)
    axes.set_xticks(place, [row.name for row in known], rotation=90)
    axes.set(ylabel=text("agree_severity_axis", language), xlim=(-0.6, len(known) - 0.4))
    return figure


def drift(found: Drift, language: str) -> Figure:
    """By block: how much harsher than over all blocks, and the seconds that a vote took; raters thin, panel thick."""
    figure, panels = panels_of(9.6, 3.0, 2, together=False)
    blocks = np.arange(1, found.harshness.shape[1] + 1)
    sides = (
        (panels[0], found.harshness, found.panel, "agree_drift_axis"),
        (panels[1], found.time_s, found.panel_time_s, "agree_time_axis"),
    )
    for axes, by_rater, of_panel, name in sides:
        for row in by_rater:
            axes.plot(blocks, row, color=RATER, linewidth=0.8, alpha=0.6)
        axes.plot(blocks, of_panel, color=PANEL, linewidth=2.2, marker="o", markersize=4)
        axes.set(xlabel=text("agree_block_axis", language), ylabel=text(name, language))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].axhline(0, color="#555555", linewidth=0.8, linestyle=":")
    panels[1].set_ylim(0, None)
    return figure
