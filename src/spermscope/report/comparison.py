"""A comparison of networks and losses as files: ``table.csv``, a page that stands alone, and its charts as PNG."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined

from spermscope.locale import text
from spermscope.metrics import MEASURES, Beside, Difference, Floats, Score
from spermscope.report import comparison_plots as plots
from spermscope.report.figures import svg
from spermscope.whole_files import put, put_text

REFERENCES = ("mean_row", "ceiling_rater", "ceiling_half", "truth_row", "floor")
SHOWN = ("rank", "mse", "histogram_intersection", "mode_accuracy", "near_accuracy", "emd", "calibration_error")
"""Measures whose tables are open; the others unfold."""
DIGITS = {"rank": 2, "mse": 4, "calibration_error": 4}
"""Behind the point; of the others three."""


@dataclass(frozen=True, slots=True)
class Row:
    """A network by a loss from a seed, over all clips.

    ``apart`` is by measure this row less the best one, empty for the best; ``epochs`` and ``temperatures`` are those
    chosen by fold, ``train_s`` of all folds.
    """

    network: str
    loss: str
    seed: int
    motion: bool
    scores: Mapping[str, Score]
    parameters: int
    ms_a_clip: float
    train_s: float
    epochs: tuple[int, ...]
    temperatures: tuple[float, ...]
    rank: float = float("nan")
    apart: Mapping[str, Difference] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, the place of the best, what every score is read against, and the best row's calibration curve.

    ``curve (K, bins, 2)`` mean predicted and voted share; ``facts`` say of what and how.
    """

    rows: tuple[Row, ...]
    best: int
    beside: Mapping[str, Beside]
    curve: Floats
    grades: tuple[str, ...]
    facts: Mapping[str, int | bool | str]


def write_comparison(folder: Path, comparison: Comparison, language: str = "en") -> Path:
    """Write ``table.csv``, ``costs.csv``, the charts ``mse`` ``cost`` ``calibration`` as PNG, and ``table.html``.

    Gives the page. ``costs.csv`` has what hangs on the machine; ``table.csv`` is the same in however many parts and by
    however many processes its rows were trained.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("table.csv", _table(comparison)), ("costs.csv", _costs(comparison))):
        with put(folder / name) as part, part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)
    for name, draw in plots.CHARTS.items():
        with put(folder / f"{name}.png") as part:
            draw(comparison, "en").savefig(part, format="png", dpi=150)
    put_text(folder / "table.html", render(comparison, language))
    return folder / "table.html"


def render(comparison: Comparison, language: str) -> str:
    """The page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        files("spermscope.report").joinpath("comparison.html.j2").read_text(encoding="utf-8")
    )
    return template.render(
        say=partial(text, language=language),
        language=language,
        facts=comparison.facts,
        best=comparison.rows[comparison.best],
        losses=list(dict.fromkeys(row.loss for row in comparison.rows)),
        grids=[_grid(comparison, name) for name in ("rank", *MEASURES)],
        shown=SHOWN,
        apart=sorted(comparison.rows, key=lambda row: row.scores["mse"].value),
        charts={name: svg(draw(comparison, language)) for name, draw in plots.CHARTS.items()},
        number=_number,
    )


def _grid(comparison: Comparison, measure: str) -> dict[str, Any]:
    """One measure: reference rows, then networks by losses; a place has a row for each seed."""
    rows = comparison.rows
    found = [_value(row, measure) for row in rows]
    defined = [value for value in found if np.isfinite(value)]
    higher = measure != "rank" and MEASURES[measure].higher
    top = (max if higher else min)(defined) if defined else float("nan")
    places: dict[tuple[str, bool], dict[str, list[dict[str, Any]]]] = {}
    for number, row in enumerate(rows):
        score = row.scores.get(measure)
        entry = {
            "value": found[number],
            "low": score.low if score else float("nan"),
            "high": score.high if score else float("nan"),
            "top": found[number] == top,
            "best": number == comparison.best,
        }
        places.setdefault((row.network, row.motion), {}).setdefault(row.loss, []).append(entry)
    beside = asdict(comparison.beside[measure]) if measure != "rank" else {}
    known = {name: beside[name] for name in REFERENCES if np.isfinite(beside.get(name, np.nan))}
    networks = list(dict.fromkeys(row.network for row in rows))
    ordered = dict(sorted(places.items(), key=lambda place: (networks.index(place[0][0]), not place[0][1])))
    digits = DIGITS.get(measure, 3)
    return {"measure": measure, "higher": higher, "references": known, "places": ordered, "digits": digits}


def _value(row: Row, measure: str) -> float:
    return row.rank if measure == "rank" else row.scores[measure].value


def _number(value: float, digits: int = 3) -> str:
    """Rounded, - where undefined."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"


def _table(comparison: Comparison) -> Iterator[list[object]]:
    """Reference rows, then all rows: each measure, its interval, and how far it is from the best row."""
    parts = ("", "_low", "_high", "_less_best", "_less_best_low", "_less_best_high")
    head = ["row", "loss", "seed", "displacements", "parameters", "epochs", "temperatures", "mean_rank"]
    yield [*head, *(f"{measure}{part}" for measure in MEASURES for part in parts)]
    for name in REFERENCES:
        values = [_cell(getattr(comparison.beside[measure], name)) for measure in MEASURES]
        yield [name, *[""] * (len(head) - 1), *(cell for value in values for cell in (value, *[""] * 5))]
    for row in comparison.rows:
        chosen = " ".join(map(str, row.epochs)), " ".join(map(_cell, row.temperatures))
        line: list[object] = [row.network, row.loss, row.seed, int(row.motion), row.parameters, *chosen]
        line.append(_cell(row.rank))
        for measure in MEASURES:
            for one in (row.scores[measure], row.apart.get(measure)):
                line += [""] * 3 if one is None else [_cell(one.value), _cell(one.low), _cell(one.high)]
        yield line


def _costs(comparison: Comparison) -> Iterator[list[object]]:
    yield ["network", "loss", "seed", "displacements", "parameters", "ms_a_clip", "train_s"]
    for row in comparison.rows:
        about = [row.network, row.loss, row.seed, int(row.motion), row.parameters]
        yield [*about, f"{row.ms_a_clip:.2f}", f"{row.train_s:.1f}"]


def _cell(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else ""
