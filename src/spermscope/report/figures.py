"""Figures as a report has them: one look, as inline SVG."""

from __future__ import annotations

import io
import re
import warnings

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def figure_of(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty chart, inches."""
    figure, axes = panels_of(width, height, 1)
    return figure, axes[0]


def panels_of(width: float, height: float, count: int, *, together: bool = True) -> tuple[Figure, list[Axes]]:
    """Empty charts side by side; ``together`` they share their vertical axis."""
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = list(figure.subplots(1, count, sharey=together, squeeze=False)[0])
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure, panels


def svg(figure: Figure) -> str:
    """The figure as SVG whose letters stay text, in the reader's own fonts."""
    page = io.StringIO()
    style = {"svg.fonttype": "none", "svg.hashsalt": "spermscope", "font.family": ["DejaVu Sans"]}
    with mpl.rc_context(style), warnings.catch_warnings():
        # Letters stay text and are set by the reader's fonts; those of this machine need not have them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(page, format="svg", metadata={"Date": None})
    drawn = page.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    return re.sub(r"font-family: ?[^;\"]+|'DejaVu Sans'", lambda m: m[0].replace("'DejaVu Sans'", "sans-serif"), drawn)
