"""Cards of single cells: the clip that was graded, its distribution, its track, its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spermscope.report.paths import Points
from spermscope.report.strips import strip
from spermscope.session import Session
from spermscope.types import GRADES

CARDS = 8
SHOWN_PX = 150
NUMBERS = (
    ("VSL", "vsl_um_s", "um/s"),
    ("VAP", "vap_um_s", "um/s"),
    ("VCL", "vcl_um_s", "um/s"),
    ("ALH", "alh_um", "um"),
)


@dataclass(frozen=True, slots=True)
class Card:
    """What a reader sees of one cell; ``strip`` is a data URI of ``crops`` pictures side by side."""

    track_id: int
    grade: str
    shares: tuple[tuple[str, float], ...]
    expected: str
    entropy: str
    uncertainty: str
    who: str
    numbers: tuple[str, ...]
    strip: str
    crops: int
    track: str


def pick(rows: Sequence[Mapping[str, str]]) -> tuple[list[int], list[int]]:
    """Track ids of the highest predicted ratings and of the most disputed cells, best first."""
    graded = [row for row in rows if row["grade"]]
    best = sorted(graded, key=lambda row: (float(row["expected_grade"]), -float(row["duration_s"])))
    split = sorted(graded, key=lambda row: -float(row["entropy"]))
    return tuple([int(row["track_id"]) for row in order[:CARDS]] for order in (best, split))  # type: ignore[return-value]


def make_card(session: Session, row: Mapping[str, str], path: Points | None) -> Card | None:
    """The card of one row of ``sperm.csv``; None where its clip is missing."""
    clip = session.clip(int(row["track_id"]))
    if clip is None:
        return None
    frames = clip["frames"]
    known = [f"{name} {float(row[column]):.0f} {unit}" for name, column, unit in NUMBERS if row[column]]
    return Card(
        track_id=int(row["track_id"]),
        grade=row["grade"],
        shares=tuple((grade, float(row[f"p_{grade}"])) for grade in GRADES),
        expected=row["expected_grade"],
        entropy=row["entropy"],
        uncertainty=row["uncertainty"],
        who=row["who_motility"],
        numbers=tuple(known),
        strip=strip(frames),
        crops=len(frames),
        track="" if path is None or len(path) < 2 else _polyline(path),
    )


def _polyline(path: Points) -> str:
    """Points of the track fitted into a 100 x 60 box, as SVG wants them; one scale for both axes."""
    low, high = path.min(axis=0), path.max(axis=0)
    factor = min(92.0 / max(high[0] - low[0], 30.0), 52.0 / max(high[1] - low[1], 30.0))
    placed = (path - 0.5 * (low + high)) * factor + (50.0, 30.0)
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
