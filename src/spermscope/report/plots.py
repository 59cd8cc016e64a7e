"""Charts of a report as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from spermscope.locale import text
from spermscope.motility import WHO_GRADES
from spermscope.report.figures import figure_of, svg
from spermscope.report.paths import Points

# Okabe & Ito's colours, told apart by every kind of colour vision; line styles say the same again.
COLOURS = {"rapid": "#0072B2", "slow": "#56B4E9", "non-progressive": "#E69F00", "immotile": "#7F7F7F", "": "#BBBBBB"}
DASHES = {"rapid": "-", "slow": "--", "non-progressive": "-.", "immotile": ":", "": "-"}


def trajectories(paths: Mapping[int, Points], who: Mapping[int, str], size_px: tuple[int, int], language: str) -> str:
    """Every track in the picture, by WHO grade."""
    figure, axes = figure_of(6.2, 6.2 * size_px[1] / size_px[0] + 0.5)
    for track_id, points in paths.items():
        grade = who.get(track_id, "")
        axes.plot(*points.T, DASHES[grade], color=COLOURS[grade], linewidth=0.9)
        axes.plot(*points[-1], "o", color=COLOURS[grade], markersize=2.2)
    for grade in (*WHO_GRADES, ""):
        if any(who.get(track_id, "") == grade for track_id in paths):
            label = text(grade or "ungraded", language)
            axes.plot([], [], DASHES[grade], color=COLOURS[grade], label=label)
    axes.set(xlim=(0, size_px[0]), ylim=(size_px[1], 0), aspect="equal", xlabel=text("px_axis", language))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, frameon=False, fontsize=8)
    return svg(figure)


def speeds(values: Mapping[str, Sequence[float]], language: str) -> str:
    """Histogram of VSL, stacked by WHO grade."""
    figure, axes = figure_of(6.2, 3.0)
    groups = [grade for grade in (*WHO_GRADES, "") if len(values.get(grade, ()))]
    top = max(max(values[grade]) for grade in groups)
    bins = np.arange(0.0, max(30.0, top) + 5.0, 5.0).tolist()
    axes.hist(
        [list(values[grade]) for grade in groups],
        bins=bins,
        stacked=True,
        color=[COLOURS[grade] for grade in groups],
        edgecolor="white",
        label=[text(grade or "ungraded", language) for grade in groups],
    )
    axes.set(xlabel=text("speed_axis", language), ylabel=text("cells_axis", language))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper right", frameon=False, fontsize=8)
    return svg(figure)
