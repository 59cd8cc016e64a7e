"""Session folders to a data set: every whole clip, to be rated; no vote yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spermscope.dataset.form import Form
from spermscope.dataset.writer import DatasetWriter
from spermscope.session import Session, read_session
from spermscope.types import Clip

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """How many rows came in, and how many did not with the reason."""

    taken: int
    left: int = 0
    why: str = ""

    def sentence(self, what: str) -> str:
        """In short."""
        return f"{self.taken} {what}" + (f"; {self.left} left out: {self.why}" if self.left else "")


def import_sessions(
    source: Path, out: Path, progress: Progress = lambda done, total: None, *, optics: str = "", clinic: str = ""
) -> Imported:
    """Add the clips of a session folder, or of a folder of them, to the data set ``out``; it is made where none is.

    A clip is named after its session and its cell. One that is in the set already, or has fewer pictures than the set's
    clips, is left out. ``optics`` and ``clinic`` are noted beside each.

    Raises
    ------
    ValueError
        When there is no session, or a clip is of another scale or size than the set.
    """
    sessions = [read_session(folder) for folder in session_folders(source)]
    paths = [(session, path) for session in sessions for path in _clips(session)]
    form, taken = Form(), 0
    with DatasetWriter(out) as writer:
        form = writer.form
        for done, (session, path) in enumerate(paths, 1):
            taken += _take(writer, session, int(path.stem), optics, clinic)
            progress(done, len(paths))
    why = f"in the set already, or of fewer than {form.length} pictures"
    return Imported(taken, len(paths) - taken, why)


def session_folders(source: Path) -> list[Path]:
    """A session's folder, or those in a folder of sessions; what is neither stays as it is."""
    if (source / "session.json").is_file() or not source.is_dir():
        return [source]
    found = sorted(path.parent for path in source.glob("*/session.json"))
    return found or [source]


def _clips(session: Session) -> list[Path]:
    return sorted((session.folder / "clips").glob("*.npz"), key=lambda path: int(path.stem))


def _take(writer: DatasetWriter, session: Session, cell: int, optics: str, clinic: str) -> bool:
    summary = session.summary
    name = f"{summary.session_id}-{cell}"
    arrays = session.clip(cell)
    if arrays is None or name in writer or len(arrays["frames"]) < writer.form.length:
        return False
    clip = Clip(
        track_id=cell,
        **{part: arrays[part] for part in ("frames", "time_s", "xy_um", "observed")},
        um_per_px=float(arrays["um_per_px"]),
        donor=str(summary.conditions.get("donor") or ""),
        sample=str(summary.conditions.get("sample") or ""),
    )
    scale = float(summary.profile.get("um_per_px") or "nan")
    writer.add(name, clip, clinic=clinic, optics=optics, source_um_per_px=scale)
    return True
