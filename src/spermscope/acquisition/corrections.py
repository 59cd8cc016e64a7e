"""What a session counts when people's corrections are heeded; the raw result stays as it is, beside it.

A track that is no sperm is left out of every count and share. One that was missed adds to the number of cells and to
nothing else: how it moved and how long it was in view was not seen.
"""

from __future__ import annotations

import json
import os
from collections.abc import Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spermscope.acquisition.decision_table import read_decisions
from spermscope.acquisition.shown import CellInView
from spermscope.acquisition.standing import Standing
from spermscope.motility import motility_shares
from spermscope.tally import Tally
from spermscope.types import GRADES

FILE = "corrected.json"


@dataclass(frozen=True, slots=True)
class Counts:
    """Main figures of a session; None where there are none.

    ``mean_in_view`` cells a frame; ``motility`` shares of cell-seconds by name, 0..1, as ``(share, low, high)``.
    """

    cells: int
    mean_in_view: float | None
    motility: dict[str, tuple[float | None, ...]] | None
    graded: int
    sample_distribution: dict[str, float] | None


def counts(tally: Tally, not_sperm: Set[int] = frozenset(), missed: int = 0) -> Counts:
    """The figures without the tracks in ``not_sperm`` and with ``missed`` more cells.

    Without corrections they are those of ``session.json``. Ids that were never counted change nothing.
    """
    seconds = tally.cell_seconds(without=not_sperm)
    shares = motility_shares(seconds.who, seconds.seconds, np.random.default_rng(0))
    graded = tally.graded_without(not_sperm)
    sample = tally.sample_distribution(without=not_sperm)
    return Counts(
        cells=len(seconds.who) + missed,
        mean_in_view=_finite(tally.mean_in_view(without=not_sperm)),
        motility={
            name: tuple(_finite(part[name]) for part in (shares.share, shares.low, shares.high))
            for name in shares.share
        }
        if shares.graded_s > 0
        else None,
        graded=graded,
        sample_distribution=dict(zip(GRADES, sample.tolist(), strict=True)) if graded else None,
    )


def cells_in_view(cells: tuple[CellInView, ...], standing: Standing) -> int:
    """Confirmed cells of one frame without those that a person says are none."""
    gone = standing.not_sperm
    return sum(cell.confirmed and cell.track_id not in gone for cell in cells)


def write_corrected(folder: Path, tally: Tally) -> None:
    """Write ``corrected.json``: raw and corrected figures and the corrections; nothing where there are none.

    Raises
    ------
    ValueError
        When a row of ``decisions.jsonl`` was edited.
    """
    standing = Standing(read_decisions(folder))
    if not standing.corrections:
        return
    told: dict[str, Any] = {
        "corrections": standing.corrections,
        "not_sperm": sorted(standing.not_sperm),
        "missed": [{name: row[name] for name in ("frame", "time_s", "x_px", "y_px")} for row in standing.missed],
        "raw": asdict(counts(tally)),
        "corrected": asdict(counts(tally, standing.not_sperm, len(standing.missed))),
    }
    part = folder / f".{FILE}"
    part.write_text(json.dumps(told, indent=1, allow_nan=False), encoding="utf-8")
    os.replace(part, folder / FILE)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
