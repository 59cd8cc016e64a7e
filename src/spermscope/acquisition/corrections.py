"""What a session counts when people's corrections are heeded; the raw result stays as it is, beside it.

A track that is no sperm is left out of every count and share. One that was missed adds to the number of cells and to
nothing else: how it moved and how long it was in view was not seen.
"""

from __future__ import annotations

import json
from collections.abc import Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spermscope.acquisition.decision_table import read_decisions
from spermscope.acquisition.shown import CellInView
from spermscope.acquisition.standing import Standing
from spermscope.concentration import concentration
from spermscope.motility import MotilityShares, hyperactivated_shares, motility_shares
from spermscope.summary import Amount
from spermscope.tally import Tally
from spermscope.types import GRADES
from spermscope.whole_files import put_text

FILE = "corrected.json"


@dataclass(frozen=True, slots=True)
class Counts:
    """Main figures of a session; None where there are none.

    ``mean_in_view`` cells a frame; ``concentration`` 10^6 per mL, ``motility`` shares of cell-seconds by name and
    ``hyperactivated`` their share, 0..1, each as ``(value, low, high)``.
    """

    cells: int
    mean_in_view: float | None
    concentration: tuple[float, float, float] | None
    motility: dict[str, tuple[float | None, ...]] | None
    hyperactivated: tuple[float | None, ...] | None
    graded: int
    sample_distribution: dict[str, float] | None


def counts(tally: Tally, amount: Amount | None = None, not_sperm: Set[int] = frozenset(), missed: int = 0) -> Counts:
    """The figures without the tracks in ``not_sperm`` and with ``missed`` more cells.

    ``amount`` is the session's concentration. Without corrections the figures are those of ``session.json``. Ids that
    were never counted change nothing.
    """
    seconds = tally.cell_seconds(without=not_sperm)
    called = hyperactivated_shares(seconds.hyperactivated, seconds.seconds, np.random.default_rng(0))
    graded = tally.graded_without(not_sperm)
    sample = tally.sample_distribution(without=not_sperm)
    return Counts(
        cells=len(seconds.who) + missed,
        mean_in_view=_finite(tally.mean_in_view(without=not_sperm)),
        concentration=_fewer(amount, tally, not_sperm) if amount else None,
        motility=_shown(motility_shares(seconds.who, seconds.seconds, np.random.default_rng(0))),
        hyperactivated=(_shown(called) or {}).get("yes"),
        graded=graded,
        sample_distribution=dict(zip(GRADES, sample.tolist(), strict=True)) if graded else None,
    )


def _shown(shares: MotilityShares) -> dict[str, tuple[float | None, ...]] | None:
    if not shares.graded_s > 0:
        return None
    parts = (shares.share, shares.low, shares.high)
    return {name: tuple(_finite(part[name]) for part in parts) for name in shares.share}


def _fewer(amount: Amount, tally: Tally, not_sperm: Set[int]) -> tuple[float, float, float]:
    """The concentration in the same volume, of the cells in view that are left."""
    seen, left = (float(tally.watched(gone).in_view.mean()) for gone in (frozenset(), not_sperm))
    found = concentration(amount.cells * left / seen if seen > 0 else 0.0, amount.volume_ul)
    return found.millions_per_ml, found.low, found.high


def cells_in_view(cells: tuple[CellInView, ...], standing: Standing) -> int:
    """Confirmed cells of one frame without those that a person says are none."""
    gone = standing.not_sperm
    return sum(cell.confirmed and cell.track_id not in gone for cell in cells)


def write_corrected(folder: Path, tally: Tally, amount: Amount | None) -> None:
    """Write ``corrected.json``: raw and corrected figures and the corrections; nothing where there are none.

    ``amount`` is the session's concentration.

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
        "raw": asdict(counts(tally, amount)),
        "corrected": asdict(counts(tally, amount, standing.not_sperm, len(standing.missed))),
    }
    put_text(folder / FILE, json.dumps(told, indent=1, allow_nan=False))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
