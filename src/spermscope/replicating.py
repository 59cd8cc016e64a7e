"""Two replicates' sessions in, their agreement out."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from spermscope.motility import WHO_GRADES
from spermscope.replicates import Agreement, compare_replicates
from spermscope.session import Session, read_session


@dataclass(frozen=True, slots=True)
class Sample:
    """One replicate: cells by WHO grade, summed over its fields at one instant each, and those without a grade."""

    counts: dict[str, int]
    ungraded: int
    fields: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Two replicates and what came of comparing them."""

    first: Sample
    second: Sample
    agreement: Agreement

    def as_json(self) -> dict[str, object]:
        """As plain values."""
        return asdict(self) | {"agrees": self.agreement.agrees}

    def lines(self) -> list[str]:
        """To read: both counts, the comparison, and what the replicates lack."""
        found = self.agreement
        verdict = "agree" if found.agrees else "do not agree: count two new replicates"
        told = [_line("first", self.first), _line("second", self.second)]
        told.append(
            f"most frequent: {found.grade}, {100 * found.share:.1f} %; {100 * found.difference:.1f} points apart, "
            f"{100 * found.limit:.1f} expected by chance: the replicates {verdict}"
        )
        return [*told, f"note: {found.shortfall}"] if found.shortfall else told


def compare_sessions(first: Path, second: Path) -> Compared:
    """Compare two replicates, each a session folder or a folder of sessions (``assess`` of several sources).

    Raises
    ------
    ValueError
        One line: a folder holds no session, a session could have no WHO grades (and why), or one recording is in both.
    """
    sessions = sessions_of(first), sessions_of(second)
    recordings = [{part.summary.source_sha256 or part.summary.session_id for part in parts} for parts in sessions]
    if recordings[0] & recordings[1]:
        raise ValueError(f"replicates: expected two replicates, found a recording that is in both {first} and {second}")
    one, two = (read_replicate(part) for part in sessions)
    return Compared(one, two, compare_replicates(one.counts, two.counts, (one.fields, two.fields)))


def sessions_of(folder: Path) -> list[Session]:
    """The sessions in ``folder``, or the one that it is."""
    inner = sorted(path.parent for path in folder.glob("*/session.json"))
    return [read_session(path) for path in inner] if inner else [read_session(folder)]


def read_replicate(sessions: list[Session]) -> Sample:
    """Cells of every field in the middle of its time: instants, so that one that swims by counts once.

    A field without a cell counts as a field.
    """
    seen: Counter[str] = Counter()
    fields = 0
    for session in sessions:
        _require_grades(session)
        for field, frames in _frames(session).items():
            middle = frames[len(frames) // 2]
            fields += 1
            for row in session.table("sperm"):
                if int(row["field"]) == field and int(row["first_frame"]) <= middle <= int(row["last_frame"]):
                    seen[row["who_motility"]] += 1
    return Sample({grade: seen[grade] for grade in WHO_GRADES}, seen[""], fields)


def _require_grades(session: Session) -> None:
    summary = session.summary
    if summary.no_who_grades or "micrometres" in summary.not_computed or summary.source_kind == "stills":
        why = summary.not_computed["motility"]
        raise ValueError(f"{session.folder}: expected WHO motility grades, found: {why}")


def _frames(session: Session) -> dict[int, list[int]]:
    frames: dict[int, list[int]] = defaultdict(list)
    for row in session.table("stage"):
        frames[int(row["field"])].append(int(row["frame"]))
    return frames


def _line(name: str, sample: Sample) -> str:
    counts = ", ".join(f"{count} {grade}" for grade, count in sample.counts.items())
    rest = f"; {sample.ungraded} more without a grade" if sample.ungraded else ""
    fields = "1 field" if sample.fields == 1 else f"{sample.fields} fields"
    return f"{name}: {sum(sample.counts.values())} cells in {fields}: {counts}{rest}"
